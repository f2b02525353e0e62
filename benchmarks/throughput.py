"""How many typical spans per second one process records without a drop: `python -m benchmarks.throughput`.

One thread, default settings, for ten seconds. Without a drop means that the collector, a process of its own, has every
span in the end. The plain SDK is asked at one rate after the other, spread evenly over time, until the highest that it
keeps up with is known within a few percent. Ours is asked for as many as one thread can record; it runs before, between
and after the trials.
"""

import math
import time
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.collector import Collector, collecting
from benchmarks.delivery import sdk_provider
from benchmarks.effort import FULL, Effort
from benchmarks.programs import ProgramError, run_in_new_process
from benchmarks.rows import Goal, Row, Spread, spread_of
from benchmarks.table import print_rows
from benchmarks.work import with_monitor, with_the_sdk

_GOAL: Final = Goal(of="ratio", required=8, is_least=True)
_LOWEST, _HIGHEST = 250.0, 32_000.0
_PAUSE: Final = 0.001
_AT_ONCE: Final = 500
_PATIENCE: Final = 120


def measure(effort: Effort) -> Iterator[Row]:
    """One row: spans per second."""
    with collecting() as collector:
        ours = [_rate_of_otel_ia(collector, effort.trial_time)]
        held, refused = _LOWEST, _HIGHEST
        for trial in range(effort.trials):
            rate = math.sqrt(held * refused)
            made, reached = run_in_new_process(at_a_rate, collector.endpoint, rate, effort.trial_time)
            if _arrived(collector) == made and reached:
                held = rate
            else:
                refused = rate
            if trial % 3 == 2:  # noqa: PLR2004 - so often suffices
                ours.append(_rate_of_otel_ia(collector, effort.trial_time))
        ours.append(_rate_of_otel_ia(collector, effort.trial_time))
        mine = spread_of(ours)
        sdk = Spread(held, held, refused)
        ratio = Spread(mine.low / refused, mine.middle / held, mine.high / held)
        yield Row(
            operation="typical spans per second, none dropped",
            unit="1/s",
            ours=mine,
            sdk=sdk,
            ratio=ratio,
            goal=_GOAL,
            note="the SDK's figures are the highest rate of which all arrived and the lowest of which some did not",
        )


def _rate_of_otel_ia(collector: Collector, seconds: float) -> float:
    made = run_in_new_process(as_fast_as_possible, collector.endpoint, seconds)
    arrived = _arrived(collector)
    if arrived != made:
        raise ProgramError(f"{arrived:,} spans have arrived of {made:,}")
    return float(made / seconds)


def _arrived(collector: Collector) -> int:
    arrived = collector.count()
    collector.forget()
    return arrived


def as_fast_as_possible(endpoint: str, seconds: float) -> int:
    """How many spans this process has recorded with our decorator."""
    import otel_ia

    telemetry = otel_ia.configure(service_name="benchmark", endpoint=endpoint)
    record = with_monitor("typical")
    made = _record(record, seconds, math.inf)
    telemetry.shutdown(_PATIENCE)
    return made


def at_a_rate(endpoint: str, rate: float, seconds: float) -> tuple[int, bool]:
    """How many spans this process has recorded with the SDK, and whether it kept the rate."""
    provider = sdk_provider(endpoint)
    made = _record(with_the_sdk(provider.get_tracer("benchmark"), "typical"), seconds, rate)
    provider.force_flush(_PATIENCE * 1_000)
    provider.shutdown()
    return made, made >= 0.99 * rate * seconds


def _record(record: Callable[[], object], seconds: float, rate: float) -> int:
    made = 0
    begin = time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < seconds:
        due = min(rate * elapsed - made, _AT_ONCE)
        for _ in range(math.ceil(due)):
            record()
        made += max(0, math.ceil(due))
        if due < _AT_ONCE:
            time.sleep(_PAUSE)
    return made


if __name__ == "__main__":
    print_rows(measure(FULL))
