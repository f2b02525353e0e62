"""Whatever is done to a span, ours says of itself what the SDK's says, and is sent as the SDK's would be."""

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, sampling
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from otel_ia.sdk.home import TracingState
from otel_ia.sdk.provider import TracerProvider

RESOURCE = Resource({"service.name": "alike"})


class CountingIds(IdGenerator):
    def __init__(self) -> None:
        self.numbers = itertools.count(1)

    def generate_trace_id(self) -> int:
        return next(self.numbers)

    def generate_span_id(self) -> int:
        return next(self.numbers)


class Kept(SpanProcessor):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


class KeptMessages:
    """A sink that parses what it is given."""

    def __init__(self) -> None:
        self.ended_payloads: list[bytes] = []

    def scope(self, encoded: bytes, /) -> bytes:
        return b"\x01"

    def begun(self, span_id: int, payload: bytes, /) -> None:
        pass

    def settled(self, span_id: int, /) -> None:
        pass

    def ended(self, _kind: int, payload: bytes, /) -> None:
        self.ended_payloads.append(payload)


class Printable:
    def __str__(self) -> str:
        return "a printable object"


class Plain:
    """Neither `__str__` nor `__repr__`."""


@dataclass
class Broken(Exception):
    message: str


keys = st.sampled_from(["a", "b", "c", "d", "e", "a long key with ü"]) | st.text(max_size=3)
scalars = (
    st.text(st.characters(codec="utf-8"), max_size=12)
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats()
    | st.booleans()
)
sequences = st.lists(scalars | st.none(), max_size=4) | st.tuples(scalars, scalars)
any_value = st.recursive(
    scalars | st.none() | st.binary(max_size=5) | st.builds(Printable) | st.builds(Plain) | sequences,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
mappings = st.dictionaries(keys | st.integers(0, 3) | st.just(Printable), any_value, max_size=6)
attributes = st.none() | mappings
times = st.integers(1_600_000_000_000_000_000, 1_700_000_000_000_000_000)
states = st.sampled_from([None, TraceState(), TraceState([("vendor", "value"), ("other", "1")])])
contexts = st.builds(
    SpanContext,
    st.sampled_from([0, 1, (1 << 128) - 1]),
    st.sampled_from([0, 5, (1 << 64) - 1]),
    is_remote=st.booleans(),
    trace_flags=st.sampled_from([TraceFlags(0), TraceFlags(1), TraceFlags(3)]),
    trace_state=states,
)
codes = st.sampled_from(StatusCode)
descriptions = st.none() | st.text(max_size=5)
limit = st.none() | st.integers(0, 4) | st.just(SpanLimits.UNSET)
limits = st.builds(
    SpanLimits,
    max_attributes=limit,
    max_events=limit,
    max_links=limit,
    max_span_attributes=limit,
    max_event_attributes=limit,
    max_link_attributes=limit,
    max_attribute_length=limit,
    max_span_attribute_length=limit,
)
Act = Callable[[trace.Span], object]


def act(name: str, *arguments: Any) -> Act:
    def apply(span: trace.Span) -> object:
        return getattr(span, name)(*arguments) if hasattr(span, name) else None

    return apply


def set_status_object(code: StatusCode, description: str | None, further: str | None) -> Act:
    return lambda span: span.set_status(Status(code, description), further)


acts = st.one_of(
    st.builds(act, st.just("set_attribute"), keys, any_value),
    st.builds(act, st.just("set_attribute"), keys, scalars),
    st.builds(act, st.just("set_attributes"), mappings),
    st.builds(act, st.just("add_event"), keys, attributes, times),
    st.builds(act, st.just("add_link"), contexts, attributes),
    st.builds(act, st.just("update_name"), keys),
    st.builds(act, st.just("set_status"), codes, descriptions),
    st.builds(set_status_object, codes, descriptions, descriptions),
    st.builds(act, st.just("record_exception"), st.builds(Broken, keys), attributes, times, st.booleans()),
    st.builds(act, st.just("is_recording")),
    st.builds(act, st.just("start"), times),
    st.builds(act, st.just("end"), times),
)
samplers = st.sampled_from(
    [
        sampling.ALWAYS_ON,
        sampling.ALWAYS_OFF,
        sampling.DEFAULT_ON,
        sampling.DEFAULT_OFF,
        sampling.StaticSampler(sampling.Decision.RECORD_ONLY),
        sampling.ParentBasedTraceIdRatio(1.0),
        sampling.TraceIdRatioBased(1.0),
        sampling.ParentBased(sampling.ALWAYS_ON, local_parent_not_sampled=sampling.ALWAYS_ON),
        sampling.ParentBased(sampling.StaticSampler(sampling.Decision.RECORD_ONLY)),
    ]
)
parents = st.none() | contexts


@dataclass(frozen=True)
class Case:
    limits: SpanLimits
    sampler: sampling.Sampler
    parent: SpanContext | None
    kind: SpanKind
    attributes: Any
    links: list[tuple[SpanContext, Any]]
    start: int
    acts: list[Act]
    end: int


cases = st.builds(
    Case,
    limits,
    samplers,
    parents,
    st.sampled_from(SpanKind),
    attributes,
    st.lists(st.tuples(contexts, attributes), max_size=4),
    times,
    st.lists(acts, max_size=12),
    times,
)


def play(tracer: trace.Tracer, case: Case) -> tuple[trace.Span, list[object]]:
    context = set_span_in_context(NonRecordingSpan(case.parent)) if case.parent is not None else None
    outer = tracer.start_span("outer", context, start_time=case.start)
    links = [Link(to, given) for to, given in case.links]
    span = tracer.start_span("inner", set_span_in_context(outer), case.kind, case.attributes, links, case.start)
    seen: list[object] = [span.get_span_context(), outer.get_span_context(), span.is_recording()]
    for perform in case.acts:
        seen.append(perform(span))
        if isinstance(span, ReadableSpan):
            seen += [dict(span.attributes or {}), span.name, len(span.events), len(span.links), span.end_time]
            seen += [span.status.status_code, span.status.description]
    if span.is_recording():
        span.end(case.end)
    outer.end(case.end)
    return span, seen


def said_of(span: ReadableSpan) -> list[object]:
    try:
        text = span.to_json()
    except TypeError as error:
        text = str(error)
    return [
        text,
        span.dropped_attributes,
        span.dropped_events,
        span.dropped_links,
        [event.dropped_attributes for event in span.events],
        [link.dropped_attributes for link in span.links],
        span.parent,
        span.context,
        span.kind,
        span.resource.attributes == RESOURCE.attributes,
        span.instrumentation_scope,
        [(event.name, event.timestamp, repr(dict(event.attributes or {}))) for event in span.events],
    ]


def official(span: ReadableSpan) -> bytes:
    message = encode_spans([span]).resource_spans[0].scope_spans[0].spans[0]
    return bytes(message.SerializeToString(deterministic=True))


def over(most: int) -> Case:
    """More of everything than may be kept."""
    limits = SpanLimits(max_span_attributes=most, max_events=most, max_links=most, max_event_attributes=most)
    many: list[Act] = []
    for number in range(4):
        context = SpanContext(1, number + 1, is_remote=False)
        many += [
            act("set_attribute", f"k{number}", number),
            act("add_event", f"e{number}", {"a": 1, "b": 2}, number + 1),
        ]
        many += [act("add_link", context, {"n": number})]
    links: list[tuple[SpanContext, Any]] = [(SpanContext(2, number, is_remote=True), None) for number in (7, 8, 9)]
    attributes = {"first": 1, "second": 2, "third": 3}
    return Case(limits, sampling.ALWAYS_ON, None, SpanKind.CLIENT, attributes, links, 5, many, 50)


@example(case=over(0))
@example(case=over(1))
@example(case=over(3))
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases)
def test_every_sequence_of_calls_leaves_the_span_that_the_sdk_would_leave(case: Case) -> None:
    logging.disable(logging.CRITICAL)
    try:
        theirs, ours, sink = Kept(), Kept(), KeptMessages()
        sdk_provider = sdk_trace.TracerProvider(
            case.sampler, RESOURCE, shutdown_on_exit=False, id_generator=CountingIds(), span_limits=case.limits
        )
        sdk_provider.add_span_processor(theirs)
        provider = TracerProvider()
        state = TracingState(
            [ours],
            resource=RESOURCE,
            sampler=case.sampler,
            id_generator=CountingIds(),
            span_limits=case.limits,
            sink=sink,
        )
        with provider.install(state):
            expected_span, expected = play(sdk_provider.get_tracer("scope", "1"), case)
            made_span, made = play(provider.get_tracer("scope", "1"), case)
    finally:
        logging.disable(logging.NOTSET)
    assert repr(made) == repr(expected)  # by their text, for NaN is not equal to itself
    assert isinstance(made_span, ReadableSpan) == isinstance(expected_span, ReadableSpan)
    assert repr([said_of(span) for span in ours.spans]) == repr([said_of(span) for span in theirs.spans])
    if isinstance(made_span, ReadableSpan) and isinstance(expected_span, ReadableSpan):
        assert repr(said_of(made_span)) == repr(said_of(expected_span))
    encoded = [official(span) for span in ours.spans]
    assert encoded == [official(span) for span in theirs.spans]
    sampled = [message for message, span in zip(encoded, ours.spans, strict=True) if span.context.trace_flags.sampled]
    sent = [
        SpanMessage.FromString(payload[1:]).SerializeToString(deterministic=True) for payload in sink.ended_payloads
    ]
    assert sent == sampled
