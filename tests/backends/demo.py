"""`otel-ia demo` run against the real Collector, as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys


def run_demo(endpoint: str, *arguments: str, **environment: str) -> str:
    """What the demo prints."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-m", "otel_ia", "demo", "--endpoint", endpoint, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**inherited, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
