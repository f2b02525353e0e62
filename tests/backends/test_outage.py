"""A program of ours while the real Collector goes away and comes back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

import otel_ia
from otel_ia import monitor

if TYPE_CHECKING:
    from .servers import Collector, Jaeger

pytestmark = pytest.mark.backends


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_the_collector_goes_away_and_comes_back_and_the_program_is_undisturbed(
    collector: Collector, jaeger: Jaeger, protocol: str
) -> None:
    collector.program.start()
    jaeger.program.start()
    service = f"service-{uuid4().hex[:12]}"
    endpoint = collector.grpc_endpoint if protocol == "grpc" else collector.http_endpoint

    @monitor
    def work(phase: str) -> str:
        with monitor(phase):
            return phase

    with otel_ia.configure(endpoint=endpoint, protocol=protocol, service_name=service, timeout=5) as telemetry:
        assert work("before") == "before"
        assert telemetry.flush()
        collector.stop()
        try:
            began = time.monotonic()
            assert [work("during") for _ in range(100)] == ["during"] * 100
            assert time.monotonic() - began < 1.0
        finally:
            collector.start()
        assert work("after") == "after"
        assert telemetry.flush(30)
    traces = jaeger.wait_for_service(service, traces=102, timeout=30)
    assert sorted({span.name for trace in traces.values() for span in trace}) == ["after", "before", "during", "work"]
    assert {tuple(span.name for span in trace) for trace in traces.values()} == {
        ("work", "before"),
        ("work", "during"),
        ("work", "after"),
    }
