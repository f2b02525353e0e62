"""What memory it takes: `python -m benchmarks.memory`.

Resident memory of a process in which `configure(endpoint=…)` has returned, beside one with the plain SDK, its batch
processor and its OTLP/HTTP exporter. Then the private memory that a million typical spans add while nothing answers:
what is mapped by this process alone (USS), the resident pages of the spool's files included.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.effort import FULL, Effort
from benchmarks.programs import ProgramError, run_in_new_process, run_program
from benchmarks.rows import Goal, Row, row_of, spread_of
from benchmarks.table import print_rows, quantity
from benchmarks.work import with_monitor

NOBODY: Final = "http://127.0.0.1:9"
"""The port of the discard service, where nothing listens: connections are refused."""
_WARM_UP: Final = 1_000

_RESIDENT: Final = """
print(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1])
"""
_OURS: Final = f"""
import otel_ia
telemetry = otel_ia.configure(service_name="benchmark", endpoint="{NOBODY}")
{_RESIDENT}
"""
_SDK: Final = f"""
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider(resource=Resource.create(dict([("service.name", "benchmark")])))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint="{NOBODY}/v1/traces")))
trace.set_tracer_provider(provider)
{_RESIDENT}
"""
_CONFIGURED: Final = Goal(of="ratio", required=1.0)
_OUTAGE: Final = Goal(of="ours", required=20e6)


def measure(effort: Effort) -> Iterator[Row]:
    """A row for the process that is configured, and one for the outage."""
    rounds = []
    for number in range(effort.configured):
        programs = (_OURS, _SDK) if number % 2 else (_SDK, _OURS)
        sizes = {program: int(run_program(program)) * 1024.0 for program in programs}
        rounds.append((sizes[_OURS], sizes[_SDK]))
    yield row_of("resident memory, configured", rounds, unit="B", goal=_CONFIGURED)
    outages = [run_in_new_process(record_in_an_outage, effort.outage_spans) for _ in range(effort.outages)]
    private, anonymous = (spread_of([float(found[index]) for found in outages]) for index in (0, 1))
    yield Row(
        operation=f"private memory added by {effort.outage_spans:,} spans in an outage",
        unit="B",
        ours=private,
        goal=_OUTAGE,
        note=f"of which {quantity(anonymous.middle, 'B')} are in no file",
    )


def record_in_an_outage(count: int) -> tuple[int, int]:
    """The bytes of private memory that so many typical spans added, and how many of them no file holds."""
    import otel_ia

    telemetry = otel_ia.configure(service_name="benchmark", endpoint=NOBODY)
    record = with_monitor("typical")
    for _ in range(_WARM_UP):
        record()
    before = _private_memory()
    for _ in range(count):
        record()
    after = _private_memory()
    lost = telemetry.stats().dropped
    if lost:
        raise ProgramError(f"spans were dropped: {lost}")
    return _sum(after) - _sum(before), after["Anonymous"] - before["Anonymous"]


def _private_memory() -> "Counter[str]":
    """Bytes by the names of the kernel: private is what is mapped by this process alone, pages of files included."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    return Counter({line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines})


def _sum(memory: "Counter[str]") -> int:
    return memory["Private_Clean"] + memory["Private_Dirty"]


if __name__ == "__main__":
    print_rows(measure(FULL))
