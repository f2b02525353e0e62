"""What Jaeger's Monitor tab asks for: the real Jaeger answers out of the span metrics in the real Prometheus."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import pytest

from .demo import run_demo
from .programs import wait_until
from .servers import answer

if TYPE_CHECKING:
    from .servers import Collector, Jaeger, Prometheus

pytest.importorskip("sklearn")
pytestmark = pytest.mark.backends

SERVICE = "monitored-demo"


@pytest.fixture(scope="module")
def ran(collector: Collector, jaeger: Jaeger, prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> None:
    for server in (collector, jaeger, prometheus):
        server.program.start()
    state = str(tmp_path_factory.mktemp("state"))
    # twice, because this Prometheus takes the first value of a histogram for its beginning: nothing has happened yet
    for runs in (1, 2):
        run_demo(collector.http_endpoint, "--requests", "20", OTEL_SERVICE_NAME=SERVICE, XDG_STATE_HOME=state)
        counted = f'traces_span_metrics_duration_milliseconds_count{{service_name="{SERVICE}", span_name="request"}}'
        prometheus.wait_for(f"sum({counted}) == {20 * runs}")


def ask(jaeger: Jaeger, what: str, *, by_operation: bool, **more: str) -> dict[str, list[float]]:
    """The numbers that Jaeger's page draws, by operation ('' for the service as a whole)."""
    query = {
        "service": SERVICE,
        "endTs": str(round(time.time() * 1000)),
        "lookback": str(3_600_000),
        "step": str(5_000),
        "ratePer": str(600_000),
        "spanKind": "internal",
        "groupByOperation": str(by_operation).lower(),
        **more,
    }
    found: dict[str, list[float]] = {}
    series: dict[str, Any]
    for series in (answer(jaeger.query_port, f"/api/metrics/{what}", query) or {}).get("metrics", ()):
        labels = {label["name"]: label["value"] for label in series["labels"]}
        numbers = [float(point["gaugeValue"]["doubleValue"]) for point in series["metricPoints"]]
        found[labels.get("operation", "")] = [number for number in numbers if not math.isnan(number)]
    return found


@pytest.mark.parametrize("quantile", ["0.5", "0.75", "0.95"])
def test_latency_is_drawn(jaeger: Jaeger, ran: None, quantile: str) -> None:
    def requests() -> list[float]:
        return ask(jaeger, "latencies", by_operation=True, quantile=quantile).get("request", [])

    drawn = wait_until(requests, f"latency {quantile} of the demo's requests")
    assert 0 < drawn[-1] < 60_000  # milliseconds
    assert wait_until(lambda: ask(jaeger, "latencies", by_operation=False, quantile=quantile).get(""), "of the service")


def test_the_call_rate_is_drawn(jaeger: Jaeger, ran: None) -> None:
    drawn = wait_until(
        lambda: ask(jaeger, "calls", by_operation=True).get("request"), "call rate of the demo's requests"
    )
    assert drawn[-1] > 0
    assert wait_until(lambda: ask(jaeger, "calls", by_operation=False).get(""), "of the service")[-1] > drawn[-1]


def test_the_error_rate_is_drawn(jaeger: Jaeger, ran: None) -> None:
    drawn = wait_until(
        lambda: ask(jaeger, "errors", by_operation=True).get("request"), "error rate of the demo's requests"
    )
    assert 0 < drawn[-1] < 0.2  # one request of 20 fails; a rate is an estimate
    assert wait_until(lambda: ask(jaeger, "errors", by_operation=False).get(""), "of the service")[-1] > 0
