"""Metrics of calls, through the real Collector into the real Prometheus, and from an exemplar to the real Jaeger."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from opentelemetry import metrics

import otel_ia
from otel_ia import monitor

if TYPE_CHECKING:
    from .servers import Backends

pytestmark = pytest.mark.backends


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_calls_are_counted_in_prometheus_and_an_exemplar_leads_to_the_trace(backends: Backends, protocol: str) -> None:
    service = f"service-{uuid4().hex[:12]}"
    endpoint = backends.collector.grpc_endpoint if protocol == "grpc" else backends.collector.http_endpoint
    tokens = metrics.get_meter("app").create_counter("app.tokens", "{token}")
    with otel_ia.configure(endpoint=endpoint, protocol=protocol, service_name=service, console=False) as telemetry:
        for _ in range(5):
            with monitor("infer") as span:
                tokens.add(3)
        with pytest.raises(ValueError, match="broken"), monitor("infer"):
            raise ValueError("broken")
        trace_id = f"{span.get_span_context().trace_id:032x}"
        assert telemetry.flush(20)
        labels = f'job="{service}",ia_operation="infer"'
        good = f'ia_call_duration_seconds_count{{{labels},ia_outcome="ok"}} == 5'
        backends.prometheus.wait_for(good)
        bad = f'ia_call_duration_seconds_count{{{labels},ia_outcome="error",error_type="ValueError"}} == 1'
        backends.prometheus.wait_for(bad)
        backends.prometheus.wait_for(f"ia_call_active{{{labels}}} == 0")
        backends.prometheus.wait_for(f'app_tokens_total{{job="{service}"}} == 15')
        exemplars = backends.prometheus.wait_for_exemplars(f"ia_call_duration_seconds_bucket{{{labels}}}")
    assert trace_id in {exemplar["trace_id"] for exemplar in exemplars}
    backends.jaeger.wait_for_trace(trace_id)
