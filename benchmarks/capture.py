"""What capturing arguments and result costs: `python -m benchmarks.capture`.

Beside the same monitored call that captures nothing, spooled to disk and counted, as `configure(endpoint=…)` does by
default. Every second argument is a NumPy array of 32 × 16, the others are floats; the result is an array. CPU of the
calling thread. The goal is that of any call, however much it is given: one millisecond.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from benchmarks.configuring import sending
from benchmarks.effort import FULL, Effort
from benchmarks.rounds import Operation, interleave
from benchmarks.rows import Goal, Row, row_of
from benchmarks.table import print_rows
from otel_ia import monitor

NOTE: Final = "beside the same call that captures nothing"
COUNTS: Final = (1, 5, 20)
_GOAL: Final = Goal(of="ours", required=1e-3)


def measure(effort: Effort) -> Iterator[Row]:
    """One row for each number of arguments, and one each for statistics, values and an array of 32 MB."""
    with sending() as configure:

        def row(operation: str, arguments: tuple[Any, ...], **options: Any) -> Row:
            captures = calling(monitor("predict", **options)(taking(len(arguments))), arguments)
            plain = calling(monitor("predict")(taking(len(arguments))), arguments)
            rounds = interleave(captures, plain, calls=effort.calls, rounds=effort.rounds)
            return row_of(operation, rounds, per=effort.calls, goal=_GOAL, note=NOTE)

        with configure():
            for count in COUNTS:
                noun = "argument" if count == 1 else "arguments"
                yield row(f"summary of {count} {noun}", arrays_and_floats(count), capture="summary")
            yield row("summary of an array of 32 MB", (np.zeros((2000, 2000)),), capture="summary")
            yield row("statistics of 1 argument", arrays_and_floats(1), capture="summary", stats=True)
            yield row("values of 5 arguments", arrays_and_floats(5), capture="values")


def arrays_and_floats(count: int) -> tuple[Any, ...]:
    """So many arguments, alternating."""
    return tuple(float(number) if number % 2 else np.zeros((32, 16), np.float32) for number in range(count))


def taking(count: int) -> Callable[..., Any]:
    """A function with so many named arguments that gives back the first."""
    names = [f"argument_{number}" for number in range(count)]
    scope: dict[str, Any] = {}
    exec(f"def predict({', '.join(names)}): return {names[0]}", scope)  # noqa: S102 - a signature of any length
    function: Callable[..., Any] = scope["predict"]
    return function


def calling(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Operation:
    return lambda: function(*arguments)


if __name__ == "__main__":
    print_rows(measure(FULL))
