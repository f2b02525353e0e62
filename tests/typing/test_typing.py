"""Both type checkers see what the API gives, and catch its wrong uses: an unused ignore is an error to them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

API = Path(__file__).with_name("api.py")


def test_mypy_agrees(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    options = ["--strict", "--config-file=", f"--cache-dir={tmp_path}", "--python-version=3.11"]
    done = subprocess.run([sys.executable, "-m", "mypy", *options, API], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pyright_agrees(tmp_path: Path) -> None:
    pytest.importorskip("pyright")
    configuration = {
        "include": [API.name],  # of the project's folder only
        "pythonVersion": "3.11",
        "typeCheckingMode": "strict",
        "enableTypeIgnoreComments": False,
        "reportUnnecessaryTypeIgnoreComment": "error",
        "reportUnusedFunction": "none",
    }
    shutil.copy(API, tmp_path)
    project = tmp_path / "pyrightconfig.json"
    project.write_text(json.dumps(configuration), encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--project", project, "--pythonpath", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No source files found" not in done.stdout
