"""Which of our functions the instructions of a monitored call are in: `python -m benchmarks.instructions`.

Bytecode instructions of one operation, without those that the interpreter's own C code takes. They are the same on
every machine, and nearly the same in every run.
"""

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from benchmarks.calls import block, exhausting, fail, raising, ten
from benchmarks.configuring import sending
from benchmarks.work import with_monitor
from otel_ia import monitor

SHOWN: Final = 7
_WARM_UP: Final = 300
_RUNS: Final = 5


def measure() -> dict[str, Counter[str]]:
    """For each operation, the instructions of each function."""
    with sending() as configure, configure(call_metrics=False):
        operations: dict[str, Callable[[], object]] = {
            "monitored call, root": with_monitor(),
            "monitored block": block,
            "typical span": with_monitor("typical"),
            "call that raises": raising(monitor(fail)),
            "generator of 10 items": exhausting(monitor(ten)),
        }
        return {name: count(operation) for name, operation in operations.items()}


def count(operation: Callable[[], object]) -> Counter[str]:
    """The fewest instructions of some runs, when all that is kept from earlier ones is there.

    Now and then one run does what serves many after it: it draws the next 128 ids, or goes on in the next segment.
    """
    for _ in range(_WARM_UP):
        operation()
    return min((_count_one(operation) for _ in range(_RUNS)), key=Counter.total)


def _count_one(operation: Callable[[], object]) -> Counter[str]:
    counts: Counter[str] = Counter()

    def trace(frame: FrameType, _event: str, _argument: Any) -> Callable[..., Any]:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False

        def note(frame: FrameType, event: str, _argument: Any) -> Callable[..., Any]:
            if event == "opcode":
                counts[frame.f_code.co_qualname] += 1
            return note

        return note

    sys.settrace(trace)
    try:
        operation()
    finally:
        sys.settrace(None)
    return counts


if __name__ == "__main__":
    for name, counts in measure().items():
        sys.stdout.write(f"{name}: {sum(counts.values())}\n")
        for function, number in counts.most_common(SHOWN):
            sys.stdout.write(f"{number:8} {function}\n")
