"""The part of the README, in both languages, that shows the stored results."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import capture, keeping
from benchmarks.programs import ROOT
from benchmarks.results import Results
from benchmarks.table import render_parts, render_peers, render_table

BEGIN: Final = "<!-- written by `python -m benchmarks --store` -->"
END: Final = "<!-- until here -->"
_ALTERNATIVE: Final = (
    "What a monitored call costs with otel_ia and others, each operation beside its goal: the tables' figures"
)
_PARTS_SHOWN: Final = (capture.NOTE, keeping.NOTE)
"""What users choose and pay for; the other parts are in every call of the first table."""
READMES: Final = (ROOT / "README.md", ROOT / "README.es.md")


def render(results: Results) -> str:
    """Tables and drawing, between the marks that `rewrite` looks for."""
    machine = results.machine
    packages = machine["packages"]
    chosen = [row for row in results.parts if row.note in _PARTS_SHOWN]
    made = (
        f"{machine['date']}, {machine['cores']} cores, {machine['system']}, {machine['python']}, "
        f"OpenTelemetry {packages['opentelemetry-sdk']}"
    )
    parts = [
        BEGIN,
        "<picture>",
        '<source media="(prefers-color-scheme: dark)" srcset="benchmarks/results/cost-dark.svg">',
        f'<img src="benchmarks/results/cost-light.svg" alt="{_ALTERNATIVE}">',
        "</picture>",
        "",
        render_table(results.rows),
        "",
        *([render_parts(chosen), ""] if chosen else []),
        *([render_peers(results.peers), ""] if results.peers else []),
        f"Measured on {made}.",
        END,
    ]
    return "\n".join(parts)


def rewrite(results: Results, readmes: Sequence[Path] = READMES) -> None:
    """Puts the results in the place of those that are there."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    for readme in readmes:
        text = readme.read_text()
        if not pattern.search(text):
            raise LookupError(f"{readme.name} has no part between {BEGIN} and {END}")
        readme.write_text(pattern.sub(lambda _: render(results), text))
