"""The chain tests itself against the real Collector, Jaeger and Prometheus."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

from otel_ia import semconv
from otel_ia.checking.reading import find_point, find_trace

from .programs import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from .servers import Backends, Collector, Jaeger

pytestmark = pytest.mark.backends


def check(endpoint: str, protocol: str, tmp_path: Path, *arguments: str) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-m", "otel_ia", "check", "--json", "--timeout", "20", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={
            **environment,
            "XDG_STATE_HOME": str(tmp_path),
            "OTEL_SERVICE_NAME": "checked",
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        },
    )
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["is_ok"] is (done.returncode == 0)
    return report


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_the_span_is_read_back_from_jaeger(collector: Collector, jaeger: Jaeger, tmp_path: Path, protocol: str) -> None:
    collector.program.start()
    jaeger.program.start()
    endpoint = collector.grpc_endpoint if protocol == "grpc" else collector.http_endpoint
    report = check(endpoint, protocol, tmp_path, "--jaeger", jaeger.address)
    assert report["is_ok"], report
    assert report["warnings"] == []
    traces, logs, _ = report["signals"]
    assert traces["is_found"] is True
    assert 0 <= traces["found_after"] < 20
    assert logs["is_accepted"] is True


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_each_port_of_the_collector_knows_the_other_protocol(
    collector: Collector, tmp_path: Path, protocol: str
) -> None:
    collector.program.start()
    endpoint = collector.http_endpoint if protocol == "grpc" else collector.grpc_endpoint
    report = check(endpoint, protocol, tmp_path, "--timeout", "3")
    for signal in report["signals"][:2]:
        (cause,) = signal["causes"]
        assert cause["problem"].startswith("wrong protocol: ")
        assert cause["setting"] == "protocol"


def test_what_jaeger_does_not_have_is_not_found(jaeger: Jaeger) -> None:
    jaeger.program.start()
    read = find_trace(jaeger.address, "1" * 32, 0.5)
    assert read.is_found is False
    assert read.cause is not None
    assert read.cause.problem == "accepted, but not found in Jaeger within 0.5 s"


def test_a_point_is_read_back_from_prometheus(backends: Backends) -> None:
    # as the metrics of this package are to come: a gauge with the time of the check
    exporter = OTLPMetricExporter(f"{backends.collector.http_endpoint}/v1/metrics")
    provider = MeterProvider([PeriodicExportingMetricReader(exporter, 1e9)], shutdown_on_exit=False)
    begin = time.time()
    provider.get_meter("otel_ia.check").create_gauge(semconv.CHECK_METRIC).set(begin, {"service": "checked"})
    assert provider.force_flush()
    read = find_point(backends.prometheus.address, f'ia_check{{service="checked"}} >= {begin - 1:.3f}', 30)
    provider.shutdown()
    assert read.is_found, read
    later = find_point(backends.prometheus.address, f'ia_check{{service="checked"}} >= {begin + 60:.3f}', 0.5)
    assert later.cause is not None
    assert "not found in Prometheus" in later.cause.problem


def test_an_address_that_is_not_prometheus_is_named(jaeger: Jaeger) -> None:
    jaeger.program.start()
    read = find_point(jaeger.address, "up", 0.3)
    assert read.cause is not None
    assert read.cause.problem.endswith("has no query API of Prometheus' (/api/v1)")
    nobody = find_point(f"http://127.0.0.1:{free_port()}", "up", 0.3)
    assert nobody.cause is not None
    assert "cannot be asked" in nobody.cause.problem
