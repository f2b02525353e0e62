"""The chain tests itself against the real Collector, Jaeger and Prometheus."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from otel_ia.checking.reading import find_point, find_trace

from .programs import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
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
def test_span_and_point_are_read_back_from_jaeger_and_prometheus(
    backends: Backends, tmp_path: Path, protocol: str
) -> None:
    collector, jaeger, prometheus = backends.collector, backends.jaeger, backends.prometheus
    endpoint = collector.grpc_endpoint if protocol == "grpc" else collector.http_endpoint
    report = check(endpoint, protocol, tmp_path, "--jaeger", jaeger.address, "--prometheus", prometheus.address)
    assert report["is_ok"], report
    assert report["warnings"] == []
    traces, logs, metrics = report["signals"]
    for signal in (traces, logs, metrics):
        assert (signal["state"], signal["is_accepted"]) == ("ok", True)
        assert 0 <= signal["delay"] < 20
    for signal in (traces, metrics):
        assert signal["is_found"] is True
        assert 0 <= signal["found_after"] < 20
    (trace_id,) = re.findall(r"[0-9a-f]{32}", traces["sent"])
    (span,) = jaeger.trace(trace_id)
    assert span.name == "otel_ia.check"
    (record,) = collector.wait_for_logs(lambda record: record.trace_id == trace_id)
    assert record.body == "otel_ia check"


def test_what_is_accepted_and_reaches_no_backend_is_told_of_by_signal(
    start_collector: Callable[..., Collector], backends: Backends, tmp_path: Path
) -> None:
    elsewhere = start_collector(JAEGER_ENDPOINT=f"127.0.0.1:{free_port()}")  # and no Prometheus scrapes it
    jaeger, prometheus = backends.jaeger.address, backends.prometheus.address
    more = ("--timeout", "3", "--jaeger", jaeger, "--prometheus", prometheus)
    report = check(elsewhere.http_endpoint, "http/protobuf", tmp_path, *more)
    traces, logs, metrics = report["signals"]
    assert logs["state"] == "ok"
    for signal, place in ((traces, "Jaeger"), (metrics, "Prometheus")):
        assert (signal["state"], signal["is_accepted"], signal["is_found"]) == ("failed", True, False)
        assert signal["causes"][0]["problem"] == f"accepted, but not found in {place} within 3 s"


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


def test_an_address_that_is_not_prometheus_is_named(jaeger: Jaeger) -> None:
    jaeger.program.start()
    read = find_point(jaeger.address, "up", 0.3)
    assert read.cause is not None
    assert read.cause.problem.endswith("has no query API of Prometheus' (/api/v1)")
    nobody = find_point(f"http://127.0.0.1:{free_port()}", "up", 0.3)
    assert nobody.cause is not None
    assert "cannot be asked" in nobody.cause.problem
