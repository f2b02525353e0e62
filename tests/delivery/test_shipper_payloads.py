"""What a frame's payload is, and what of a batch goes into which request."""

import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as some
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_ia.delivery.payloads import make_payload, span_key, split_payload, time_of
from otel_ia.delivery.shipping.parcels import pack
from otel_ia.delivery.spooling.batch import Batch
from otel_ia.delivery.spooling.frames import DECISION, DROPPED, LOG, METRICS, SPAN, START, dropped_payload
from otel_ia.delivery.wire.logs import encode_log
from otel_ia.delivery.wire.requests import encode_scope
from otel_ia.delivery.wire.spans import encode_span, static_span

from .shipping import IDENTITY

STATIC = static_span("call")


@given(some.integers(0, 1 << 40), some.binary(max_size=50))
def test_scope_id_and_message_are_what_they_were(scope_id, message):
    assert split_payload(make_payload(scope_id, message)) == (scope_id, message)


@pytest.mark.parametrize("payload", [b"", b"\xff", b"\x80\x80"])
def test_what_is_no_payload_raises(payload):
    with pytest.raises(IndexError):
        split_payload(payload)


@given(some.integers(1, (1 << 64) - 1), some.none() | some.integers(1, 1 << 60), some.integers(0, 1 << 30))
def test_a_span_is_known_by_its_id_and_its_last_moment(span_id, parent, scope_id):
    ended = make_payload(scope_id, encode_span(STATIC, 1, span_id, parent, 1000, 2000))
    begun = make_payload(scope_id, encode_span(STATIC, 1, span_id, parent, 1000, 0))
    assert span_key(ended) == span_key(begun) == span_id.to_bytes(8, "big")
    assert (time_of(SPAN, ended), time_of(START, begun)) == (2000, 1000)


def test_a_log_record_has_its_time_and_others_have_none():
    assert time_of(LOG, make_payload(1, encode_log(1234, 5678, 9, "INFO", "text"))) == 1234
    assert time_of(METRICS, b"\x0a\x00") is None
    assert time_of(SPAN, make_payload(1, b"short")) is None


def batch_of(frames, scopes=(), **options):
    return Batch(
        identity=IDENTITY,
        scopes=tuple(scopes),
        frames=frames,
        lease=threading.Lock(),
        when_done=lambda: None,
        when_partly_done=lambda _: None,
        when_refused=lambda *_: None,
        **options,
    )


def test_spans_stand_under_their_scopes_in_one_process_in_their_order():
    scopes = [make_payload(number, encode_scope(f"scope {number}")) for number in range(200)]
    order = list(range(200)) * 3
    random.Random(1).shuffle(order)
    frames = [
        (SPAN, make_payload(number, encode_span(static_span(str(place)), 1, 2, None, 3, 4)))
        for place, number in enumerate(order)
    ]
    parcels, unsendable = pack(batch_of(frames, scopes), ["traces", "logs"])
    assert unsendable == []
    assert list(parcels) == ["traces"]
    parcel = parcels["traces"]
    (process,) = ExportTraceServiceRequest.FromString(parcel.body(parcel.pieces[0])).resource_spans
    assert len(process.scope_spans) == 200
    for scope in process.scope_spans:
        places = [int(span.name) for span in scope.spans]
        assert places == sorted(places)
        assert {f"scope {order[place]}" for place in places} == {scope.scope.name}


def test_a_span_of_an_unknown_scope_is_sent_without_one():
    frames = [(SPAN, make_payload(7, encode_span(STATIC, 1, 2, None, 3, 4)))]
    parcel = pack(batch_of(frames), ["traces"])[0]["traces"]
    (process,) = ExportTraceServiceRequest.FromString(parcel.body(parcel.pieces[0])).resource_spans
    assert [span.name for span in process.scope_spans[0].spans] == ["call"]
    assert process.scope_spans[0].scope.name == ""


def test_a_span_that_was_open_is_ended_when_its_process_was_last_seen():
    frames = [(START, make_payload(1, encode_span(STATIC, 1, 2, None, 1000, 0)))]
    parcel = pack(batch_of(frames, is_adopted=True, last_seen=5000), ["traces"])[0]["traces"]
    (process,) = ExportTraceServiceRequest.FromString(parcel.body(parcel.pieces[0])).resource_spans
    assert process.scope_spans[0].spans[0].end_time_unix_nano == 5000


def test_what_cannot_be_sent_is_named_and_what_need_not_be_is_not():
    frames = [
        (SPAN, b""),
        (DROPPED, dropped_payload("memory", 1)),
        (DECISION, b"kept"),
        (LOG, make_payload(1, b"")),
        (METRICS, b""),
    ]
    parcels, unsendable = pack(batch_of(frames), ["traces", "metrics"])
    assert unsendable == [0, 3]
    assert list(parcels) == ["metrics"]
