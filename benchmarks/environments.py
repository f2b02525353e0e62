"""Makes an environment for each library that is measured beside us: `python -m benchmarks.environments FOLDER`."""

import importlib
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.others import KNOWN


def main(folder: Path) -> int:
    """Makes those that are not there, or not complete; how many could not be made."""
    failed = 0
    for name in KNOWN:
        environment = folder / name
        required = importlib.import_module(f"benchmarks.peers.{name}").REQUIRES
        if not environment.is_dir():
            venv.create(environment, with_pip=True)
        command = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", *required]
        failed += bool(subprocess.run(command, check=False).returncode)  # noqa: S603 - the packages named above
    return failed


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
