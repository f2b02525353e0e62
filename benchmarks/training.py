"""What a step of a training loop costs, over the loop without us: `python -m benchmarks.training`.

Beside it a loop in which somebody records the same by hand with the plain SDK: three histograms (step, wait for data,
samples a second), a gauge for the loss and one for the learning rate, and a span where ours has one; with a reader and
no exporter. Ours is the default of `configure(endpoint=…)`. CPU of the calling thread. The goal is half a percent of a
step of 5 ms.
"""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Final

import numpy as np
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
from otel_ia import training

STEPS: Final = 100
"""Of each loop."""
_GOAL: Final = Goal(of="ours", required=0.005 * 5e-3)
BATCHES: Final = [(np.zeros((32, 8)), np.zeros(32))] * STEPS


def measure(effort: Effort) -> Iterator[Row]:
    """One row for steps that are only counted, one for those with a loss, one for those with a span as well."""
    loops = max(1, effort.calls // STEPS)

    def row(operation: str, ours: Operation, theirs: Operation) -> Row:
        rounds = interleave(ours, theirs, calls=loops, rounds=effort.rounds)
        return row_of(operation, rounds, per=loops * STEPS, goal=_GOAL)

    with sending() as configure, configure(), training.run(model="benchmark"):
        yield row("training step, counted", counted, with_the_sdk(None, has_loss=False))
        yield row("training step, counted, with its loss", with_loss, with_the_sdk(None, has_loss=True))
        yield row("training step, recorded, with its loss", recorded, with_the_sdk(sdk_tracer(), has_loss=True))


def counted() -> None:
    for _ in training.steps(BATCHES, every=0):
        pass


def with_loss() -> None:
    steps = training.steps(BATCHES, every=0)
    for _ in steps:
        steps.record(loss=0.5, learning_rate=1e-3)


def recorded() -> None:
    steps = training.steps(BATCHES, every=1)
    for _ in steps:
        steps.record(loss=0.5, learning_rate=1e-3)


def with_the_sdk(tracer: trace.Tracer | None, *, has_loss: bool) -> Operation:
    resource = Resource({"service.name": "benchmark"})
    meter = sdk_metrics.MeterProvider([InMemoryMetricReader()], resource, shutdown_on_exit=False).get_meter("benchmark")
    step, wait = meter.create_histogram("step", "s"), meter.create_histogram("wait", "s")
    rate = meter.create_histogram("rate")
    loss, learning_rate = meter.create_gauge("loss"), meter.create_gauge("learning_rate")
    attributes = {"ia.operation": "step", "ia.model.name": "benchmark"}

    def loop() -> None:
        asked = time.perf_counter()
        for number, (images, _) in enumerate(BATCHES):
            began = time.perf_counter()
            with tracer.start_as_current_span("step") if tracer is not None else nullcontext() as span:
                if has_loss:
                    loss.set(0.5, attributes)
                    learning_rate.set(1e-3, attributes)
                if span is not None:
                    span.set_attributes({"step": number, "wait": began - asked, "size": len(images), "loss": 0.5})
            now = time.perf_counter()
            step.record(now - asked, attributes)
            wait.record(began - asked, attributes)
            rate.record(len(images) / (now - asked), attributes)
            asked = now

    return loop


if __name__ == "__main__":
    print_rows(measure(FULL))
