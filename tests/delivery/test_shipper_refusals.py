"""What a server refuses: the guilty frame is found and set aside, the innocent arrive, and an outage blames nobody."""

import itertools
import random
import threading

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from otel_ia.delivery.spooling.frames import METRICS

from .collectors import Reply, collecting, collecting_grpc
from .shipping import append_spans, metric, segments, shipping, wait_until


def refusing_poison(request):
    return Reply(400 if any(name.startswith("poison") for name in request.spans) else 200)


@pytest.mark.parametrize("size", [1, 2, 3, 100, 1000])
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_one_guilty_span_is_set_aside_and_all_others_arrive(tmp_path, size, place):
    names = [f"{number}" for number in range(size)]
    names.insert({"first": 0, "middle": size // 2, "last": size}[place], "poison")
    with (
        collecting(refusing_poison) as collector,
        shipping(tmp_path, collector.endpoint, is_started=False) as (spool, shipper),
    ):
        append_spans(spool, *names)
        assert shipper.flush(10)
        assert collector.spans == [name for name in names if name != "poison"]
        assert spool.counters.refused == 1
        assert shipper.counters.set_aside == {"traces": 1, "logs": 0, "metrics": 0}
        assert len(collector.requests) < 60


def test_several_guilty_spans_are_all_found(tmp_path):
    names = [f"poison {number}" if number in {0, 7, 8, 150, 299} else str(number) for number in range(300)]
    with (
        collecting(refusing_poison) as collector,
        shipping(tmp_path, collector.endpoint, is_started=False) as (spool, shipper),
    ):
        append_spans(spool, *names)
        assert shipper.flush(10)
        assert collector.spans == [name for name in names if not name.startswith("poison")]
        assert spool.counters.refused == 5


def test_what_is_set_aside_is_kept_for_a_person(tmp_path):
    with (
        collecting(refusing_poison) as collector,
        shipping(tmp_path, collector.endpoint) as (spool, shipper),
    ):
        append_spans(spool, "poison")
        assert shipper.flush(10)
    assert segments(tmp_path) == []
    assert len(list(tmp_path.glob("*.refused"))) == 1


def test_metrics_that_are_refused_are_set_aside_too(tmp_path):
    def respond(request):
        return Reply(400 if "poison" in request.metrics else 200)

    with (
        collecting(respond) as collector,
        shipping(tmp_path, collector.endpoint, signals=("metrics",)) as (spool, shipper),
    ):
        for name in ("a", "poison", "b"):
            spool.append(METRICS, metric(name))
        assert shipper.flush(10)
        assert [name for request in collector.taken for name in request.metrics] == ["a", "b"]
        assert shipper.counters.set_aside["metrics"] == 1


@pytest.mark.parametrize("size", [1, 2, 50])
def test_a_server_that_refuses_everything_for_a_while_costs_nobody_anything(tmp_path, size, caplog):
    is_out = threading.Event()
    is_out.set()
    with (
        collecting(lambda _: Reply(400 if is_out.is_set() else 200)) as collector,
        shipping(tmp_path, collector.endpoint) as (spool, shipper),
    ):
        names = append_spans(spool, *map(str, range(size)))
        collector.wait_for(lambda: len(collector.requests) > 20)
        assert "400 Bad Request" in caplog.text
        assert "nothing in it" in caplog.text
        is_out.clear()
        assert shipper.flush(10)
        assert collector.spans == names
        assert spool.counters.refused == 0


@pytest.mark.parametrize("taken", range(1, 9))
def test_an_outage_that_begins_or_ends_at_any_request_costs_nobody_anything(tmp_path, taken):
    begins = itertools.count()
    with (
        collecting(lambda _: Reply(400 if taken <= next(begins) + taken // 2 < 2 * taken else 200)) as collector,
        shipping(tmp_path, collector.endpoint) as (spool, shipper),
    ):
        names = append_spans(spool, *"abcd")
        assert shipper.flush(10)
        names += append_spans(spool, *"efgh")
        assert shipper.flush(10)
        assert collector.spans == names
        assert spool.counters.refused == 0


def test_a_request_that_is_too_large_is_sent_in_parts(tmp_path):
    def respond(request):
        return Reply(413 if len(request.body) > 3000 else 200)

    with (
        collecting(respond) as collector,
        shipping(tmp_path, collector.endpoint, is_started=False) as (spool, shipper),
    ):
        names = [*append_spans(spool, *(f"{number:0500}" for number in range(40)))]
        append_spans(spool, "x" * 5000)
        assert shipper.flush(10)
        assert collector.spans == names
        assert spool.counters.refused == 1


def test_partial_success_is_counted_and_nothing_is_sent_again(tmp_path):
    response = ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=2, error_message="too old")
    )
    with (
        collecting(lambda _: Reply(body=response.SerializeToString())) as collector,
        shipping(tmp_path, collector.endpoint, is_started=False) as (spool, shipper),
    ):
        append_spans(spool, *"abc")
        assert shipper.flush(10)
        assert collector.spans == ["a", "b", "c"]
        assert shipper.counters.rejected["traces"] == 2


def test_over_grpc_the_guilty_span_is_found_in_the_same_way(tmp_path):
    def respond(request, call):
        if "poison" in request.spans:
            call.abort(grpc.StatusCode.INVALID_ARGUMENT, "bad span")
        return b""

    with (
        collecting_grpc(respond) as collector,
        shipping(tmp_path, collector.endpoint, protocol="grpc", is_started=False) as (spool, shipper),
    ):
        append_spans(spool, "a", "b", "poison", "c")
        assert shipper.flush(10)
        assert sorted(collector.spans) == ["a", "b", "c"]
        assert spool.counters.refused == 1


def test_a_fault_in_the_middle_of_the_search_sends_nothing_twice(tmp_path):
    chance = random.Random(7)

    def respond(request):
        return Reply(503) if chance.random() < 0.3 else refusing_poison(request)

    with (
        collecting(respond) as collector,
        shipping(tmp_path, collector.endpoint, is_started=False) as (spool, shipper),
    ):
        names = [str(number) for number in range(40)]
        append_spans(spool, *names[:20], "poison", *names[20:])
        assert shipper.flush(20)
        assert sorted(collector.spans) == sorted(names)
        assert spool.counters.refused == 1
        wait_until(lambda: spool.waiting_bytes == 0)
