"""Real programs that use `configure` and `monitor`, and what is left of them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from polling import poll_until
from receiver import Receiver

from .tally import Tally

BEGINNING = """
import logging, os, sys, time
import otel_ia
from otel_ia import monitor

@monitor
def work(number):
    with monitor("step", attributes={"number": number}):
        return number * 2

"""
CONFIGURED = """
telemetry = otel_ia.configure(service_name=os.environ.get("SERVICE", "promised"), endpoint=sys.argv[1] or None)
"""

# what is registered before `configure` runs after it; the rest of the interpreter's end is not ours
TELL_THE_END = "import atexit, time\natexit.register(lambda: print(time.monotonic()))\n"
TELL_THE_LAST_LINE = "\nprint(time.monotonic(), flush=True)"

# the interpreter warns of a fork while there are threads, which is what some programs are about
_WARNINGS = ("-W", "error", "-W", "ignore:This process:DeprecationWarning")
_WAITING = "print('ready', flush=True)\nsys.stdin.read()\n"


def start(program: str, endpoint: str, *arguments: str, before: str = "", **environment: str) -> subprocess.Popen[str]:
    """A program that goes on after `BEGINNING` and `CONFIGURED`, `before` which it may do something else."""
    return _start(["-c", before + BEGINNING + CONFIGURED + program, endpoint, *arguments], environment)


def start_file(file: Path, program: str, endpoint: str, **environment: str) -> subprocess.Popen[str]:
    """The same as a file, which new processes of `multiprocessing` import."""
    file.write_text(BEGINNING + CONFIGURED + program)
    return _start([str(file), endpoint], environment)


def _start(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *_WARNINGS, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def ended(process: subprocess.Popen[str], timeout: float = 60.0) -> tuple[str, str, int]:
    """Output, errors and status of a program, which is killed if it does not end."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"the program hangs\n{out[-2000:]}\n{err[-2000:]}") from None
    return out, err, process.returncode


def finish(
    program: str, endpoint: str, *arguments: str, timeout: float = 60.0, before: str = "", **environment: str
) -> tuple[str, str, int]:
    """What a program printed on both streams, and its status."""
    return ended(start(program, endpoint, *arguments, before=before, **environment), timeout)


def finish_alone(program: str, endpoint: str, **environment: str) -> tuple[str, str, int]:
    """The same of a program that configures itself."""
    return ended(_start(["-c", BEGINNING + program, endpoint], environment))


def read_until(process: subprocess.Popen[str], line: str) -> None:
    """Waits until the program has printed this line."""
    assert process.stdout is not None
    for read in process.stdout:
        if read.strip() == line:
            return
    raise AssertionError(f"the program ended without {line!r}: {ended(process)}")


def tell(process: subprocess.Popen[str], line: str) -> None:
    """Gives the program a line to read."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def numbers(*receivers: Receiver) -> list[int]:
    """The numbers of all steps that have arrived, as often as they have."""
    return sorted(
        pair.value.int_value
        for receiver in receivers
        for span in list(receiver.spans)
        if span.name == "step"
        for pair in span.attributes
        if pair.key == "number"
    )


def last_number(out: str, *, at_least: int) -> int:
    """The last number of a line that was printed to its end."""
    return max(at_least, *(int(line) for line in out.splitlines(keepends=True)[-2:] if line.endswith("\n")), 0)


@contextmanager
def next_program(endpoint: str, **environment: str) -> Iterator[Callable[[], str]]:
    """A program of the same service and endpoint that records nothing, for the time of the block.

    What is given, called behind the block, is what it wrote to stderr.
    """
    process = start(_WAITING, endpoint, **environment)
    told: list[str] = []
    try:
        read_until(process, "ready")
        yield lambda: told[0]
    finally:
        _, err, status = ended(process)
        told.append(err)
    assert status == 0, err


def deliver_what_is_left(receiver: Receiver | Tally, spool: Path) -> str:
    """Lets a next program send all that is in the directory; what it wrote to stderr."""
    left = list(spool.glob("*.segment"))
    with next_program(receiver.endpoint, OTEL_IA_SPOOL_DIRECTORY=str(spool)) as told:
        poll_until(lambda: not any(segment.exists() for segment in left))
    return told()
