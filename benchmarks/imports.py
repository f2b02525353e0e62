"""What importing takes, beside OpenTelemetry's API alone: `python -m benchmarks.imports`.

User and system CPU of whole processes, the interpreter's own start and end included, started in turn.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

from benchmarks.effort import FULL, Effort
from benchmarks.programs import ROOT, clean_environment
from benchmarks.rows import Goal, Row, row_of
from benchmarks.table import print_rows

OURS: Final = "from otel_ia import monitor"
API: Final = "import opentelemetry.trace"
_GOAL: Final = Goal(of="ratio", required=1.2)


def measure(effort: Effort) -> Iterator[Row]:
    """One row: a process that imports."""
    for program in (OURS, API):
        cpu_of(program)  # has the byte code written and the files read
    rounds = []
    for number in range(effort.processes):
        times = {program: cpu_of(program) for program in ((OURS, API) if number % 2 else (API, OURS))}
        rounds.append((times[OURS], times[API]))
    yield row_of("import, beside the API alone", rounds, goal=_GOAL, note=f"`{OURS}` beside `{API}`")


def cpu_of(program: str) -> float:
    """Seconds of CPU that a process with this program takes."""
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=clean_environment())  # noqa: S603
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{program!r} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    print_rows(measure(FULL))
