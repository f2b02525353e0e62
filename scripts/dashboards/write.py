"""Writes Grafana's dashboards into examples/compose/grafana/dashboards.

    python scripts/dashboards/write.py             writes them
    python scripts/dashboards/write.py --check     says which files differ; status 1 when any does

What a dashboard shows stands in calls.py, streams.py, language_models.py and telemetry.py; how it looks, in parts.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from calls import operation, overview
from streams import streams
from telemetry import telemetry

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "compose" / "grafana" / "dashboards"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    is_check = parser.parse_args().check
    different = []
    for made in (overview(), operation(), streams(), telemetry()):
        path = FOLDER / f"{made['uid'].removeprefix('otel-ia-')}.json"
        text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        if not path.exists() or path.read_text() != text:
            different.append(path)
            if not is_check:
                path.write_text(text)
    for path in different:
        print(f"{path.name}: {'differs' if is_check else 'written'}")
    return 1 if is_check and different else 0


if __name__ == "__main__":
    sys.exit(main())
