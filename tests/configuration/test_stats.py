"""`Telemetry.stats`, with a real receiver."""

import dataclasses
import logging
from pathlib import Path

import pytest
from receiver import Receiver, receiving

import otel_ia
from otel_ia import monitor

ONLY_TRACES = {"console": False, "logs_exporter": "none", "metrics_exporter": "none"}


@monitor
def work(number: int) -> int:
    logging.getLogger("app").warning("worked %d", number)
    return number


def test_what_was_delivered_is_counted_by_signal(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, service_name="counted", console=False) as telemetry:
        before = telemetry.stats()
        assert (before.delivered, before.requests) == ({"traces": 0, "logs": 0, "metrics": 0}, 0)
        for number in range(5):
            work(number)
        assert telemetry.flush(10)
        stats = telemetry.stats()
    assert stats.recorded == stats.delivered == {"traces": 5, "logs": 5, "metrics": 1}
    assert stats.waiting_bytes == {"traces": 0, "logs": 0, "metrics": 0}
    assert telemetry.stats().requests == len(receiver.headers)
    assert stats.bytes_sent > 0
    assert all(0 < stats.lag[signal] < 10 for signal in ("traces", "logs"))
    assert (stats.dropped, stats.retried, stats.refused, stats.adopted, stats.abandoned) == ({}, 0, 0, 0, 0)
    assert telemetry.stats().delivered == {"traces": 5, "logs": 5, "metrics": 2}


def test_what_waits_and_what_was_tried_in_vain_are_counted(receiver: Receiver) -> None:
    receiver.status = 503
    telemetry = otel_ia.configure(
        endpoint=receiver.endpoint, service_name="waiting", console=False, logs_exporter="none", metrics_exporter="none"
    )
    try:
        work(1)
        assert not telemetry.flush(0.5)
        stats = telemetry.stats()
        assert stats.delivered == {"traces": 0}
        assert stats.recorded == {"traces": 1}
        assert stats.waiting_bytes["traces"] > 50
        assert stats.retried >= 1
        receiver.status = 200
        assert telemetry.flush(10)
        assert telemetry.stats().delivered == {"traces": 1}
        assert telemetry.stats().waiting_bytes == {"traces": 0}
    finally:
        telemetry.shutdown()


def test_what_an_earlier_configuration_left_is_counted_as_adopted() -> None:
    with receiving() as gone:
        pass
    with otel_ia.configure(
        endpoint=gone.endpoint, service_name="left", console=False, logs_exporter="none", metrics_exporter="none"
    ):
        work(1)
    with (
        receiving(port=int(gone.endpoint.rpartition(":")[2])) as receiver,
        otel_ia.configure(endpoint=gone.endpoint, service_name="left", **ONLY_TRACES) as telemetry,
    ):
        receiver.wait_for(spans=1)
        telemetry.shutdown()
        assert telemetry.stats().adopted == 1
        assert telemetry.stats().delivered == {"traces": 1}


def test_redacted_secrets_are_counted_by_rule(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, console=False) as telemetry:
        with monitor("login", attributes={"db.password": "hunter2hunter2"}):
            pass
        telemetry.flush(10)
        assert sum(telemetry.stats().redacted.values()) == 1
    with otel_ia.configure(endpoint=receiver.endpoint, console=False, redact=False) as telemetry:
        with monitor("login", attributes={"db.password": "hunter2hunter2"}):
            pass
        assert telemetry.stats().redacted == {}


def test_without_delivery_there_is_nothing_to_count() -> None:
    with otel_ia.configure(disabled=True) as telemetry:
        work(1)
        stats = telemetry.stats()
    assert (stats.delivered, stats.requests, stats.waiting_bytes) == ({}, 0, {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        stats.requests = 1  # type: ignore[misc]


def test_what_is_recorded_is_counted_whatever_becomes_of_it(receiver: Receiver) -> None:
    receiver.status = 503
    telemetry = otel_ia.configure(endpoint=receiver.endpoint, service_name="recorded", **ONLY_TRACES)
    last = 0
    for number in range(1, 4):
        for _ in range(10_000):
            with monitor("step"):
                pass
        last = telemetry.stats().recorded["traces"]
        assert last == number * 10_000
        if number == 2:
            receiver.status = 200
            assert telemetry.flush(20)
            assert telemetry.stats().recorded["traces"] == last
    telemetry.shutdown()
    assert telemetry.stats().recorded == {"traces": last}
    work(1)
    assert telemetry.stats().recorded == {"traces": last}


def test_what_the_memory_loses_was_recorded_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with receiving() as gone:
        pass
    telemetry = otel_ia.configure(
        endpoint=gone.endpoint, spool_directory=tmp_path / "file", exit_timeout=0, **ONLY_TRACES
    )
    for _ in range(100):
        with monitor("step"):
            pass
    telemetry.shutdown()
    assert telemetry.stats().recorded == {"traces": 100}
    assert telemetry.stats().dropped == {"memory": 100}
