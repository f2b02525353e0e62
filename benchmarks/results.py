"""What a run found, as it is stored: `benchmarks/results/stored.json`."""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from benchmarks.rows import Peer, Row, as_json, peer_from_json, row_from_json

FOLDER: Final = Path(__file__).parent / "results"
STORED: Final = FOLDER / "stored.json"
_PACKAGES: Final = (
    "otel_ia",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-http",
    "protobuf",
    "urllib3",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A run: the machine without its name, the rows with a goal, those of single parts, and the other libraries."""

    machine: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    parts: list[Row] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)

    def row(self, operation: str) -> Row:
        """The row of this name."""
        return next(row for row in self.rows if row.operation == operation)


def describe_machine() -> dict[str, Any]:
    """What the figures depend on; no names and no paths."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": dict(_versions(_PACKAGES)),
    }


def _versions(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name in names:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def store(results: Results, file: Path = STORED) -> None:
    """Writes the results where `load` finds them."""
    content = {
        "machine": results.machine,
        "rows": [as_json(row) for row in results.rows],
        "peers": [as_json(peer) for peer in results.peers],
        "parts": [as_json(row) for row in results.parts],
    }
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def load(file: Path = STORED) -> Results:
    """The stored results."""
    content = json.loads(file.read_text())
    return Results(
        machine=content["machine"],
        rows=[row_from_json(row) for row in content["rows"]],
        peers=[peer_from_json(peer) for peer in content["peers"]],
        parts=[row_from_json(row) for row in content["parts"]],
    )
