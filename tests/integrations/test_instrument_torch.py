"""`instrument` on PyTorch's modules: torch_modules.py, each promise in a process of its own.

Debian's package (`apt-get install python3-torch`) is used where the environment has none.
"""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("torch_modules.py")
DEBIAN = Path("/usr/lib/python3/dist-packages")
PROMISES = [node.name for node in ast.parse(PROGRAM.read_text()).body if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("promise", PROMISES)
def test_torch(promise):
    folder = ""
    if importlib.util.find_spec("torch") is None:
        folder = str(DEBIAN)
        if not (DEBIAN / "torch").is_dir() or sys.version_info[:2] != (3, 11):
            pytest.skip(
                "PyTorch is not installed: scripts/pytorch.py installs it, or Debian's python3-torch for Python 3.11"
            )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", PROGRAM, promise, folder],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)
