"""Runs every benchmark and prints what it finds: `python -m benchmarks`. `--store` keeps it for the README.

Other libraries are measured in environments of their own, given by the Python there, as in
`--peer logfire=/path/to/python`, or all by the folder in which `python -m benchmarks.environments FOLDER` made them.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import (
    calls,
    capture,
    delivery,
    disabled,
    encoding,
    imports,
    keeping,
    latency,
    log_lines,
    memory,
    metrics,
    others,
    redaction,
    throughput,
    training,
)
from benchmarks.chart import draw, render_bars
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.readme import rewrite
from benchmarks.results import Results, describe_machine, load, store
from benchmarks.table import print_peers, print_rows

OPERATIONS = (calls, metrics, training, log_lines, disabled, delivery, throughput, latency, imports, memory)
PARTS = (encoding, redaction, capture, keeping)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 when a goal is missed."""
    given = _parse(arguments)
    begin = time.monotonic()
    results = run(QUICK if given.quick else FULL, dict(given.peer))
    sys.stdout.write("\nOne monitored call, plain SDK = 1 ×\n\n")
    sys.stdout.write(f"{render_bars(results)}\n")
    results.machine["seconds"] = round(time.monotonic() - begin)
    if given.store:
        store(results)
        stored = load()  # which are rounded
        draw(stored)
        rewrite(stored)
    rows = [*results.rows, *results.parts]
    missed = [row.operation for row in rows if row.is_reached is False]
    sys.stdout.write(f"\n{len(missed)} of {len(rows)} rows miss their goal{': ' if missed else ''}")
    sys.stdout.write(f"{'; '.join(missed)}\n")
    return 1 if missed else 0


def run(effort: Effort, peers: dict[str, Path]) -> Results:
    """Every benchmark in turn, printed row by row."""
    results = Results(machine=describe_machine())
    sys.stdout.write("Beside the plain SDK: median (quartiles)\n\n")
    for operation in OPERATIONS:
        results.rows.extend(print_rows(operation.measure(effort)))
    sys.stdout.write("\nParts of it, beside the official encoder, or the same with less to do\n\n")
    for part in PARTS:
        results.parts.extend(print_rows(part.measure(effort)))
    if peers:
        sys.stdout.write("\nOther libraries, beside the plain SDK in the same process\n\n")
        results.peers.extend(print_peers(others.measure(peers, effort)))
    return results


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="less than a minute, and coarse")
    parser.add_argument("--store", action="store_true", help="write benchmarks/results and the README's tables")
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="NAME=PYTHON",
        type=_peer,
        help=f"also measure another library; NAME is one of {', '.join(others.KNOWN)}",
    )
    parser.add_argument(
        "--peers",
        metavar="FOLDER",
        type=Path,
        help="also measure those whose environments are there, each under its name",
    )
    given = parser.parse_args(arguments)
    if given.peers is not None:
        given.peer += others.pythons_in(given.peers)
    return given


def _peer(given: str) -> tuple[str, Path]:
    name, _, python = given.partition("=")
    if name not in others.KNOWN or not Path(python).is_file():
        raise argparse.ArgumentTypeError(f"{given!r} is not NAME=PYTHON with a name of {', '.join(others.KNOWN)}")
    return name, Path(python).absolute()


if __name__ == "__main__":
    sys.exit(main())
