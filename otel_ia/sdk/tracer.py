"""The tracer that lasts: where spans begin."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import sampling
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationInfo, InstrumentationScope
from opentelemetry.trace import Link, NoOpTracer, SpanContext, SpanKind
from opentelemetry.trace import Span as ApiSpan

from otel_ia import clock
from otel_ia.recording.callsite import CallSite
from otel_ia.recording.current import SPAN_KEY, get_current
from otel_ia.recording.description import Description
from otel_ia.recording.fields import BOUND_KEY
from otel_ia.sdk.as_current import SpanAsCurrent
from otel_ia.sdk.attributes import copied
from otel_ia.sdk.bound import beside_bound
from otel_ia.sdk.calls import CallSpan
from otel_ia.sdk.chosen import new_held_span, trace_to_join
from otel_ia.sdk.ending import announce
from otel_ia.sdk.further import Further, valid_links
from otel_ia.sdk.home import Home, Processors
from otel_ia.sdk.identifiers import OWN_IDS, draw_bits
from otel_ia.sdk.identity import FLAGS, Identity, identity_of
from otel_ia.sdk.shares import SHARE_KEY, beside
from otel_ia.sdk.span import Span, new_span
from otel_ia.sdk.unrecorded import Unrecorded, new_unrecorded

_nothing: Final = NoOpTracer()


class Tracer(sdk_trace.Tracer):
    """A tracer for life. The provider gives it another home with every change of state, and none after the undo."""

    def __init__(self, scope: InstrumentationScope) -> None:
        self.scope = scope
        self.instrumentation_info = _information(scope)
        self.settle(None)

    def settle(self, home: Home | None) -> None:
        """From now on spans begin in this home."""
        self.sampler = home.sampler if home is not None else sampling.ALWAYS_OFF
        self.resource = home.resource if home is not None else Resource.get_empty()
        self.span_processor = home.processors if home is not None else Processors(())
        self.id_generator = home.ids if home is not None else OWN_IDS
        self.home = home

    def call_site(self, description: Description) -> CallSite:
        """A call site whose calls are opened and closed here, without the calls of the API."""
        from otel_ia.sdk.sites import TellingCallSite, TracerCallSite

        has_lines = description.log is not None or description.slow_after is not None
        return (TellingCallSite if has_lines else TracerCallSite)(self, description)

    def start_as_current_span(  # type: ignore[override]  # noqa: PLR0913 - the API's signature
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> SpanAsCurrent:
        arguments = (name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception)
        return SpanAsCurrent(self, arguments, end_on_exit=end_on_exit)

    def start_span(  # noqa: PLR0913 - the API's signature
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> ApiSpan:
        home = self.home
        if home is None:
            return _nothing.start_span(name, context)
        current = get_current() if context is None else context
        parent = parent_in(current)
        bound = current.get(BOUND_KEY)
        if bound is not None:
            attributes = beside_bound(bound, attributes) or attributes  # type: ignore[arg-type] # see `bound_in`
        answers = home.answers
        if parent is None:
            trace_id = draw_bits(128) or 1 if home.own_ids else home.ids.generate_trace_id()
            is_random = home.own_ids or home.ids.is_trace_id_random()
            share: Any = current.get(SHARE_KEY)
            is_sampled, trace_state = answers.root if share is None else None, None
        else:
            trace_id, trace_state = parent[0], parent[4]
            is_random = bool(parent[3] & 2)
            is_sampled = answers.sampled if parent[3] & 1 else answers.unsampled
        is_recording = is_sampled
        if is_sampled is None:
            sampler = home.sampler if parent is not None or share is None else beside(home.sampler, share)
            result = sampler.should_sample(context, trace_id, name, kind, attributes, links or ())
            is_sampled = result.decision is Decision.RECORD_AND_SAMPLE
            is_recording = result.decision is not Decision.DROP
            attributes, trace_state = result.attributes, result.trace_state or None
        span_id = draw_bits(64) or 1 if home.own_ids else home.ids.generate_span_id()
        identity: Identity = (trace_id, span_id, False, FLAGS[bool(is_sampled) | is_random << 1], trace_state)
        trace = None
        if not is_recording:
            trace = trace_to_join(home, current.get(SPAN_KEY), trace_id, span_id.to_bytes(8, "big"))
            if trace is None:
                return new_unrecorded(identity)
        opened, anchor = read_clocks()
        start = opened if start_time is None else start_time
        pattern = home.pattern(name, kind)
        asked = (record_exception, set_status_on_exception)
        if trace is None:
            span = new_span(home, pattern, identity, parent, start, anchor, None, *asked)
        else:
            span = new_held_span(trace, home, pattern, identity, parent, start, anchor, asked)
        if attributes is not None or links:
            _describe(span, attributes, links)
        begin(span, context)
        return span


def parent_in(context: Mapping[str, object]) -> Identity | None:
    """The identity of the context's span, if it has a valid one."""
    span: Any = context.get(SPAN_KEY)
    kind = type(span)
    if kind is CallSpan or kind is Span or kind is Unrecorded or isinstance(span, Span):
        identity: Identity = span.identity
        return identity
    if not isinstance(span, ApiSpan):
        return None
    found: object = span.get_span_context()
    if found is not None and not isinstance(found, SpanContext):
        raise TypeError("parent_span_context must be a SpanContext or None.")
    return identity_of(found) if found is not None and found.is_valid else None


def read_clocks() -> tuple[int, int]:
    """The wall clock, and what is to be added to the monotonic clock for a later time."""
    wall = clock.wall()
    return wall, wall - clock.monotonic()


def begin(span: Span, context: Context | None = None) -> None:
    """What is told of a span that has begun."""
    if span.pattern.is_long:
        announce(span)
    if span.home.processors.are_any:
        span.home.processors.on_start(span, context)


def _describe(span: Span, attributes: Any, links: Sequence[Link] | None) -> None:
    limits = span.home.limits
    span.own, dropped = copied(attributes, limits.of_span) if attributes is not None else (None, 0)
    kept = valid_links(links, limits.of_link)
    if dropped or kept:
        further = span.further = Further()
        further.dropped_attributes = dropped
        for link in kept:
            further.add_link(link, limits.links)


def _information(scope: InstrumentationScope) -> InstrumentationInfo:
    made = object.__new__(InstrumentationInfo)
    initialise: Any = inspect.unwrap(InstrumentationInfo.__init__)  # below what warns that the class is deprecated
    initialise(made, scope.name, scope.version, scope.schema_url)
    return made
