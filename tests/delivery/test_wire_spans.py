"""Spans of a call site: the static part encoded once, ids in their places, spans left open closed afterwards."""

import subprocess
import sys

import pytest
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceState

from otel_ia.delivery.wire.spans import (
    ABANDONED_MESSAGE,
    REMOTE_PARENT,
    SPAN_ID,
    TRACE_ID,
    encode_dropped,
    encode_event,
    encode_link,
    encode_span,
    encode_status,
    encode_trace_state,
    end_abandoned,
    static_span,
)

TRACE = 0x0102030405060708090A0B0C0D0E0F10
SITE = static_span("app.predict", SpanKind.CLIENT, {"fixed": "a", "shared": 1})


def parsed(data):
    return trace_pb2.Span.FromString(data)


def attributes_of(span):
    keys = [item.key for item in span.attributes]
    assert len(set(keys)) == len(keys), f"a key stands twice: {keys}"
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}


def test_a_span_has_its_call_sites_part_and_its_own():
    span = parsed(encode_span(SITE, TRACE, 2, 3, 10, 20, {"own": 0.5}))
    assert (span.trace_id, span.span_id, span.parent_span_id) == (
        TRACE.to_bytes(16, "big"),
        (2).to_bytes(8, "big"),
        (3).to_bytes(8, "big"),
    )
    assert (span.name, span.kind) == ("app.predict", trace_pb2.Span.SPAN_KIND_CLIENT)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (10, 20)
    assert attributes_of(span) == {"fixed": "a", "shared": 1, "own": 0.5}
    assert span.flags == trace_pb2.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
    assert span.HasField("status")
    assert span.status.code == trace_pb2.Status.STATUS_CODE_UNSET


def test_a_root_has_no_parent():
    assert parsed(encode_span(SITE, TRACE, 2, None, 10, 20)).parent_span_id == b""


def test_an_attribute_replaces_the_call_sites_of_the_same_key():
    span = parsed(encode_span(SITE, TRACE, 2, None, 10, 20, {"shared": 2, "own": True}))
    assert attributes_of(span) == {"fixed": "a", "shared": 2, "own": True}


def test_what_only_some_spans_have_is_joined_in_any_order():
    context = SpanContext(5, 6, is_remote=True)
    fields = [
        encode_event("first", 11, {"k": "v"}, dropped=3),
        encode_event("second", 12),
        encode_link(context, {"l": 1}, dropped=4),
        encode_status(StatusCode.ERROR, "no luck"),
        encode_trace_state(TraceState([("a", "1"), ("b", "2")])),
        encode_dropped(attributes=1, events=200, links=3),
        REMOTE_PARENT,
    ]
    span = parsed(encode_span(SITE, TRACE, 2, 3, 10, 20, {"own": 1}, b"".join(fields)))
    again = parsed(encode_span(SITE, TRACE, 2, 3, 10, 20, {"own": 1}, b"".join([fields[0], *fields[:0:-1]])))
    assert [event.name for event in span.events] == ["first", "second"]
    assert (span.events[0].time_unix_nano, span.events[0].dropped_attributes_count) == (11, 3)
    assert (span.links[0].trace_id, span.links[0].span_id) == ((5).to_bytes(16, "big"), (6).to_bytes(8, "big"))
    assert (span.links[0].flags, span.links[0].dropped_attributes_count) == (0x300, 4)
    assert (span.status.code, span.status.message) == (trace_pb2.Status.STATUS_CODE_ERROR, "no luck")
    assert span.trace_state == "a=1,b=2"
    assert (span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count) == (1, 200, 3)
    assert span.flags == 0x300
    assert span == again


@pytest.mark.parametrize("parent", [None, 0, 7])
@pytest.mark.parametrize(
    "ids", [(TRACE, 0xFEDCBA9876543210), (0, 0), ((1 << 128) - 1, (1 << 64) - 1), (1 << 200, -1), (None, "x")]
)
def test_the_ids_stand_in_fixed_places(ids, parent):
    data = encode_span(SITE, *ids, parent, 1, 2, {"k": 1})
    span = parsed(data)
    assert (data[TRACE_ID], data[SPAN_ID]) == (span.trace_id, span.span_id)
    assert (len(span.trace_id), len(span.span_id)) == (16, 8)


@pytest.mark.parametrize(("given", "written"), [(-1, 0), (1 << 70, (1 << 64) - 1), (None, 0), ("now", 0)])
def test_times_are_kept_within_what_can_be_written(given, written):
    assert parsed(encode_span(SITE, TRACE, 2, None, given, 5)).start_time_unix_nano == written
    assert parsed(encode_event("e", given)).events[0].time_unix_nano == written


def test_an_open_span_is_closed_as_abandoned():
    start = encode_span(SITE, TRACE, 2, 3, 10, 0, {"own": 1})
    assert parsed(start).end_time_unix_nano == 0
    span = parsed(end_abandoned(start, 99))
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (10, 99)
    assert (span.status.code, span.status.message) == (trace_pb2.Status.STATUS_CODE_ERROR, ABANDONED_MESSAGE)
    assert attributes_of(span) == {"fixed": "a", "shared": 1, "own": 1, "ia.outcome": "abandoned"}
    assert (span.name, span.parent_span_id) == ("app.predict", (3).to_bytes(8, "big"))


def test_more_names_than_are_kept_all_arrive():
    for number in range(3_000):
        assert parsed(static_span(f"name{number}").whole).name == f"name{number}"


def test_the_way_of_a_span_loads_no_protobuf_library():
    program = (
        "import sys; import otel_ia.delivery.wire.spans, otel_ia.delivery.wire.logs, otel_ia.delivery.wire.requests;"
        "sys.exit('google.protobuf' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
