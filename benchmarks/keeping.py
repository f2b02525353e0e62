"""What it costs to hold a trace that is not sampled and discard it: `python -m benchmarks.keeping`.

Beside the same trace recorded and delivered: a call with three inside. User and system CPU of the whole process,
from the first trace until the collector has the last one, or until the last one is discarded. Default settings, but for
the sampler and `keep_errors`.
"""

import time
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.collector import collecting
from benchmarks.delivery import expect
from benchmarks.effort import FULL, Effort
from benchmarks.programs import run_in_new_process
from benchmarks.rows import Goal, Row, row_of
from benchmarks.table import print_rows
from benchmarks.work import MODEL, Kind, nothing, typical, with_monitor

NOTE: Final = "beside the same trace recorded and delivered"
_GOAL: Final = Goal(of="ratio", required=0.8)
_INSIDE: Final = 3
_HOLDING: Final = {"sampler": "parentbased_always_off", "keep_errors": True}
_PATIENCE: Final = 120
_TRACES: Final[tuple[tuple[str, Kind, bool], ...]] = (
    ("bare", "bare", False),
    ("typical", "typical", False),
    ("typical shared", "typical", True),
)
"""Whose context somebody has asked for goes on elsewhere, as far as can be known, so that others are told of it."""


def measure(effort: Effort) -> Iterator[Row]:
    """A row for traces of bare spans, one for those of typical ones, and one for those that go on elsewhere."""
    count = effort.spans // (1 + _INSIDE)
    with collecting() as collector:
        for name, kind, is_shared in _TRACES:
            rounds = []
            for number in range(2 * effort.deliveries - 1):  # a process lasts a second or two here, not ten
                times = {}
                for is_held in (True, False) if number % 2 else (False, True):
                    settings = _HOLDING if is_held else {}
                    times[is_held] = run_in_new_process(record, collector.endpoint, kind, count, settings, is_shared)
                    expect(collector, 0 if is_held else count * (1 + _INSIDE))
                rounds.append((times[True], times[False]))
            yield row_of(
                f"{name} trace held and discarded", rounds, per=count, goal=None if is_shared else _GOAL, note=NOTE
            )


def record(endpoint: str, kind: Kind, count: int, settings: dict[str, Any], is_shared: bool) -> float:
    """Seconds of CPU of this process."""
    from opentelemetry.trace import get_current_span

    import otel_ia

    telemetry = otel_ia.configure(service_name="benchmark", endpoint=endpoint, **settings)
    inside, work = with_monitor(kind), typical if kind == "typical" else nothing

    @otel_ia.monitor("request", attributes=MODEL)
    def request() -> None:
        work()
        if is_shared:
            get_current_span().get_span_context()
        for _ in range(_INSIDE):
            inside()

    begin = time.process_time()
    for _ in range(count):
        request()
    telemetry.shutdown(_PATIENCE)
    return time.process_time() - begin


if __name__ == "__main__":
    print_rows(measure(FULL))
