"""What the decorators of other libraries cost, each as a multiple of the plain SDK in its own environment.

The same call that does nothing, in a process of the given Python. What each has in common with the SDK beside it stands
in `note`. Nothing is sent but to this machine: proxies for everything else lead nowhere.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from benchmarks.collector import collecting
from benchmarks.effort import Effort
from benchmarks.memory import NOBODY
from benchmarks.programs import ROOT, ProgramError, clean_environment
from benchmarks.rows import Peer, spread_of

KNOWN: Final = ("langfuse", "logfire", "mlflow", "openinference", "openlit", "openllmetry")
"""The libraries that have a file in `benchmarks/peers`."""


def pythons_in(folder: Path) -> list[tuple[str, Path]]:
    """The libraries that have an environment in the folder, and the Python there."""
    found = [(name, (folder / name / "bin" / "python").absolute()) for name in KNOWN]
    return [(name, python) for name, python in found if python.is_file()]


def measure(pythons: Mapping[str, Path], effort: Effort) -> Iterator[Peer]:
    """One row for each library, given the Python of its environment; what cannot be measured is told and left out."""
    with collecting() as collector:
        for name, python in pythons.items():
            try:
                yield _measure(name, python, collector.endpoint, effort)
            except ProgramError as error:
                sys.stderr.write(f"{error}\n")


def _measure(name: str, python: Path, endpoint: str, effort: Effort) -> Peer:
    command = [str(python), "-m", "benchmarks.peers.measure", name, endpoint, str(effort.calls), str(effort.rounds)]
    with tempfile.TemporaryDirectory() as folder:
        surroundings = {
            "PYTHONPATH": str(ROOT),
            "HOME": folder,
            "NO_PROXY": "127.0.0.1",
            **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), NOBODY),
        }
        done = subprocess.run(  # noqa: S603 - an interpreter that the caller named
            command, cwd=folder, env=clean_environment(surroundings), capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise ProgramError(f"{name} could not be measured:\n{done.stderr[-2_000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    rounds = found["rounds"]
    return Peer(
        name=name,
        version=found["version"],
        decorator=found["decorator"],
        peer=spread_of([mine / effort.calls for mine, _ in rounds]),
        sdk=spread_of([sdk / effort.calls for _, sdk in rounds]),
        ratio=spread_of([mine / sdk for mine, sdk in rounds]),
        note=found["note"],
    )
