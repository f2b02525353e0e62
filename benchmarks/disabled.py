"""What a monitored call costs that records nothing, beside the SDK's disabled tracer: `python -m benchmarks.disabled`.

Each way to be disabled is taken in a new process. CPU of the calling thread.
"""

import os
from collections.abc import Callable, Iterator
from typing import Final

from opentelemetry.sdk.environment_variables import OTEL_SDK_DISABLED
from opentelemetry.sdk.trace import TracerProvider

from benchmarks.effort import FULL, Effort
from benchmarks.programs import run_in_new_process
from benchmarks.rounds import interleave
from benchmarks.rows import Goal, Row, row_of
from benchmarks.table import print_rows
from benchmarks.work import with_monitor, with_the_sdk

_GOAL: Final = Goal(of="ratio", required=0.06)


def measure(effort: Effort) -> Iterator[Row]:
    """One row for each way to be disabled."""
    ways: list[tuple[str, Callable[..., list[tuple[float, float]]], Goal | None]] = [
        ("disabled by OTEL_SDK_DISABLED", by_the_environment, _GOAL),
        ("disabled after shutdown", after_shutdown, _GOAL),
        ("disabled by configure(disabled=True)", by_an_argument, _GOAL),
        ("never configured", unconfigured, None),
    ]
    for operation, way, goal in ways:
        rounds = run_in_new_process(way, effort.calls, effort.rounds)
        yield row_of(operation, rounds, per=effort.calls, goal=goal)


def by_the_environment(calls: int, rounds: int) -> list[tuple[float, float]]:
    """The variable is set before the program begins."""
    os.environ[OTEL_SDK_DISABLED] = "true"
    import otel_ia

    otel_ia.configure(service_name="benchmark")
    return unconfigured(calls, rounds)


def by_an_argument(calls: int, rounds: int) -> list[tuple[float, float]]:
    import otel_ia

    otel_ia.configure(service_name="benchmark", disabled=True)
    return unconfigured(calls, rounds)


def after_shutdown(calls: int, rounds: int) -> list[tuple[float, float]]:
    """What was configured has been taken back."""
    import otel_ia

    otel_ia.configure(service_name="benchmark", console=False, traces_exporter="none").shutdown()
    return unconfigured(calls, rounds)


def unconfigured(calls: int, rounds: int) -> list[tuple[float, float]]:
    """The rounds of both sides as the process is now; the SDK's side is disabled in any case."""
    before = os.environ.get(OTEL_SDK_DISABLED)
    os.environ[OTEL_SDK_DISABLED] = "true"
    theirs = with_the_sdk(TracerProvider(shutdown_on_exit=False).get_tracer("benchmark"))
    if before is None:
        del os.environ[OTEL_SDK_DISABLED]
    return interleave(with_monitor(), theirs, calls=calls, rounds=rounds)


if __name__ == "__main__":
    print_rows(measure(FULL))
