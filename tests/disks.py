"""Disks that are small, for tests of what happens when they are full."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path, options: str) -> Iterator[Path]:
    """A new directory that is a disk of its own with these mount options, such as `size=1m`, or a skipped test."""
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs needs a privileged user")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)
