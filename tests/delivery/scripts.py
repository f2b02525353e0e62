"""Other processes that have a spool and a shipper, and what they leave."""

import subprocess
import sys
from pathlib import Path

from .shipping import segments, shipping, wait_until

PRELUDE = f"""
import os, signal, sys, threading, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent.parent)!r})
from delivery.collectors import destination
from delivery.shipping import *
from otel_ia.delivery.spooling.frames import *
directory, endpoint = Path(sys.argv[1]), sys.argv[2]
"""


def run(script, directory, endpoint, *arguments, code=0, timeout=60):
    """Runs a script with the names of `shipping` at hand; what it wrote to stderr."""
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", PRELUDE + script]
    done = subprocess.run(
        [*command, str(directory), endpoint, *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stderr


def deliver_the_rest(directory, endpoint, is_complete):
    """What a later process for the same destination does, without a frame of its own."""
    with shipping(directory, endpoint):
        wait_until(is_complete)
        wait_until(lambda: len(segments(directory)) == 1)  # its own
    assert segments(directory) == []
