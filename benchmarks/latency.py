"""How long a span is on its way, from its end until its bytes are at a local collector: `python -m benchmarks.latency`.

Default settings on both sides, a span every quarter of a second at random moments, both sides in processes of their own
at the same time. The collector notes the moment at which it has read the whole request.
"""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from benchmarks.collector import collecting
from benchmarks.delivery import sdk_provider
from benchmarks.effort import FULL, Effort
from benchmarks.programs import ProgramError, run_in_new_process
from benchmarks.rows import Goal, Row, Spread, spread_of
from benchmarks.table import print_rows
from benchmarks.work import with_monitor, with_the_sdk

_GOAL: Final = Goal(of="ours", required=0.3)
_RATE: Final = 4.0
_PATIENCE: Final = 30


def measure(effort: Effort) -> Iterator[Row]:
    """One row: seconds on the way."""
    with collecting(with_delays=True) as here, collecting(with_delays=True) as there, ThreadPoolExecutor(2) as both:
        running = [
            both.submit(run_in_new_process, side, collector.endpoint, effort.latency_time, effort.patience)
            for side, collector in ((with_otel_ia, here), (with_sdk, there))
        ]
        made = [side.result() for side in running]
        found = [collector.delays() for collector in (here, there)]
    if made != [len(delays) for delays in found]:
        raise ProgramError(f"{[len(delays) for delays in found]} spans have arrived of {made}")
    ours, sdk = (spread_of(delays) for delays in found)
    ratio = Spread(ours.low / sdk.middle, ours.middle / sdk.middle, ours.high / sdk.middle)
    yield Row(operation="from a span's end to the collector", unit="s", ours=ours, sdk=sdk, ratio=ratio, goal=_GOAL)


def with_otel_ia(endpoint: str, seconds: float, patience: float) -> int:
    """How many spans this process has recorded."""
    import otel_ia

    telemetry = otel_ia.configure(service_name="benchmark", endpoint=endpoint)
    made = _record(with_monitor(), seconds, patience)
    telemetry.flush(_PATIENCE)
    return made


def with_sdk(endpoint: str, seconds: float, patience: float) -> int:
    """How many spans this process has recorded."""
    provider = sdk_provider(endpoint)
    made = _record(with_the_sdk(provider.get_tracer("benchmark")), seconds, patience)
    provider.force_flush(_PATIENCE * 1_000)
    return made


def _record(record: Callable[[], object], seconds: float, patience: float) -> int:
    moments = random.Random(1)  # noqa: S311 - no secret
    end = time.monotonic() + seconds
    made = 0
    while time.monotonic() < end:
        time.sleep(moments.expovariate(_RATE))
        record()
        made += 1
    time.sleep(patience)  # so that none is sent earlier because the program ends
    return made


if __name__ == "__main__":
    print_rows(measure(FULL))
