"""What we write parses equal to what OpenTelemetry's own encoder writes, for everything that one can encode."""

import math
from collections import OrderedDict, UserDict, UserList, deque, namedtuple
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LogRecordLimits, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
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

from otel_ia.delivery.wire.logs import encode_log_record
from otel_ia.delivery.wire.requests import encode_request, encode_resource, encode_scope
from otel_ia.delivery.wire.spans import encode_readable_span

everything = settings(max_examples=80, deadline=None, database=None)

words = st.text(st.characters(codec="utf-8"), max_size=12)
texts = st.one_of(words, st.sampled_from(["", "é", "日本語", "🙂" * 40, "x" * 125, "x" * 126, "x" * 2_000]))
keys = st.one_of(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), st.sampled_from(["service.name", "k" * 300])
)
integers = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1), st.sampled_from([0, 1, 127, 128, 1023, 1024, 16_383, 16_384, -1])
)
scalars = st.one_of(texts, st.booleans(), integers, st.floats(), st.binary(max_size=200), st.none())
attribute_values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.tuples(inner, inner), st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=10,
)
attribute_mappings = st.dictionaries(keys, attribute_values, max_size=6)
times = st.integers(0, (1 << 64) - 1)
states = st.sampled_from([None, TraceState(), TraceState([("vendor", "a=b"), ("other", "1")])])
contexts = st.builds(
    SpanContext,
    st.integers(1, (1 << 128) - 1),
    st.integers(1, (1 << 64) - 1),
    st.booleans(),
    st.just(TraceFlags(TraceFlags.SAMPLED)),
    states,
)
limits = st.builds(
    SpanLimits,
    max_span_attributes=st.sampled_from([None, 1, 3]),
    max_events=st.sampled_from([None, 1]),
    max_links=st.sampled_from([None, 1]),
    max_event_attributes=st.sampled_from([None, 1]),
    max_link_attributes=st.sampled_from([None, 1]),
    max_attribute_length=st.sampled_from([None, 5]),
)
resources = st.builds(Resource, attribute_mappings, st.sampled_from(["", "https://example.org/schema"]))
scopes = st.builds(
    InstrumentationScope,
    words,
    st.one_of(st.none(), words),
    st.sampled_from([None, "", "https://example.org/scope"]),
    attribute_mappings,
)


class DrawnIds(IdGenerator):
    def __init__(self, draw):
        self.draw = draw

    def generate_trace_id(self):
        return self.draw(st.integers(1, (1 << 128) - 1))

    def generate_span_id(self):
        return self.draw(st.integers(1, (1 << 64) - 1))


@st.composite
def recorded_spans(draw):
    """A span of the SDK, ended or still open, with all it can carry."""
    provider = TracerProvider(
        resource=draw(resources), shutdown_on_exit=False, span_limits=draw(limits), id_generator=DrawnIds(draw)
    )
    scope = draw(scopes)
    tracer = provider.get_tracer(scope.name, scope.version, scope.schema_url, scope.attributes)
    parent = draw(st.one_of(st.none(), contexts))
    span = tracer.start_span(
        draw(texts),
        set_span_in_context(NonRecordingSpan(parent)) if parent is not None else None,
        draw(st.sampled_from(SpanKind)),
        draw(st.one_of(st.none(), attribute_mappings)),
        [
            Link(context, attributes)
            for context, attributes in draw(st.lists(st.tuples(contexts, attribute_mappings), max_size=2))
        ],
        draw(st.integers(1, (1 << 64) - 1)),
    )
    for name, attributes, timestamp in draw(st.lists(st.tuples(texts, attribute_mappings, times), max_size=2)):
        span.add_event(name, attributes, timestamp)
    code = draw(st.sampled_from([None, *StatusCode]))
    if code is not None:
        span.set_status(Status(code, draw(st.one_of(st.none(), texts)) if code is StatusCode.ERROR else None))
    if draw(st.booleans()):
        span.end(draw(times))
    return span


@st.composite
def log_records(draw):
    context = draw(st.one_of(st.none(), contexts))
    record = LogRecord(
        timestamp=draw(st.one_of(st.none(), times)),
        observed_timestamp=draw(times),
        context=set_span_in_context(NonRecordingSpan(context)) if context is not None else None,
        severity_text=draw(st.one_of(st.none(), texts)),
        severity_number=draw(st.one_of(st.none(), st.sampled_from(SeverityNumber))),
        body=draw(attribute_values),
        attributes=draw(st.one_of(st.none(), attribute_mappings)),
        event_name=draw(st.one_of(st.none(), texts)),
    )
    written = ReadWriteLogRecord(record, draw(resources), draw(st.one_of(st.none(), scopes)), LogRecordLimits())
    return (
        ReadableLogRecord(record, written.resource, written.instrumentation_scope) if draw(st.booleans()) else written
    )


def request_for(span):
    """Our request with this one span."""
    return encode_request({encode_resource(span.resource): {scope_of(span): [encode_readable_span(span)]}})


def scope_of(item):
    scope = item.instrumentation_scope
    if scope is None:
        return encode_scope()
    return encode_scope(scope.name, scope.version, scope.attributes, scope.schema_url)


def canonical(message):
    """The message's one serialization: unlike `==` it takes a NaN for equal to itself."""
    return message.SerializeToString(deterministic=True)


def assert_equal_to_official(span):
    assert canonical(ExportTraceServiceRequest.FromString(request_for(span))) == canonical(encode_spans([span]))


def assert_equal_to_official_log(record):
    ours = encode_request({encode_resource(record.resource): {scope_of(record): [encode_log_record(record)]}})
    assert canonical(ExportLogsServiceRequest.FromString(ours)) == canonical(encode_logs([record]))


@everything
@given(recorded_spans())
def test_any_span_parses_equal(span):
    assert_equal_to_official(span)


@everything
@given(log_records())
def test_any_log_record_parses_equal(record):
    assert_equal_to_official_log(record)


class Colour(IntEnum):
    RED = 1


class Word(StrEnum):
    RED = "red"


class Mixed(str, Enum):  # noqa: UP042 - the older way, whose `str()` is another
    RED = "red"


class OwnText(str):
    __slots__ = ()


class OwnFloat(float):
    pass


Pair = namedtuple("Pair", "left right")  # noqa: PYI024 - an untyped one will do


@pytest.mark.parametrize(
    "value",
    [
        "",
        b"",
        b"\xff\x00",
        0,
        -0.0,
        math.nan,
        math.inf,
        -math.inf,
        (1 << 63) - 1,
        -(1 << 63),
        None,
        [],
        (),
        {},
        [None, None],
        [1, "a", 2.5, True, None, b"x", [1, [2]], {"k": [{}]}],
        [[], [[]], {}],
        {"": 1, "nested": {"deeper": {"list": [1, 2]}}},
        {1: "int key", None: "none key", 1.5: "float key"},
        Colour.RED,
        Word.RED,
        Mixed.RED,
        OwnText("own"),
        OwnFloat(2.5),
        Pair(1, "two"),
        range(5),
        deque([1, 2]),
        bytearray(b"ab"),
        memoryview(b"ab"),
        UserList([1]),
        UserDict({"a": 1}),
        OrderedDict(a=1, b=2),
        MappingProxyType({"a": (1, 2)}),
        ["x"] * 5_000,
        list(range(5_000)),
        "x" * 3_000_000,
        {f"key{number}": number for number in range(3_000)},
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_the_sdk_did_not_clean_parses_equal(value):
    context = SpanContext(1, 2, is_remote=False)
    attributes = {"before": 1, "value": value, "after": 2}
    span = ReadableSpan(
        "name",
        context,
        resource=Resource({}),
        attributes=attributes,
        events=[Event("event", attributes, 5)],
        links=[Link(context, attributes)],
        start_time=1,
        end_time=2,
    )
    assert_equal_to_official(span)


@pytest.mark.parametrize("place", ["resource", "span", "event", "link", "body", "log"])
@pytest.mark.parametrize(("wrap", "each"), [(lambda inner: [inner], 2), (lambda inner: {"k": inner}, 3)])
@pytest.mark.parametrize("innermost", [1, None, [], {}])
def test_values_parse_equal_down_to_the_last_level_protobuf_accepts(place, wrap, each, innermost):
    value = innermost
    levels = {"resource": 96, "body": 96, "span": 95, "log": 95, "event": 94, "link": 94}[place]
    for _ in range((levels - (innermost in ([], {}))) // each):
        value = wrap(value)
    if place in ("body", "log"):
        attributes = {"k": value} if place == "log" else None
        body = value if place == "body" else None
        record = ReadableLogRecord(LogRecord(observed_timestamp=1, body=body, attributes=attributes), Resource({}))
        assert_equal_to_official_log(record)
        return
    context = SpanContext(1, 2, is_remote=False)
    assert_equal_to_official(
        ReadableSpan(
            "name",
            context,
            resource=Resource({"k": value} if place == "resource" else {}),
            attributes={"k": value} if place == "span" else None,
            events=[Event("event", {"k": value}, 5)] if place == "event" else (),
            links=[Link(context, {"k": value})] if place == "link" else (),
        )
    )


@pytest.mark.parametrize(
    "status", [None, Status(StatusCode.OK), Status(StatusCode.ERROR, "é"), Status(StatusCode.ERROR, "")]
)
@pytest.mark.parametrize("parent", [None, SpanContext(1, 0, is_remote=True), SpanContext(3, 4, is_remote=False)])
def test_spans_made_by_hand_parse_equal(status, parent):
    context = SpanContext(1, 2, is_remote=False, trace_state=TraceState([("a", "1")]))
    assert_equal_to_official(ReadableSpan("", context, parent, Resource({}), status=status))


@pytest.mark.parametrize("ids", [(0, 0), (1 << 127, 0), (0, 5), (7, 1 << 63)])
@pytest.mark.parametrize("timestamp", [None, 0, 1 << 60])
@pytest.mark.parametrize("text", [None, "", "INFO", "an unusually long word for a severity" * 3])
def test_log_records_made_by_hand_parse_equal(ids, timestamp, text):
    record = LogRecord(timestamp=timestamp, observed_timestamp=3, severity_text=text, event_name=text, body=text)
    record.trace_id, record.span_id = ids
    record.trace_flags = TraceFlags(TraceFlags.SAMPLED)
    assert_equal_to_official_log(ReadableLogRecord(record, Resource({})))
