"""What a monitored call costs, beside the same work with the plain SDK: `python -m benchmarks.calls`.

Ours is the default of `configure(endpoint=…)`: when the call returns, its span is free of secrets, encoded and in a
spool on disk. The SDK's side has a sampler and no exporter, as if delivery were free. Neither side counts calls, which
`benchmarks.metrics` compares. CPU of the calling thread.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON, Sampler

from benchmarks.configuring import sending
from benchmarks.effort import FULL, Effort
from benchmarks.rounds import Operation, interleave
from benchmarks.rows import Goal, Row, row_of
from benchmarks.table import print_rows
from benchmarks.work import with_monitor, with_the_sdk
from otel_ia import monitor

_CALL: Final = Goal(of="ratio", required=0.25, aim=0.20)
_TYPICAL: Final = Goal(of="ratio", required=0.45, aim=0.35)
_RAISING: Final = Goal(of="ratio", required=0.35, aim=0.20)
_GENERATOR: Final = Goal(of="ratio", required=0.60, aim=0.45)
_UNSAMPLED: Final = Goal(of="ratio", required=0.20)


def measure(effort: Effort) -> Iterator[Row]:
    """One row for each way to call."""
    with sending() as configure:

        def row(operation: str, goal: Goal, ours: Operation, theirs: Operation, **more: Any) -> Row:
            rounds = interleave(ours, theirs, calls=effort.calls, rounds=effort.rounds, **more)
            return row_of(operation, rounds, per=effort.calls, goal=goal)

        sdk = sdk_tracer()
        monitored, plain = with_monitor(), with_the_sdk(sdk)
        with configure(call_metrics=False):
            inside = (partial(monitor, "request"), partial(sdk.start_as_current_span, "request"))
            yield row("monitored call, root", _CALL, monitored, plain)
            yield row("monitored call, child", _CALL, monitored, plain, around=inside)
            yield row("monitored block", _CALL, block, plain)
            yield row("typical span", _TYPICAL, with_monitor("typical"), with_the_sdk(sdk, "typical"))
            yield row("call that raises", _RAISING, raising(monitor(fail)), raising_with_the_sdk(sdk))
            yield row("generator of 10 items", _GENERATOR, exhausting(monitor(ten)), generator_with_the_sdk(sdk))
        with configure(call_metrics=False, sampler="always_off"):
            yield row("call not sampled", _UNSAMPLED, monitored, with_the_sdk(sdk_tracer(ALWAYS_OFF)))


def sdk_tracer(sampler: Sampler = DEFAULT_ON) -> trace.Tracer:
    resource = Resource({"service.name": "benchmark"})
    return sdk_trace.TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False).get_tracer("benchmark")


def block() -> None:
    with monitor("predict"):
        pass


def fail() -> None:
    raise ValueError("no such model")


def ten() -> Iterator[int]:
    yield from range(10)


def raising(function: Callable[[], object]) -> Operation:
    def call() -> None:
        try:  # noqa: SIM105 - `suppress` would be a part of what is measured
            function()
        except ValueError:
            pass

    return call


def raising_with_the_sdk(tracer: trace.Tracer) -> Operation:
    @tracer.start_as_current_span("predict")
    def call() -> None:
        fail()

    return raising(call)


def exhausting(function: Callable[[], Iterator[int]]) -> Operation:
    def call() -> None:
        for _ in function():
            pass

    return call


def generator_with_the_sdk(tracer: trace.Tracer) -> Operation:
    def steps() -> Iterator[int]:
        with tracer.start_as_current_span("predict"):
            yield from range(10)

    return exhausting(steps)


if __name__ == "__main__":
    print_rows(measure(FULL))
