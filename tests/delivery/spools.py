"""Spools to write to, and what is read back from them."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from otel_ia.delivery.spooling.frames import SPAN
from otel_ia.delivery.spooling.recovery import scan
from otel_ia.delivery.spooling.spool import Spool

DESTINATION = b"destination"
Frame = tuple[int, bytes]


def span_key(payload: bytes) -> bytes:
    """The first eight bytes of a payload stand for a span id."""
    return payload[:8]


def numbered(number: int, size: int = 300) -> bytes:
    """A payload that can be told from all others."""
    return number.to_bytes(8, "big").ljust(size, b"x")


def numbers(frames: list[Frame]) -> list[int]:
    """The numbers of the spans among the frames."""
    return [int.from_bytes(payload[:8], "big") for kind, payload in frames if kind == SPAN]


@contextmanager
def opened(directory: Path, **options: Any) -> Iterator[Spool]:
    """A spool that is closed at the end; what it tells fails the test unless it is asked for."""
    arguments = {"fingerprint": DESTINATION, "identity": lambda: b"me", "tell": _fail, "span_key": span_key, **options}
    spool = Spool(directory=directory, **arguments)
    try:
        yield spool
    finally:
        spool.close()


def _fail(text: str) -> None:
    raise AssertionError(text)


def drain(spool: Spool, *, limit_bytes: int = 1 << 20, limit_frames: int = 2048) -> list[Frame]:
    """All frames, acknowledged."""
    frames: list[Frame] = []
    while batch := spool.read(limit_bytes, limit_frames):
        frames += batch.frames
        batch.acknowledge()
    return frames


def left_in(
    directory: Path, fingerprint: bytes = DESTINATION, *, key: Callable[[bytes], bytes] | None = span_key
) -> list[Frame]:
    """What dead processes left, adopted, acknowledged and removed."""
    frames: list[Frame] = []
    while adopted := scan(directory, fingerprint, span_key=key):
        for segment in adopted:
            while batch := segment.read(1 << 20, 2048):
                frames += batch.frames
                batch.acknowledge()
            segment.close()
    return frames


def delete(directory: Path) -> None:
    """Deletes a directory, although another thread may be making files in it."""
    gone = directory.with_name("deleted")
    directory.rename(gone)
    for _ in range(100):  # what is being made there gets another name, or goes, in between being listed and removed
        shutil.rmtree(gone, ignore_errors=True)
        if not gone.exists():
            return
    raise AssertionError(f"{gone} does not go away")


def files(directory: Path) -> list[str]:
    """The segments and other files, without the scanner's lock."""
    return sorted(path.name for path in directory.iterdir() if path.suffix != ".lock") if directory.is_dir() else []


def run(script: str, *arguments: object, timeout: float = 60) -> str:
    """What a script printed, run by another interpreter with the names of this module at hand."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PRELUDE + script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


PRELUDE = f"""
import os, random, signal, sys, threading, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from spools import *
from spools import _fail
from otel_ia.delivery.spooling.frames import *
directory = Path(sys.argv[1])
"""
