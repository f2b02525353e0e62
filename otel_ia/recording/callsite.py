"""What is fixed when a call site is decorated, and how one of its calls is opened and closed."""

import functools
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode, Tracer

from otel_ia import clock, semconv
from otel_ia.guard import guarded
from otel_ia.recording import lines, switch
from otel_ia.recording.compiling import open_nothing, replace_when_compiled
from otel_ia.recording.current import SPAN_KEY, attach, get_current, leave
from otel_ia.recording.description import Description
from otel_ia.recording.outcome import Outcome, outcome_of, record_outcome
from otel_ia.recording.tallying import Tally, current_tally, end_call, look_for_provider, uncounted
from otel_ia.recording.tallying import begin_call as begin_tally
from otel_ia.values import Value, qualified_name

if TYPE_CHECKING:
    from otel_ia.capture.choice import Choice
    from otel_ia.capture.plan import Plan


_logger: Final = logging.getLogger("otel_ia")


class Call(Protocol):
    """One call, from its opening to its close."""

    @property
    def span(self) -> Span:
        """The call's span, current wherever `inside` is attached."""

    @property
    def inside(self) -> Any:
        """The context in which `span` is current, for the user's code to run in; `None` when the call is closed."""

    @property
    def is_span(self) -> bool:
        """Whether the call is the span: then nobody needs to ask for it, which costs 50 ns."""

    @property
    def is_told(self) -> bool:
        """Whether an `exception` event of what ended the call stands on its span or on one below."""

    @property
    def tally(self) -> Tally | None:
        """What counts this call, or None."""

    def close_stream(self, items: int, began: int, first: int, error: BaseException | None = None) -> None:
        """Closes a generator's call, which yielded so many items.

        It began, and its first item came, at these moments of the monotonic clock.
        """

    def close(self, error: BaseException | None = None) -> None:
        """Ends the call: outcome, log lines, end of the span. Never raises; the context is still attached."""

    def close_capturing(self, plan: "Plan", result: object, /) -> None:
        """Ends a call that went well, whose span says what the plan wants to be said of the result."""


Given: TypeAlias = tuple["Plan", tuple[Any, ...], Mapping[str, Any]]
"""The arguments of a call, and the plan that says what is to be captured of them. A bare tuple takes 20 ns."""
Own: TypeAlias = Mapping[str, Value] | Given | None
"""What a call has of its own: attributes, or arguments that become attributes if it is recorded."""


class CallSite(Protocol):
    """What a decorated function or a block keeps between calls."""

    @property
    def plan(self) -> "Plan | None":
        """What is captured of its calls."""

    def open(self, own: Own = None, /) -> Call | None:
        """A new call, with what it has of its own, or `None` where nothing is to be recorded. Never raises."""


class CapturingSite(Protocol):
    """A call site that captures."""

    @property
    def plan(self) -> "Plan":
        """What is captured of its calls."""

    def open(self, own: Own = None, /) -> Call | None:
        """See `CallSite`."""


Opening: TypeAlias = Callable[..., Call | None]
"""A call site's `open`."""


class ApiCallSite:
    """A call site that needs nothing but the OpenTelemetry API: any provider, or none."""

    __slots__ = ("_attributes", "_current", "_description", "_tracer")

    def __init__(self, description: Description) -> None:
        place = description.place
        self._description = description
        self._tracer = _get_tracer() or trace.NoOpTracer()
        self._attributes: dict[str, Value] = {semconv.CODE_FUNCTION_NAME: f"{place.module}.{place.function}"}
        if place.file:
            self._attributes |= {semconv.CODE_FILE_PATH: place.file, semconv.CODE_LINE_NUMBER: place.line}
        self._attributes |= description.attributes
        self._current = current_tally(description)

    @guarded
    def open(self, own: Own = None, /) -> "ApiCall | None":
        description = self._description
        given = own if isinstance(own, tuple) else None
        own = None if isinstance(own, tuple) else own
        has_lines = description.log is not None or description.slow_after is not None
        if switch.is_off and not has_lines:
            return None
        self.is_counted()
        # both clocks at one moment, or a child would begin after its parent ends
        start, began = clock.wall(), clock.monotonic()
        span = self._tracer.start_span(
            description.name,
            attributes={**self._attributes, **own} if own else self._attributes,
            start_time=start,
            record_exception=False,
            set_status_on_exception=False,
        )
        if self._current.tally is None and not has_lines and not span.get_span_context().is_valid:
            return None
        if given is not None:
            own = capture(given, span, is_counted=self._current.tally is not None)
        call = begin_call(description, span, start, began)
        call.tally = begin_tally(self._current, own)
        return call

    def is_counted(self) -> bool:
        """Whether anything counts its calls."""
        if self._current.tally is None:
            look_for_provider()
        return self._current.tally is not None


@guarded
def capture(given: Given, span: Span, *, is_counted: bool) -> Mapping[str, Value] | None:
    """Puts what is captured of the arguments on a span that has just begun, if it is recorded.

    If it is not, but counted, what is given back is for the count alone.
    """
    plan, args, kwargs = given
    if span.is_recording():
        span.set_attributes(plan.describe(args, kwargs))
        return None
    size = plan.batch_size(args, kwargs) if is_counted else None
    return {semconv.BATCH_SIZE: size} if size is not None else None


class LateCallSite:
    """Needs the API only until a tracer provider is set; from then on is what that provider's tracer offers.

    Functions are decorated before `configure` is called.
    """

    __slots__ = ("_api", "_description", "_has_lines", "choice", "open", "plan", "says_batch")

    def __init__(self, description: Description, choice: "Choice | None" = None, plan: "Plan | None" = None) -> None:
        self._description = description
        self.choice = choice
        """What its calls are to capture; `None`: as the settings say."""
        self.plan = plan
        self.says_batch: Final = semconv.BATCH_SIZE in description.attributes
        self._has_lines = description.log is not None or description.slow_after is not None
        self._api = ApiCallSite(description)
        self.open: Opening = self._open_undecided
        """Replaced by the chosen one's own method, so that no call of ours stands in between."""

    def __reduce__(self) -> tuple[type["LateCallSite"], tuple[Any, ...]]:
        """Lets cloudpickle (joblib, Ray, Dask) send a monitored function of `__main__` to a worker."""
        return LateCallSite, (self._description, self.choice, self.plan)

    def _open_undecided(self, own: Own = None, /) -> "Call | None":
        if switch.is_off and not self._has_lines:
            return None
        return (self._choose() or self._api.open)(own)

    def _open_without_provider(self, own: Own = None, /) -> "Call | None":
        """Needs half the time where there is neither a span to go on from, nor lines to write, nor a count to keep."""
        if self._has_lines or get_current().get(SPAN_KEY) is not None or self._api.is_counted():
            return self._api.open(own)
        return None

    @guarded
    def _choose(self) -> "Opening | None":
        provider = trace.get_tracer_provider()
        if isinstance(provider, trace.ProxyTracerProvider):
            return self._open_without_provider
        offer = getattr(_get_tracer_of(provider), "call_site", None)
        if offer is None and self._description.sample is not None:
            _tell_of_samples()
        chosen: Opening = offer(self._description).open if offer is not None else self._api.open
        replace_when_compiled(chosen, open_nothing)
        self.open = chosen
        return chosen


for _open in (LateCallSite._open_undecided, LateCallSite._open_without_provider):  # noqa: SLF001 - of this file
    replace_when_compiled(_open, open_nothing)


@functools.cache  # once
def _tell_of_samples() -> None:
    _logger.warning("monitor(sample=…) is of no effect: the tracer provider is another library's, and decides itself")


def begin_call(description: Description, span: Span, start: int, began: int) -> "ApiCall":
    """The call of a span that has just begun, its start line written if there is to be one."""
    call = ApiCall(description, span, start, began)
    if description.log is not None:
        token = attach(call.inside)
        try:
            lines.write_start(description.place, description.log, description.name)
        finally:
            leave(token)
    return call


@functools.cache  # 3 µs each time
@guarded
def _get_tracer() -> Tracer:
    return trace.get_tracer("otel_ia", schema_url=semconv.SCHEMA_URL)


@functools.cache
def _get_tracer_of(provider: trace.TracerProvider) -> Tracer:
    return provider.get_tracer("otel_ia", schema_url=semconv.SCHEMA_URL)


def stream_attributes(items: int, waited: int, elapsed: int) -> dict[str, Any]:
    """What is said of a stream that yielded so many items, never the items: nanoseconds to the first and to the end."""
    if not items:
        return {semconv.STREAM_ITEMS: 0}
    said = {semconv.STREAM_ITEMS: items, semconv.STREAM_TIME_TO_FIRST_ITEM: waited / 1e9}
    if elapsed > 0:
        said[semconv.STREAM_RATE] = items * 1e9 / elapsed
    return said


@guarded
def describe_stream(span: Span, attributes: Mapping[str, Any], moment: int | None) -> None:
    """Puts on the span what is said of its stream, and the event of the first item, if there was one."""
    if span.is_recording():
        span.set_attributes(attributes)
        if moment is not None:
            span.add_event(semconv.STREAM_FIRST_ITEM, None, moment)


@guarded
def count_stream(tally: Tally, items: int, waited: int, elapsed: int, span: Span) -> None:
    """Counts a stream of so many items, the first after so many nanoseconds."""
    tally.record_stream(items, waited if items else None, elapsed, span)


class ApiCall:
    """One call at an `ApiCallSite`."""

    __slots__ = ("_began", "_description", "_start", "inside", "is_told", "span", "tally")

    is_span: Final = False

    def __init__(self, description: Description, span: Span, start: int, began: int) -> None:
        self._description = description
        self._start = start
        self.span = span
        self._began = began
        self.is_told = False
        self.tally: Tally | None = None
        self.inside = trace.set_span_in_context(span)

    def close_stream(self, items: int, began: int, first: int, error: BaseException | None = None) -> None:
        elapsed = clock.monotonic() - began
        moment = self._start + first - self._began if items else None
        describe_stream(self.span, stream_attributes(items, first - began, elapsed), moment)
        if self.tally is not None:
            count_stream(self.tally, items, first - began, elapsed, self.span)
        self.close(error)

    def close_capturing(self, plan: "Plan", result: object) -> None:
        plan.describe_result(self.span, result)
        self.close()

    def close(self, error: BaseException | None = None) -> None:
        elapsed = clock.monotonic() - self._began
        end = self._start + elapsed
        try:
            self._close(error, elapsed / 1e9, end)
        except RecursionError:
            unended.append((self.span, end, type(error)))
        if self.tally is not None:
            try:
                end_call(self.tally, self._description, elapsed, error, self.span)
            except RecursionError:
                uncounted.append((self.tally, elapsed, None if error is None else type(error)))

    def _close(self, error: BaseException | None, seconds: float, end: int) -> None:
        outcome = outcome_of(error)
        if error is not None:
            self.is_told = bool(_record_outcome(self.span, outcome, error, end))
        description = self._description
        if description.log is not None or description.slow_after is not None:
            self._tell(description, seconds, end, outcome, error)
        if not _end(self.span, end):
            unended.append((self.span, end, type(error)))
        elif unended:
            end_late()

    @guarded
    def _tell(
        self, description: Description, seconds: float, end: int, outcome: Outcome, error: BaseException | None
    ) -> None:
        slow_after = description.slow_after
        if slow_after is not None and seconds > slow_after and self.span.is_recording():
            self.span.set_attribute(semconv.SLOW, value=True)
            self.span.add_event(semconv.SLOW_EVENT, {semconv.SLOW_AFTER: slow_after}, end)
        token = attach(self.inside)
        try:
            if slow_after is not None and seconds > slow_after:
                lines.write_slow(description.place, description.name, seconds, slow_after)
            if description.log is not None:
                lines.write_end(description.place, description.log, description.name, seconds, outcome, error)
        finally:
            leave(token)


unended: Final[deque[tuple[Span, int, type[BaseException] | type[None]]]] = deque(maxlen=1_000)
"""Span, end and exception class of calls too near the recursion limit to be closed; the next one to close ends them."""

_record_outcome = guarded(record_outcome)


@guarded
def _end(span: Span, end: int) -> bool:
    if span.is_recording():  # one that the user has ended would log a warning
        span.end(end)
    return True


def end_late() -> None:
    """Ends what could not be ended; what cannot be even now goes back to wait."""
    for _ in range(len(unended)):
        try:
            late = unended.popleft()
        except IndexError:  # another thread is at it
            return
        try:
            is_done = _end_now(*late)
        except RecursionError:
            is_done = None
        if not is_done:
            unended.append(late)
            return


@guarded
def _end_now(span: Span, end: int, error_type: type[BaseException] | type[None]) -> bool:
    if span.is_recording():
        if issubclass(error_type, BaseException):
            span.set_attribute(semconv.OUTCOME, Outcome.ERROR.value)
            span.set_attribute(semconv.ERROR_TYPE, qualified_name(error_type))
            span.set_status(Status(StatusCode.ERROR, qualified_name(error_type)))
        span.end(end)
    return True
