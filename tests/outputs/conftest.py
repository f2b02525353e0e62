"""Programs that log to a file, and what they have written."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

BEGINNING = """
import logging, os, sys, time
from pathlib import Path
import otel_ia
FILE = Path(sys.argv[1])
log = logging.getLogger("app.db")
def configure(**settings):
    given = dict(service_name="svc", console=False, log_file=FILE, log_level="INFO")
    return otel_ia.configure(**{**given, **settings})
def write(numbers):
    for number in numbers:
        log.info("line %d of %d", number, os.getpid())
"""


def start(program: str, file: Path, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-W",
            "error",
            "-W",
            "ignore:This process:DeprecationWarning",
            "-c",
            BEGINNING + program,
            file,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        **options,
    )


@pytest.fixture
def run() -> Callable[..., tuple[str, str]]:
    """Runs a program that goes on after `BEGINNING`; what it printed on both streams."""

    def run(program: str, file: Path, **options: object) -> tuple[str, str]:
        process = start(program, file, **options)
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"the program hangs\n{out[-2000:]}\n{err[-2000:]}") from None
        assert process.returncode == 0, err
        return out, err

    return run


def numbers_in(*files: Path) -> list[int]:
    """The numbers of all lines in these files."""
    return sorted(int(line.split("line ")[1].split()[0]) for file in files for line in file.read_text().splitlines())
