"""Times two sides in turn, in one thread."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

Operation = Callable[[], object]
Around = Callable[[], AbstractContextManager[object]]


def interleave(
    ours: Operation,
    theirs: Operation,
    *,
    calls: int,
    rounds: int,
    around: tuple[Around, Around] = (nullcontext, nullcontext),
) -> list[tuple[float, float]]:
    """Seconds of CPU of this thread that each round of both sides took.

    The sides alternate, and which is first alternates too; each round of a side stands inside its part of `around`. The
    first three rounds are for warming up and left out.
    """
    found = []
    for number in range(rounds):
        times = [0.0, 0.0]
        for side in (number % 2, 1 - number % 2):
            with around[side]():
                times[side] = _seconds((ours, theirs)[side], calls)
        found.append((times[0], times[1]))
    return found[min(3, rounds - 1) :]


def _seconds(operation: Operation, calls: int) -> float:
    begin = time.thread_time_ns()
    for _ in range(calls):
        operation()
    return (time.thread_time_ns() - begin) / 1e9
