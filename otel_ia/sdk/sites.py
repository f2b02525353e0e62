"""The fast call site: a monitored call opened and closed in our own tracer, without the calls of the API."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, TraceFlags

from otel_ia import clock, semconv
from otel_ia.delivery.wire.bare import BareSpan
from otel_ia.guard import guarded
from otel_ia.recording.callsite import Call, Given, LateCallSite, Own, begin_call, capture
from otel_ia.recording.current import SPAN_KEY, copy_into, get_current, put_first, put_in_context
from otel_ia.recording.description import Description
from otel_ia.recording.fields import BOUND_KEY
from otel_ia.recording.tallying import Tally as AnyTally
from otel_ia.recording.tallying import begin_call as begin_tally
from otel_ia.recording.tallying import current_tally
from otel_ia.sdk.attributes import copied, is_plain
from otel_ia.sdk.calls import CallSpan, CountedCall, leaves_streams
from otel_ia.sdk.chosen import HeldCall, StatedCall
from otel_ia.sdk.first_tally import LongWay
from otel_ia.sdk.home import Home, Pattern
from otel_ia.sdk.identifiers import draw_bits, more_span_ids, more_trace_ids, take_span_id, take_trace_id
from otel_ia.sdk.identity import FLAGS
from otel_ia.sdk.keeping import HeldTrace, Keeper
from otel_ia.sdk.sampling import known_answers
from otel_ia.sdk.shares import SHARE_KEY, RuleSampler, Share, share_of
from otel_ia.sdk.span import Span
from otel_ia.sdk.tallies import BEGUN, Tally
from otel_ia.sdk.tracer import Tracer, begin
from otel_ia.sdk.unrecorded import Unrecorded, new_unrecorded
from otel_ia.values import Value

_ROOT_FLAGS: Final = FLAGS[TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID]
_UNSAMPLED_FLAGS: Final = FLAGS[TraceFlags.RANDOM_TRACE_ID]
_NOTHING: Final[Mapping[str, Value]] = MappingProxyType({})
_make: Final = object.__new__
_begin: Final = guarded(begin)


@guarded
def _describe(span: CallSpan, own: Mapping[str, Value] | Given) -> Mapping[str, Value] | None:
    """Gives a span that has just begun what its call has of its own; gives back what of it metrics may have."""
    told: Mapping[str, Value] | None = None
    is_known = False
    if isinstance(own, tuple):
        plan, args, kwargs = own
        attributes = plan.describe(args, kwargs)
        is_known = plan.is_all_plain and span.home.takes_texts
        told = None if get_current().get(BOUND_KEY) is None else _NOTHING
    else:
        told, attributes = own, dict(own)
    if (
        span.own is None
        and len(attributes) <= span.pattern.room
        and (is_known or is_plain(attributes, span.home.limits.of_span))
    ):
        span.own = attributes  # 0.2 µs an attribute less than one after the other
    else:
        span.set_attributes(attributes)
    return told


@guarded
def _captured(given: Given) -> Mapping[str, Value]:
    plan, args, kwargs = given
    return plan.describe(args, kwargs)


@guarded
def _put_bound(span: CallSpan, bound: Any) -> None:
    """Gives a call's span the fields bound around it, but for those that the call site has itself."""
    static = span.pattern.static.attributes
    span.set_attributes({name: value for name, value in bound.items() if name not in static})


class TracerCallSite:
    """A call site of our own tracer. What its spans have in common is encoded once for each state installed.

    Calls whose sampler, ids or parent are not of our own kind go the longer way.
    """

    __slots__ = ("_current", "_fixed", "_home", "_pattern", "_said", "tracer")

    has_lines = False

    plan: Final = None  # that of the call site which it stands in for comes along with each call

    def __init__(self, tracer: Tracer, description: Description) -> None:
        place = description.place
        self.tracer = tracer
        self._said = description
        self._current = current_tally(description)
        self._fixed: dict[str, Any] = {semconv.CODE_FUNCTION_NAME: f"{place.module}.{place.function}"}
        if place.file:
            self._fixed |= {semconv.CODE_FILE_PATH: place.file, semconv.CODE_LINE_NUMBER: place.line}
        self._fixed |= description.attributes
        self._home: Home | None = None
        self._pattern: Pattern | None = None

    def __reduce__(self) -> tuple[type[LateCallSite], tuple[Description]]:
        """Lets cloudpickle (joblib, Ray, Dask) send a monitored function of `__main__` to a worker."""
        return LateCallSite, (self._said,)

    def open(self, own: Own = None, /) -> Call | None:  # noqa: C901, PLR0911, PLR0912, PLR0915 - each way to go, without a call
        home: Any = self.tracer.home
        if home is None:
            return None if self._current.tally is None else self._open_long(own)
        pattern = self._pattern if home is self._home else self._settle(home)
        if pattern is None:
            return self._open_long(own)
        tally: Any = self._current.tally
        make: type[CallSpan] = CallSpan
        chosen: Any = None
        # What stands here cannot fail but at the limits of the interpreter; what can is guarded, which costs 200 ns.
        try:
            current = get_current()
            parent: Any = current.get(SPAN_KEY)
            kind = type(parent)
            if kind is CallSpan:
                trace_id: bytes = parent.trace_id
                parent_id: bytes | None = parent.own_id
                flags: TraceFlags = parent.flags
                is_sampled = home.answers.sampled
            elif parent is None:
                parent_id = None
                flags = _ROOT_FLAGS
                is_sampled = pattern.root
                if is_sampled is True:
                    try:
                        trace_id = take_trace_id()
                    except IndexError:
                        trace_id = more_trace_ids()
                else:
                    if is_sampled is None and (chosen := pattern.share) is not None:
                        trace_id = draw_bits(128).to_bytes(16, "big")
                        make, is_sampled = StatedCall, trace_id[9:] >= chosen.least
                    if is_sampled is False:
                        if home.keeper is None:
                            unrecorded = new_unrecorded(None)
                            inside = Context(current)
                            put_in_context(inside, SPAN_KEY, unrecorded)
                            if tally is not None:
                                return self._count_alone(unrecorded, inside, own)
                            unrecorded.inside = inside
                            return unrecorded
                        if chosen is None:
                            try:
                                trace_id = take_trace_id()
                            except IndexError:
                                trace_id = more_trace_ids()
                        flags = _UNSAMPLED_FLAGS
                        make, chosen, is_sampled = HeldCall, home.keeper, True
            elif kind is HeldCall and parent.chosen.is_kept is not False:
                trace_id = parent.trace_id
                parent_id = parent.own_id
                flags = parent.flags
                make, chosen, is_sampled = HeldCall, parent.chosen, True
            elif kind is Span and parent.identity[4] is None:
                number, above, _, flags, _ = parent.identity
                trace_id = number.to_bytes(16, "big")
                parent_id = above.to_bytes(8, "big")
                is_sampled = home.answers.sampled if flags & 1 else home.answers.unsampled
                flags = FLAGS[flags | 1]
            elif kind is StatedCall:
                trace_id = parent.trace_id
                parent_id = parent.own_id
                flags = parent.flags
                is_sampled = home.answers.sampled
                make, chosen = StatedCall, parent.chosen
            elif kind is Unrecorded and home.answers.unsampled is False:
                # the ids of the span around it go on to what is inside
                return None if tally is None else self._count_alone(parent, Context(current), own)
            else:
                return self._open_long(own)
            if not is_sampled:
                return self._open_long(own)
            # Storing the slots here saves a call of `new_span`, 60 ns.
            span: Any = _make(make)
            span.home = home
            span.pattern = pattern
            span.trace_id = trace_id
            try:
                span.own_id = take_span_id()
            except IndexError:
                span.own_id = more_span_ids()
            span.parent_id = parent_id
            span.flags = flags
            # both clocks at one moment, or a child would begin after its parent ends
            span.start_time = clock.wall()
            span.began = clock.monotonic()
            span.end_time = span.own = span.only_event = span.further = span.made_context = None
            span.is_announced = False
            if chosen is not None:
                span.chosen = chosen if type(chosen) is not Keeper else HeldTrace(chosen, span.own_id)
            # mostly the span is all there is in a context: 100 ns less than copying, and a third of `__setitem__`
            inside = span.inside = Context()
            if len(current) == (parent is not None):
                put_first(inside, SPAN_KEY, span)
            else:
                copy_into(inside, current)
                put_in_context(inside, SPAN_KEY, span)
                bound = current.get(BOUND_KEY)
                if bound is not None:
                    _put_bound(span, bound)
                    if own is None:
                        own = _NOTHING  # metrics may have what is bound
            if own:
                own = _describe(span, own)
            if pattern.is_long or home.at_once is None:
                _begin(span)
            if tally is not None:
                if own is None and type(tally) is Tally:
                    tally.cells[BEGUN] += 1  # one statement, as `Tally.begin` has it: without the call 60 ns less
                else:
                    tally = begin_tally(self._current, own)
            span.tally = tally
        except (RecursionError, MemoryError):
            return None
        return span  # type: ignore[no-any-return]

    def _count_alone(self, span: Unrecorded, inside: Context, own: Own) -> Call:
        """A call that is not sampled, but counted."""
        if isinstance(own, tuple):
            own = capture(own, span, is_counted=True)
        call = _make(CountedCall)
        call.span = span
        call.inside = inside
        call.description = self._said
        tally: Any = self._current.tally
        call.began = clock.monotonic()
        if own is None and type(tally) is Tally and (len(inside) == 1 or BOUND_KEY not in inside):
            tally.cells[BEGUN] += 1
            call.tally = tally
        else:
            call.tally = self._begin_tally(own)
        return call

    def _begin_tally(self, own: Mapping[str, Value] | None) -> AnyTally | None:
        """Counts a call whose span may not be there to tell, at its end, how large its batch was."""
        tally = begin_tally(self._current, own)
        return LongWay(tally, own) if own and semconv.BATCH_SIZE in own and type(tally) is Tally else tally

    @guarded
    def _settle(self, home: Home) -> Pattern | None:
        """The pattern of this site's spans in that home, `None` where they go the longer way."""
        pattern = None
        if home.own_ids:
            attributes, dropped = copied(self._fixed, home.limits.of_span)
            if not dropped:
                pattern = Pattern(self._said.name, SpanKind.INTERNAL, attributes, home.limits.of_span, home.redactor)
                pattern.call = self._said
                pattern.bare = BareSpan(home.ask_prefix(), pattern.static) if home.sink is not None else None
                pattern.leaves_streams = leaves_streams(pattern.static, home)
                pattern.root, pattern.share = self._choose_roots(home)
        self._pattern, self._home = pattern, home
        return pattern

    def _choose_roots(self, home: Home) -> tuple[bool | None, Share | None]:
        """Whether calls that begin a trace are sampled; else `None`, and the share that is, if that is known."""
        said, sampler = self._share(home), home.sampler
        if home.answers.unsampled is not False:  # what is inside is decided by the ids, so they are to be drawn
            return (home.answers.root if said is None else None), None
        if type(sampler) is not RuleSampler:
            return (None, said) if said is not None else (home.answers.root, None)
        rule = sampler.first_rule(self._said.name, self._fixed)
        if rule is not None:
            return None, rule.share if rule.matches(self._said.name, self._fixed) else None
        share = said or sampler.share
        return (None, share) if share is not None else (known_answers(sampler.below).root, None)

    def _share(self, home: Home | None) -> Share | None:
        share = self._said.sample
        return share_of(share) if share is not None and home is not None and home.heeds_shares else None

    @guarded
    def _open_long(self, own: Own) -> Call | None:
        description = self._said
        given = own if isinstance(own, tuple) else None
        own = None if isinstance(own, tuple) else own
        answers = self.tracer.home.answers if self.tracer.home is not None else None
        captured: Mapping[str, Value] | None = None
        if given is not None and answers is not None and answers.root and answers.sampled:
            # at the start, so that what the span is announced with has it
            captured = _captured(given)
        share = self._share(self.tracer.home)
        context = Context({**get_current(), SHARE_KEY: share}) if share is not None else None
        start, began = clock.wall(), clock.monotonic()
        span = self.tracer.start_span(
            description.name,
            context,
            attributes={**self._fixed, **(own or captured or {})} if own or captured else self._fixed,
            start_time=start,
            record_exception=False,
            set_status_on_exception=False,
        )
        is_ours = isinstance(span, Span | Unrecorded)  # is valid, and to ask it for its context would share its trace
        if not (is_ours or span.get_span_context().is_valid or self.has_lines or self._current.tally is not None):
            return None
        if given is not None and not (captured and span.is_recording()):
            own = capture(given, span, is_counted=self._current.tally is not None)
        call = begin_call(description, span, start, began)
        call.tally = self._begin_tally(own)
        return call


class TellingCallSite(TracerCallSite):
    """One whose calls write log lines, or tell when they were slow: they always go the longer way."""

    __slots__ = ()

    has_lines = True

    def open(self, own: Own = None, /) -> Call | None:
        return self._open_long(own)
