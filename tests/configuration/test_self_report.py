"""The telemetry's own metrics: what was recorded, sent and lost, by OpenTelemetry's names where there are any."""

import logging
import shutil
from pathlib import Path
from typing import Any

from delivery.collectors import Reply, Request, collecting
from opentelemetry import metrics
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from receiver import Receiver, plain, receiving

import otel_ia
from otel_ia import monitor
from otel_ia.testing import record

COMPONENT = {"otel.component.type": "otel_ia.spool", "otel.component.name": "otel_ia.spool/traces"}
EXPORTER = {
    "otel.component.type": "otlp_http_span_exporter",
    "otel.component.name": "otlp_http_span_exporter/0",
}


def told(receiver: Receiver, name: str) -> list[tuple[dict[str, Any], float]]:
    """The attributes and the last value of each series of a metric."""
    points = receiver.last_points(name).values()
    return [(plain(point.attributes), getattr(point, point.WhichOneof("value"))) for point in points]


def test_what_was_recorded_and_exported_is_told(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, service_name="reported", console=False) as telemetry:
        with monitor("login", attributes={"db.password": "hunter2hunter2"}, log="WARNING"):
            pass
        for _ in range(4):
            with monitor("step"):
                pass
        assert telemetry.flush(10)
    assert told(receiver, "otel.sdk.processor.span.processed") == [(COMPONENT, 5)]
    assert told(receiver, "otel.sdk.processor.span.queue.size") == [(COMPONENT, 0)]
    assert told(receiver, "otel.sdk.exporter.span.exported") == [(EXPORTER, 5)]
    assert told(receiver, "otel.sdk.log.created") == [({}, 2)]
    ((_, logs),) = told(receiver, "otel.sdk.exporter.log.exported")
    assert logs == 2
    assert sum(count for _, count in told(receiver, "ia.telemetry.redacted")) >= 1
    assert {attributes["ia.telemetry.signal"] for attributes, _ in told(receiver, "ia.telemetry.waiting")} == {
        "traces",
        "logs",
        "metrics",
    }
    lags = {attributes["ia.telemetry.signal"]: lag for attributes, lag in told(receiver, "ia.telemetry.lag")}
    assert 0 < lags["traces"] < 10
    assert told(receiver, "ia.telemetry.dropped") == []


def test_what_waits_and_what_is_refused_is_told(receiver: Receiver) -> None:
    with receiving() as down:
        down.status = 503
        traces = f"{down.endpoint}/v1/traces"
        settings = {"service_name": "waits", "console": False, "logs_exporter": "none"}
        with otel_ia.configure(endpoint=receiver.endpoint, traces_endpoint=traces, **settings) as telemetry:
            for _ in range(3):
                with monitor("step"):
                    pass
            assert not telemetry.flush(1)
            assert receiver.wait_until(lambda: bool(receiver.metrics))
        assert told(receiver, "otel.sdk.processor.span.queue.size") == [(COMPONENT, 3)]
        assert told(receiver, "otel.sdk.exporter.span.exported") == [(EXPORTER, 0)]
        ((_, retried),) = told(receiver, "ia.telemetry.retried")
        assert retried >= 1


def test_what_the_collector_refuses_and_rejects_is_told_by_kind(receiver: Receiver) -> None:
    partial = ExportTracePartialSuccess(rejected_spans=2, error_message="too old")
    rejecting = Reply(body=ExportTraceServiceResponse(partial_success=partial).SerializeToString())

    def respond(request: Request) -> Reply:
        if "guilty" in request.spans:
            return Reply(400)
        return rejecting if "old" in request.spans else Reply()

    with collecting(respond) as collector:
        traces = f"{collector.endpoint}/v1/traces"
        settings = {"service_name": "refused", "console": False, "logs_exporter": "none"}
        with otel_ia.configure(endpoint=receiver.endpoint, traces_endpoint=traces, **settings) as telemetry:
            for names in (["good", "guilty", "good"], ["old", "old", "new"]):
                for name in names:
                    with monitor(name):
                        pass
                assert telemetry.flush(10)
            stats = telemetry.stats()
    assert (stats.set_aside["traces"], stats.rejected["traces"], stats.dropped) == (1, 2, {})
    exported = told(receiver, "otel.sdk.exporter.span.exported")
    assert all(attributes.items() >= EXPORTER.items() for attributes, _ in exported)
    kinds = {attributes.get("error.type", "none"): count for attributes, count in exported}
    assert kinds == {"none": 3, "rejected": 2, "refused": 1}


def test_what_is_lost_is_told_with_its_reason(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, service_name="lost", console=False) as telemetry:
        metrics.get_meter("lost").create_counter("lost", description="\ud800").add(1)
        assert telemetry.flush(10)
    assert told(receiver, "ia.telemetry.dropped") == [({"ia.telemetry.reason": "not encodable"}, 1)]


def test_lines_that_a_log_file_lost_are_told(receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "a-file" / "app.log"
    settings = {"service_name": "lost", "console": False, "log_file": str(file)}
    with otel_ia.configure(endpoint=receiver.endpoint, **settings) as telemetry:
        logging.getLogger("app").warning("kept")
        shutil.rmtree(file.parent)
        file.parent.write_text("no folder")
        logging.getLogger("app").warning("lost")
        assert telemetry.flush(10)
        dropped = telemetry.stats().dropped
    assert len(dropped) == 1
    lost = [(attributes["ia.telemetry.reason"], count) for attributes, count in told(receiver, "ia.telemetry.dropped")]
    assert lost == list(dropped.items())


def test_a_recording_in_a_test_is_told_nothing_of_the_configuration_below(receiver: Receiver) -> None:
    with (
        otel_ia.configure(endpoint=receiver.endpoint, service_name="below", console=False),
        record() as seen,
    ):
        assert not [metric for metric in seen.metrics if metric.name.startswith(("otel.sdk.", "ia.telemetry."))]
    assert told(receiver, "otel.sdk.processor.span.processed") == [(COMPONENT, 0)]
