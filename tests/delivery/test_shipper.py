"""The way of a frame to the collector: what arrives, when, in which requests, and what is told of it in numbers."""

import threading
import time

import pytest
from opentelemetry import context, trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_ia.delivery.shipping.pace import Pace
from otel_ia.delivery.shipping.shipper import THREAD_NAME, Shipper, flush_all, stop_all
from otel_ia.delivery.spooling.frames import DECISION, SPAN, START

from .collectors import Reply, collecting, collecting_grpc, seconds
from .shipping import append_all, append_spans, segments, shipping, span, spooling, wait_until

SIGNALS = ("traces", "logs", "metrics")


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_spans_log_records_and_metrics_arrive_as_they_are(tmp_path, protocol, compression):
    server = collecting_grpc() if protocol == "grpc" else collecting()
    options = {"signals": SIGNALS, "protocol": protocol, "compression": compression, "headers": {"x-key": "value"}}
    with server as collector, shipping(tmp_path, collector.endpoint, **options) as (spool, shipper):
        for name in "abc":
            append_all(spool, name)
        assert shipper.flush(10)
        spans, logs, metrics = (
            next(request for request in collector.taken if request.path.endswith(signal)) for signal in SIGNALS
        )
        assert spans.spans == logs.logs == metrics.metrics == ["a", "b", "c"]
        assert {request.headers["x-key"] for request in collector.taken} == {"value"}
        (process,) = ExportTraceServiceRequest.FromString(spans.body).resource_spans
        assert process.resource.attributes[0].value.string_value == "tested"
        assert process.scope_spans[0].scope.name == "tested"
        assert shipper.counters.delivered == {"traces": 3, "logs": 3, "metrics": 3}
        assert shipper.counters.requests == 3
        assert shipper.counters.bytes_sent == sum(len(request.body) for request in collector.taken)
        assert 0 < shipper.counters.lag < 5
        assert spool.waiting_bytes == 0


def test_a_frame_is_sent_without_being_asked_for_and_the_rest_with_it(tmp_path):
    with collecting() as collector, shipping(tmp_path, collector.endpoint, pace=Pace(linger=0.1)) as (spool, _):
        append_spans(spool, *"abcdefgh")
        collector.wait_for(lambda: len(collector.spans) == 8)
        assert len(collector.requests) == 1
        append_spans(spool, "later")
        collector.wait_for(lambda: len(collector.spans) == 9)


def test_the_default_pace_brings_a_span_within_three_tenths_of_a_second(tmp_path):
    with collecting() as collector, shipping(tmp_path, collector.endpoint, pace=Pace()) as (spool, shipper):
        append_spans(spool, "first")
        collector.wait_for(lambda: len(collector.spans) == 1)
        lags = []
        for number in range(5):
            append_spans(spool, str(number))
            collector.wait_for(lambda: len(collector.spans) == number + 2)  # noqa: B023 - waited for at once
            wait_until(lambda: spool.waiting_bytes == 0)
            lags.append(shipper.counters.lag)
    assert sorted(lags)[2] < 0.3


def test_requests_are_bounded_in_bytes_and_in_number(tmp_path):
    with collecting() as collector, shipping(tmp_path, collector.endpoint, is_started=False) as (spool, shipper):
        append_spans(spool, *(f"{number:06}" for number in range(5000)), *("x" * 300_000 for _ in range(8)))
        assert shipper.flush(10)
    assert len(collector.spans) == 5008
    assert max(len(request.spans) for request in collector.taken) <= 2048
    assert max(len(request.body) for request in collector.taken) < 1.5 * (1 << 20)


def test_an_idle_shipper_does_nothing(tmp_path):
    with collecting() as collector, shipping(tmp_path, collector.endpoint, pace=Pace(linger=0.01)) as (spool, shipper):
        append_spans(spool, "one")
        assert shipper.flush(10)
        time.sleep(0.1)
        begin = time.process_time()
        time.sleep(1)
        used = time.process_time() - begin
    assert used < 0.05, "seconds of processor time in an idle second"


def test_frames_of_a_signal_without_a_destination_are_counted_and_hold_up_nothing(tmp_path):
    with collecting() as collector, shipping(tmp_path, collector.endpoint) as (spool, shipper):
        append_all(spool, "a")
        spool.append(DECISION, b"kept")
        spool.append(START, span("open", is_open=True))
        append_spans(spool, "b")
        assert shipper.flush(10)
        assert collector.spans == ["a", "b"]
        assert spool.counters.dropped == {"no destination": 2}


def test_a_frame_that_is_none_is_set_aside(tmp_path):
    with collecting() as collector, shipping(tmp_path, collector.endpoint) as (spool, shipper):
        spool.append(SPAN, b"")
        spool.append(SPAN, b"\xff\xff")
        append_spans(spool, "good")
        assert shipper.flush(10)
        assert collector.spans == ["good"]
        assert spool.counters.refused == 2


def test_a_live_spool_under_load_loses_and_doubles_nothing(tmp_path):
    with collecting() as collector, shipping(tmp_path, collector.endpoint) as (spool, shipper):
        payloads = {f"{thread}-{number}": span(f"{thread}-{number}") for thread in range(4) for number in range(5000)}

        def load(thread):
            for number in range(5000):
                spool.append(SPAN, payloads[f"{thread}-{number}"])
                if number % 100 == 0:
                    time.sleep(0.001)

        threads = [threading.Thread(target=load, args=(thread,)) for thread in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert shipper.flush(20)
    assert sorted(collector.spans) == sorted(payloads)
    assert segments(tmp_path) == []


def test_flush_waits_for_what_came_before_it_and_not_for_what_comes_after(tmp_path):
    stop = threading.Event()
    with collecting() as collector, shipping(tmp_path, collector.endpoint) as (spool, shipper):

        def load():
            while not stop.is_set():
                append_spans(spool, "endless")
                time.sleep(0.0005)

        thread = threading.Thread(target=load)
        thread.start()
        try:
            for number in range(5):
                append_spans(spool, f"mark {number}")
                assert shipper.flush(10)
                assert f"mark {number}" in collector.spans
        finally:
            stop.set()
            thread.join()


def test_flush_of_nothing_is_done_at_once(tmp_path):
    with collecting() as collector, shipping(tmp_path, collector.endpoint, is_started=False) as (_, shipper):
        assert shipper.flush(10)
        assert shipper.flush(0)
        assert shipper.stop(0)
    assert collector.requests == []


def test_stop_sends_what_is_left_and_ends_the_thread(tmp_path):
    with collecting() as collector, spooling(tmp_path) as spool:
        shipper = Shipper(spool, transports_of(collector))
        shipper.start()
        names = append_spans(spool, *map(str, range(3000)))
        assert shipper.stop()
        assert collector.spans == names
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("otel_ia")]
        assert shipper.stop()
        assert not shipper.start()
        append_spans(spool, "too late")
        assert not shipper.flush(0.1)


def test_several_shippers_share_one_deadline(tmp_path):
    with (
        collecting() as collector,
        shipping(tmp_path / "one", collector.endpoint) as (one, first),
        shipping(tmp_path / "two", collector.endpoint) as (two, second),
    ):
        append_spans(one, "a")
        append_spans(two, "b")
        assert flush_all([first, second], 10)
        assert sorted(collector.spans) == ["a", "b"]
        append_spans(one, "c")
        append_spans(two, "d")
        assert stop_all([first, second])
        assert sorted(collector.spans) == ["a", "b", "c", "d"]


def test_without_a_thread_the_caller_sends(tmp_path, monkeypatch):
    with collecting() as collector, shipping(tmp_path, collector.endpoint, is_started=False) as (spool, shipper):
        start = threading.Thread.start

        def refuse(thread):
            if thread.name == "otel_ia shipper":
                raise RuntimeError("can't create new thread at interpreter shutdown")
            start(thread)

        append_spans(spool, "a")
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            assert shipper.flush(5)
            append_spans(spool, "b")
            assert shipper.stop(5)
        assert collector.spans == ["a", "b"]


def test_who_asks_while_another_thread_tries_to_start_it_is_not_told_that_it_runs(tmp_path, monkeypatch):
    answers, start = [], threading.Thread.start
    with shipping(tmp_path, "http://localhost:9", is_started=False) as (_, shipper):

        def start_in_vain(thread):
            if thread.name == THREAD_NAME and not answers:
                answers.append(None)
                asking = threading.Thread(target=lambda: answers.append(shipper.start()))
                start(asking)
                asking.join()
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", start_in_vain)
        assert not shipper.start()
        assert answers == [None, False]
        assert shipper.start()
        assert shipper.is_running


def test_the_thread_is_named_and_its_requests_make_no_spans(tmp_path):
    seen = []

    class Watching:
        address = "here"
        is_answered = False

        def send(self, body, timeout):
            from otel_ia.delivery.shipping.answers import accepted

            seen.append((threading.current_thread().name, context.get_value("suppress_instrumentation")))
            return accepted()

        def close(self):
            """Has nothing to close."""

    with spooling(tmp_path) as spool:
        shipper = Shipper(spool, {"traces": Watching()})
        append_spans(spool, "a")
        assert shipper.flush(5)
        shipper.stop()
    assert seen == [("otel_ia shipper", True)]
    assert not trace.get_current_span().is_recording()


def test_what_one_signal_has_delivered_is_not_sent_again_when_another_fails(tmp_path):
    is_up = threading.Event()

    def respond(request):
        return Reply(200 if is_up.is_set() or not request.path.endswith("logs") else 503)

    with collecting(respond) as collector, shipping(tmp_path, collector.endpoint, signals=SIGNALS) as (spool, shipper):
        append_all(spool, "a")
        collector.wait_for(lambda: len(collector.requests) > 6)
        assert [request.path for request in collector.taken] == ["/v1/traces", "/v1/metrics"]
        assert spool.waiting_bytes
        is_up.set()
        assert shipper.flush(5)
        assert [request.path for request in collector.taken] == ["/v1/traces", "/v1/metrics", "/v1/logs"]


def test_with_a_spool_each_a_destination_that_is_down_holds_up_no_other(tmp_path):
    def respond(request):
        return Reply(404 if request.path.endswith("logs") else 200)

    with (
        collecting(respond) as collector,
        shipping(tmp_path / "traces", collector.endpoint) as (spans, tracing),
        shipping(tmp_path / "logs", collector.endpoint, signals=("logs",)) as (records, logging),
    ):
        for number in range(3):
            append_all(records, "a")
            append_spans(spans, str(number))
            assert tracing.flush(5)
            assert not logging.flush(0.02)
        assert collector.spans == ["0", "1", "2"]
        assert seconds(logging.stop) < 1


def transports_of(collector):
    from otel_ia.delivery.shipping.transport import make_transport

    from .collectors import destination

    return {"traces": make_transport("traces", destination(f"{collector.endpoint}/v1/traces"))}
