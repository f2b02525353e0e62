"""A collector that is down, slow or wrong: nothing is lost or doubled, and nobody waits for it longer than allowed."""

import itertools
import logging
import threading
import time

import grpc
import pytest

from otel_ia.delivery.shipping.pace import Pace

from .collectors import DROP, HANG, Reply, closed_port, collecting, collecting_grpc, seconds
from .shipping import append_spans, segments, shipping, wait_until

SLOW = Pace(linger=0.01, first_retry=20.0, longest_retry=40.0)
FAULTS = {
    "503": lambda _: Reply(503),
    "429": lambda _: Reply(429, {"Retry-After": "30"}),
    "400": lambda _: Reply(400),
    "401": lambda _: Reply(401),
    "404": lambda _: Reply(404),
    "redirect": lambda _: Reply(307, {"Location": "http://localhost:1"}),
    "hanging": lambda _: HANG,
    "closing": lambda _: DROP,
}


def test_down_then_up(tmp_path):
    port = closed_port()
    with shipping(tmp_path, f"http://localhost:{port}") as (spool, shipper):
        names = append_spans(spool, *"abc")
        wait_until(lambda: shipper.counters.retried > 2)
        names += append_spans(spool, *"def")
        with collecting(port=port) as collector:
            assert shipper.flush(10)
            assert collector.spans == names


def test_restarted_again_and_again(tmp_path):
    port = closed_port()
    sent, arrived = [], []
    with shipping(tmp_path, f"http://localhost:{port}") as (spool, shipper):
        for number in range(4):
            with collecting(port=port) as collector:
                sent += append_spans(spool, f"up {number}")
                assert shipper.flush(10)
                arrived += collector.spans
            sent += append_spans(spool, f"down {number}")
            wait_until(lambda: shipper.flush(0.01) is False)
        with collecting(port=port) as collector:
            assert shipper.flush(10)
            arrived += collector.spans
    assert arrived == sent


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"429"}))
def test_each_fault_passes_and_nothing_is_lost_or_doubled(tmp_path, fault):
    is_wrong = threading.Event()
    is_wrong.set()
    with (
        collecting(lambda request: FAULTS[fault](request) if is_wrong.is_set() else Reply()) as collector,
        shipping(tmp_path, collector.endpoint, timeout=0.1) as (spool, shipper),
    ):
        names = append_spans(spool, *map(str, range(50)))
        wait_until(lambda: shipper.counters.retried > 2)
        names += append_spans(spool, "later")
        is_wrong.clear()
        assert shipper.flush(10)
        assert collector.spans == names
        assert spool.counters.refused == 0
        assert spool.counters.dropped == {}


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "UNAUTHENTICATED", "UNIMPLEMENTED"])
def test_over_grpc_faults_pass_too(tmp_path, code):
    is_wrong = threading.Event()
    is_wrong.set()

    def respond(_, call):
        if is_wrong.is_set():
            call.abort(grpc.StatusCode[code], "")
        return b""

    with (
        collecting_grpc(respond) as collector,
        shipping(tmp_path, collector.endpoint, protocol="grpc") as (spool, shipper),
    ):
        names = append_spans(spool, *map(str, range(50)))
        wait_until(lambda: shipper.counters.retried > 2)
        is_wrong.clear()
        assert shipper.flush(10)
        assert collector.spans == names


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_flush_and_stop_keep_their_deadlines(tmp_path, fault):
    with (
        collecting(FAULTS[fault]) as collector,
        shipping(tmp_path, collector.endpoint, pace=SLOW) as (spool, shipper),
    ):
        results = []
        append_spans(spool, "a")
        assert seconds(lambda: results.append(shipper.flush(0.3))) < 1
        assert seconds(lambda: results.append(shipper.stop(0.3))) < 1
        assert results == [False, False]
    assert len(segments(tmp_path)) == 1, "the rest stays"


def test_stop_is_immediate_when_the_collector_is_known_to_be_down(tmp_path):
    with shipping(tmp_path, f"http://localhost:{closed_port()}", pace=SLOW) as (spool, shipper):
        append_spans(spool, "a")
        wait_until(lambda: shipper.counters.retried == 1)
        assert seconds(lambda: shipper.flush(10)) < 0.5, "tried again at once, and then not before the deadline"
        assert shipper.counters.retried == 2
        assert seconds(lambda: shipper.stop(10)) < 0.3
    assert len(segments(tmp_path)) == 1


def test_stop_at_a_collector_that_goes_down_under_it_ends_with_the_first_failure(tmp_path):
    with shipping(tmp_path, f"http://localhost:{closed_port()}", pace=SLOW, is_started=False) as (spool, shipper):
        append_spans(spool, "a")
        assert seconds(lambda: shipper.stop(10)) < 0.5


def test_stop_gives_up_a_hanging_request_and_leaves_no_thread(tmp_path):
    with (
        collecting(lambda _: HANG) as collector,
        shipping(tmp_path, collector.endpoint) as (spool, shipper),
    ):
        append_spans(spool, "a")
        collector.wait_for(lambda: len(collector.requests) == 1)
        assert seconds(lambda: shipper.stop(0.2)) < 0.7
        wait_until(lambda: not any(thread.name == "otel_ia shipper" for thread in threading.enumerate()), 1)


def test_what_the_server_asks_for_is_honoured_even_by_flush(tmp_path):
    moments = []

    def respond(_):
        moments.append(time.monotonic())
        return Reply(429, {"Retry-After": "1"}) if len(moments) == 1 else Reply()

    with (
        collecting(respond) as collector,
        shipping(tmp_path, collector.endpoint) as (spool, shipper),
    ):
        append_spans(spool, "a")
        wait_until(lambda: shipper.counters.retried == 1)
        assert not shipper.flush(0.1)
        assert shipper.flush(5)
        assert collector.spans == ["a"]
    assert 1 <= moments[1] - moments[0] < 2


def test_retries_come_further_and_further_apart_and_never_in_step():
    pace = Pace()
    delays = [[pace.delay(failures, None) for _ in range(200)] for failures in range(1, 12)]
    assert all(1 <= delay <= 30 for row in delays for delay in row)
    assert all(len(set(row)) > 1 for row in delays)
    means = [sum(row) / len(row) for row in delays]
    assert all(former < later for former, later in itertools.pairwise(means[:5]))
    assert pace.delay(10_000, None) <= 30


@pytest.mark.parametrize("asked", [0, 5, 30, 100_000])
def test_a_retry_is_never_earlier_than_the_server_asks(asked):
    assert min(asked, 300) <= Pace().delay(1, asked) <= min(asked, 300) * 1.1


def test_frames_that_come_during_an_outage_stay_within_the_limits_of_the_spool(tmp_path):
    options = {"size_limit": 1 << 20}
    with shipping(tmp_path, f"http://localhost:{closed_port()}", spool_options=options) as (spool, shipper):
        for number in range(200):
            append_spans(spool, f"{number}" + "x" * 20_000)
            if number % 20 == 0:
                time.sleep(0.01)
        wait_until(lambda: sum(spool.counters.dropped.values()) > 0)
        assert shipper.counters.retried


def test_what_is_wrong_is_said_once_and_when_it_is_right_again(tmp_path, caplog):
    caplog.set_level(logging.INFO, "otel_ia")
    is_wrong = threading.Event()
    is_wrong.set()
    with (
        collecting(lambda _: Reply(401 if is_wrong.is_set() else 200)) as collector,
        shipping(tmp_path, collector.endpoint, headers={"Authorization": "Bearer s3cret"}) as (spool, shipper),
    ):
        append_spans(spool, "a")
        wait_until(lambda: shipper.counters.retried > 5)
        (warning,) = caplog.records
        assert warning.levelno == logging.WARNING
        for part in ("traces to http://localhost", "401", "OTEL_EXPORTER_OTLP_HEADERS", "since", "bytes"):
            assert part in warning.getMessage()
        is_wrong.clear()
        assert shipper.flush(5)
        _, information = caplog.records
        assert information.levelno == logging.INFO
        assert "again" in information.getMessage()
    assert "s3cret" not in caplog.text


def test_what_is_wrong_is_said_again_after_a_while(tmp_path, caplog):
    pace = Pace(linger=0.01, first_retry=0.01, longest_retry=0.02, tell_every=0.1)
    with shipping(tmp_path, f"http://me:s3cret@localhost:{closed_port()}", pace=pace) as (spool, _):
        append_spans(spool, "a")
        begin = time.monotonic()
        wait_until(lambda: len(caplog.records) >= 4)
        assert time.monotonic() - begin > 0.25
    assert "s3cret" not in caplog.text


def test_losses_are_said_with_their_reasons(tmp_path, caplog):
    pace = Pace(linger=0.01, tell_every=0.05, scan_every=0.02)
    with (
        collecting(lambda request: Reply(400 if "poison" in request.spans else 200)) as collector,
        shipping(tmp_path, collector.endpoint, pace=pace) as (spool, shipper),
    ):
        append_spans(spool, "poison")
        assert shipper.flush(5)
        wait_until(lambda: "1 of traces to" in caplog.text)
        spool.counters.drop("memory", 7)
        wait_until(lambda: "7 dropped (memory)" in caplog.text)
