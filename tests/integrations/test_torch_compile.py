"""`monitor` inside `torch.compile`: torch_compiled.py, each promise in a process of its own."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("torch_compiled.py")
PROMISES = [
    node.name
    for node in ast.parse(PROGRAM.read_text()).body
    if isinstance(node, ast.FunctionDef) and not node.args.args and not node.decorator_list
]


@pytest.mark.parametrize("promise", PROMISES)
def test_compiled(promise):
    if importlib.util.find_spec("torch") is None:  # not imported: it leaves threads of its own
        pytest.skip("PyTorch is not installed: scripts/pytorch.py installs it")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", PROGRAM, promise], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.stderr, done.returncode) == ("", 0)
