"""Runs a function of the benchmarks in a new process."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
_PROGRAM: Final = """
import json, sys
from {module} import {name}
found = {name}(*json.loads(sys.argv[1]))
print(json.dumps(found))
"""


class ProgramError(Exception):
    """A process of a benchmark did not do what it was started for."""


def run_in_new_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function of a module returns in a process of its own; arguments and result go as JSON."""
    module = sys.modules[function.__module__]
    found = module.__spec__.name if module.__spec__ is not None else module.__name__  # `python -m` calls it `__main__`
    program = _PROGRAM.format(module=found, name=function.__name__)
    return json.loads(run_program(program, json.dumps(arguments)).splitlines()[-1])


def run_program(program: str, *arguments: str, python: str = sys.executable) -> str:
    """What a program prints, its spool in a directory that is gone with it."""
    with tempfile.TemporaryDirectory() as state:
        done = subprocess.run(  # noqa: S603 - programs of ours
            [python, "-c", program, *arguments],
            cwd=ROOT,
            env=clean_environment({"XDG_STATE_HOME": state}),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise ProgramError(f"a program of a benchmark ended with {done.returncode}:\n{done.stderr[-2_000:]}")
    return done.stdout


def clean_environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without settings of OpenTelemetry, and with byte code kept, as on any machine."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | dict(changes or {})
