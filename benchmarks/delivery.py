"""What it costs to record and deliver many spans over OTLP/HTTP, all of it: `python -m benchmarks.delivery`.

User and system CPU of the whole process, from the first span until the collector has the last one. The collector is in
another process. The plain SDK has a `BatchSpanProcessor` with a queue that holds all of them.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from benchmarks.collector import Collector, collecting
from benchmarks.effort import FULL, Effort
from benchmarks.programs import ProgramError, run_in_new_process
from benchmarks.rows import Goal, Row, row_of
from benchmarks.table import print_rows
from benchmarks.work import Kind, with_monitor, with_the_sdk

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_PATIENCE: Final = 120
_GOALS: Final[dict[Kind, Goal]] = {
    "bare": Goal(of="ratio", required=0.15, aim=0.10),
    "typical": Goal(of="ratio", required=0.25, aim=0.20),
}


def measure(effort: Effort) -> Iterator[Row]:
    """A row for bare spans, and one for typical ones."""
    with collecting() as collector:
        for kind, goal in _GOALS.items():
            rounds = []
            for number in range(effort.deliveries):
                times = {}
                for side in (with_otel_ia, with_sdk) if number % 2 else (with_sdk, with_otel_ia):
                    times[side] = run_in_new_process(side, collector.endpoint, kind, effort.spans)
                    expect(collector, effort.spans)
                rounds.append((times[with_otel_ia], times[with_sdk]))
            yield row_of(f"{effort.spans:,} {kind} spans, delivered", rounds, goal=goal)


def expect(collector: Collector, count: int) -> None:
    """Sees to it that so many have arrived, and that the next ones are counted anew."""
    arrived = collector.count()
    collector.forget()
    if arrived != count:
        raise ProgramError(f"{arrived:,} spans have arrived of {count:,}")


def with_otel_ia(endpoint: str, kind: Kind, count: int) -> float:
    """Seconds of CPU of this process."""
    import otel_ia

    telemetry = otel_ia.configure(service_name="benchmark", endpoint=endpoint)
    record = with_monitor(kind)
    begin = time.process_time()
    for _ in range(count):
        record()
    telemetry.shutdown(_PATIENCE)
    return time.process_time() - begin


def with_sdk(endpoint: str, kind: Kind, count: int) -> float:
    """Seconds of CPU of this process."""
    provider = sdk_provider(endpoint, queue=max(2_048, 2 * count))
    record = with_the_sdk(provider.get_tracer("benchmark"), kind)
    begin = time.process_time()
    for _ in range(count):
        record()
    provider.force_flush(_PATIENCE * 1_000)
    provider.shutdown()
    return time.process_time() - begin


def sdk_provider(endpoint: str, queue: int = 2_048) -> "TracerProvider":
    """The SDK's own way to the collector; its queue holds 2,048 spans by default."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "benchmark"}))
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces"), max_queue_size=queue)
    )
    return provider


if __name__ == "__main__":
    print_rows(measure(FULL))
