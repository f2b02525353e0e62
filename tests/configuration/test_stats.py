"""`Telemetry.stats`, with a real receiver."""

import dataclasses
import logging

import pytest
from receiver import Receiver, receiving

import otel_ia
from otel_ia import monitor


@monitor
def work(number: int) -> int:
    logging.getLogger("app").warning("worked %d", number)
    return number


def test_what_was_delivered_is_counted_by_signal(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, service_name="counted", console=False) as telemetry:
        before = telemetry.stats()
        assert (before.delivered, before.requests) == ({"traces": 0, "logs": 0}, 0)
        for number in range(5):
            work(number)
        assert telemetry.flush(10)
        stats = telemetry.stats()
    assert stats.delivered == {"traces": 5, "logs": 5}
    assert stats.waiting_bytes == {"traces": 0, "logs": 0}
    assert stats.requests == len(receiver.headers)
    assert stats.bytes_sent > 0
    assert all(0 < lag < 10 for lag in stats.lag.values())
    assert (stats.dropped, stats.retried, stats.refused, stats.adopted, stats.abandoned) == ({}, 0, 0, 0, 0)
    assert telemetry.stats().delivered == stats.delivered


def test_what_waits_and_what_was_tried_in_vain_are_counted(receiver: Receiver) -> None:
    receiver.status = 503
    telemetry = otel_ia.configure(
        endpoint=receiver.endpoint, service_name="waiting", console=False, logs_exporter="none"
    )
    try:
        work(1)
        assert not telemetry.flush(0.5)
        stats = telemetry.stats()
        assert stats.delivered == {"traces": 0}
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
    with otel_ia.configure(endpoint=gone.endpoint, service_name="left", console=False, logs_exporter="none"):
        work(1)
    with (
        receiving(port=int(gone.endpoint.rpartition(":")[2])) as receiver,
        otel_ia.configure(
            endpoint=gone.endpoint, service_name="left", console=False, logs_exporter="none"
        ) as telemetry,
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
