"""`instrument` on PyTorch's modules and `monitor` inside torch.compile: each promise in a process of its own.

Debian's package (`apt-get install python3-torch`) is used where the environment has none.
"""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = [Path(__file__).with_name(name) for name in ("torch_modules.py", "torch_compiled.py")]
DEBIAN = Path("/usr/lib/python3/dist-packages")
PROMISES = [
    (program, node.name)
    for program in PROGRAMS
    for node in ast.parse(program.read_text()).body
    if isinstance(node, ast.FunctionDef) and not node.args.args and not node.decorator_list
]


@pytest.mark.parametrize(("program", "promise"), PROMISES, ids=lambda part: getattr(part, "stem", part))
def test_torch(program, promise):
    folder = ""
    if importlib.util.find_spec("torch") is None:
        folder = str(DEBIAN)
        if not (DEBIAN / "torch").is_dir() or sys.version_info[:2] != (3, 11):
            pytest.skip(
                "PyTorch is not installed: scripts/pytorch.py installs it, or Debian's python3-torch for Python 3.11"
            )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", program, promise, folder],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)
