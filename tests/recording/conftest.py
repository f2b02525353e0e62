"""Programs of their own for what one process can show only once."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RunProgram = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_program(tmp_path: Path) -> RunProgram:
    """Runs Python source with warnings as errors in an empty folder; asserts that it ends well."""

    def run(source: str, *, fails: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
        program = tmp_path / "program.py"
        program.write_text(source, encoding="utf-8")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTEST_"))}
        done = subprocess.run(
            [sys.executable, "-W", "error", str(program)],
            cwd=tmp_path,
            env={**clean, **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert fails or done.returncode == 0, done.stderr
        return done

    return run
