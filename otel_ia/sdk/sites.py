"""The fast call site: a monitored call opened and closed in our own tracer, without the calls of the API."""

from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from otel_ia import clock, semconv
from otel_ia.delivery.wire.bare import BareSpan
from otel_ia.guard import guarded
from otel_ia.recording.callsite import ApiCall, Call, Description, LateCallSite, begin_call, end_late, unended
from otel_ia.recording.current import SPAN_KEY, get_current, put_in_context
from otel_ia.sdk.attributes import copied
from otel_ia.sdk.ending import deliver
from otel_ia.sdk.home import LONG_CALL, Home, Pattern
from otel_ia.sdk.identifiers import draw_bits
from otel_ia.sdk.identity import FLAGS, Identity
from otel_ia.sdk.span import Span, new_span
from otel_ia.sdk.tracer import Tracer, begin
from otel_ia.sdk.unrecorded import Unrecorded, new_unrecorded

_make: Final = object.__new__
_begin: Final = guarded(begin)
_deliver: Final = guarded(deliver)


class TracerCallSite:
    """A call site of our own tracer. What its spans have in common is encoded once for each state installed.

    Calls that write log lines, and those whose sampler, ids or parent are not of our own kind, go the longer way.
    """

    __slots__ = ("_bare", "_fixed", "_has_lines", "_home", "_pattern", "_said", "tracer")

    def __init__(self, tracer: Tracer, description: Description) -> None:
        place = description.place
        self.tracer = tracer
        self._said = description
        self._has_lines = description.log is not None or description.slow_after is not None
        self._fixed: dict[str, Any] = {semconv.CODE_FUNCTION_NAME: f"{place.module}.{place.function}"}
        if place.file:
            self._fixed |= {semconv.CODE_FILE_PATH: place.file, semconv.CODE_LINE_NUMBER: place.line}
        self._fixed |= description.attributes
        self._home: Home | None = None
        self._pattern: Pattern | None = None
        self._bare: BareSpan | None = None

    def __reduce__(self) -> tuple[type[LateCallSite], tuple[Description]]:
        """Lets cloudpickle (joblib, Ray, Dask) send a monitored function of `__main__` to a worker."""
        return LateCallSite, (self._said,)

    def open(self) -> Call | None:  # noqa: PLR0911 - one for each way to go
        home = self.tracer.home
        pattern = self._pattern if home is self._home else self._settle(home)
        if pattern is None or home is None:
            return self._open_long() if home is not None or self._has_lines else None
        # What stands here cannot fail but at the limits of the interpreter; what can is guarded, which costs 200 ns.
        try:
            current = get_current()
            parent = current.get(SPAN_KEY)
            kind = type(parent)
            identity: Identity | None
            if kind is Span or kind is Unrecorded:
                identity = parent.identity  # type: ignore[attr-defined]
                trace_id, _, _, flags, trace_state = identity
                is_sampled = home.answers.sampled if flags & 1 else home.answers.unsampled
                random = flags & 2
            elif parent is None:
                identity = trace_state = None
                trace_id = draw_bits(128) or 1
                is_sampled = home.answers.root
                random = 2
            else:
                return self._open_long()
            if not is_sampled:
                if is_sampled is None:
                    return self._open_long()
                if kind is Unrecorded:
                    return None  # the ids of the span around it go on to what is inside
                ids = (trace_id, draw_bits(64) or 1, False, FLAGS[random], trace_state)
                unrecorded = _make(UnrecordedCall)
                unrecorded.span = new_unrecorded(ids)
                inside = unrecorded.context = Context(current)
                put_in_context(inside, SPAN_KEY, unrecorded.span)
                return unrecorded
            # both clocks at one moment, or a child would begin after its parent ends
            start = clock.wall()
            anchor = start - clock.monotonic()
            ids = (trace_id, draw_bits(64) or 1, False, FLAGS[random | 1], trace_state)
            span = new_span(home, pattern, ids, identity, start, anchor, None, False, False)
            call = _make(TracerCall)
            call.span = span
            call.bare = self._bare
            if pattern.is_long or home.processors.are_any or trace_state is not None:
                call.bare = None
                _begin(span)
            inside = call.context = Context(current)
            put_in_context(inside, SPAN_KEY, span)
            call.is_told = False
            call.description = self._said
        except (RecursionError, MemoryError):
            return None
        return call

    @guarded
    def _settle(self, home: Home | None) -> Pattern | None:
        """The pattern of this site's spans in that home, `None` where they go the longer way."""
        pattern = None
        if home is not None and home.own_ids and not self._has_lines:
            attributes, dropped = copied(self._fixed, home.limits.of_span)
            if not dropped:
                pattern = Pattern(self._said.name, SpanKind.INTERNAL, attributes, home.limits.of_span, home.redactor)
                self._bare = BareSpan(home.ask_prefix(), pattern.static) if home.sink is not None else None
        self._pattern, self._home = pattern, home
        return pattern

    @guarded
    def _open_long(self) -> Call | None:
        description = self._said
        start, began = clock.wall(), clock.monotonic()
        span = self.tracer.start_span(
            description.name,
            attributes=self._fixed,
            start_time=start,
            record_exception=False,
            set_status_on_exception=False,
        )
        if not span.get_span_context().is_valid and not self._has_lines:
            return None
        return begin_call(description, span, start, began)


class TracerCall:
    """One recorded call."""

    __slots__ = ("bare", "context", "description", "is_told", "span")

    bare: BareSpan | None
    span: Span
    context: Context
    is_told: bool
    description: Description

    def close(self, error: BaseException | None = None) -> None:
        span = self.span
        if error is not None:
            end = span.anchor + clock.monotonic()
            try:
                is_done = self._close_with(span, error)
            except (RecursionError, MemoryError):
                is_done = None
            if not is_done and span.end_time is None:
                unended.append((span, end, type(error)))
            return
        if span.end_time is not None:  # the user has ended it
            return
        start = span.start_time
        end = span.anchor + clock.monotonic()
        bare, home = self.bare, span.home
        ended = home.ended
        try:
            span.end_time = end
            if (
                bare is None
                or ended is None
                or span.own is not None
                or span.further is not None
                or home.processors.are_any
                or end - start > LONG_CALL
            ):
                is_done = _deliver(span)
            else:
                identity, parent = span.identity, span.parent_identity
                ended(bare.encode(identity[0], identity[1], None if parent is None else parent[1], start, end))
                is_done = True
        except (RecursionError, MemoryError):
            is_done = None
        if is_done:
            if unended:
                end_late()
        else:
            span.end_time = None
            unended.append((span, end, type(None)))

    @guarded
    def _close_with(self, span: Span, error: BaseException) -> bool:
        call = ApiCall(self.description, span, span.start_time, span.start_time - span.anchor)
        call.close(error)
        self.is_told = call.is_told
        return True


class UnrecordedCall:
    """One call that is not sampled."""

    __slots__ = ("context", "span")

    span: Unrecorded
    context: Context
    is_told: Final = False

    def close(self, error: BaseException | None = None) -> None:
        """Has nothing to end."""
