"""What counting a monitored call costs, beside the plain SDK's instruments: `python -m benchmarks.metrics`.

The SDK's side records a duration in a histogram and adds to a counter, by hand, both with two attributes, and has a
reader, as it needs one to measure anything. Ours keeps `ia.call.duration` with exemplars and `ia.call.active`.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

from opentelemetry import trace
from opentelemetry.sdk import metrics as sdk_metrics
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from benchmarks.calls import sdk_tracer
from benchmarks.configuring import sending
from benchmarks.effort import FULL, Effort
from benchmarks.rounds import Operation, interleave
from benchmarks.rows import Goal, Row, row_of
from benchmarks.table import print_rows
from benchmarks.work import with_monitor

RESOURCE: Final = Resource({"service.name": "benchmark"})
_WITH_SPAN: Final = Goal(of="ratio", required=0.18, aim=0.13)
_ALONE: Final = Goal(of="ratio", required=0.25, aim=0.15)


def measure(effort: Effort) -> Iterator[Row]:
    """One row with the span, one without, and both again with the mapped cells that Prometheus is shown."""
    with sending() as configure:

        def row(operation: str, goal: Goal, theirs: Operation) -> Row:
            rounds = interleave(with_monitor(), theirs, calls=effort.calls, rounds=effort.rounds)
            return row_of(operation, rounds, per=effort.calls, goal=goal)

        with configure():
            yield row("call with span and metrics", _WITH_SPAN, measured_with_the_sdk(sdk_tracer()))
        with configure(sampler="always_off"):
            yield row("call with metrics only", _ALONE, measured_with_the_sdk(None))
        with configure(metrics_exporter="otlp,prometheus", prometheus_port=0):
            yield row(
                "call with span and metrics, shown to Prometheus", _WITH_SPAN, measured_with_the_sdk(sdk_tracer())
            )
        with configure(metrics_exporter="otlp,prometheus", prometheus_port=0, sampler="always_off"):
            yield row("call with metrics only, shown to Prometheus", _ALONE, measured_with_the_sdk(None))


def measured_with_the_sdk(tracer: trace.Tracer | None) -> Callable[[], object]:
    provider = sdk_metrics.MeterProvider([InMemoryMetricReader()], RESOURCE, shutdown_on_exit=False)
    meter = provider.get_meter("benchmark")
    durations = meter.create_histogram("duration", "s")
    calls = meter.create_counter("calls")
    attributes = {"ia.operation": "predict", "ia.outcome": "ok"}

    def measure() -> None:
        began = time.perf_counter()
        durations.record(time.perf_counter() - began, attributes)
        calls.add(1, attributes)

    if tracer is None:
        return measure

    def call() -> None:
        with tracer.start_as_current_span("predict"):
            measure()

    return call


if __name__ == "__main__":
    print_rows(measure(FULL))
