"""The Grafana dashboards of examples/compose, as data, and their queries with variables filled in as Grafana does."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .conftest import COMPOSE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = COMPOSE / "grafana" / "dashboards"
DASHBOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))
}
_LABEL_VALUES = re.compile(r"label_values\((?P<series>.*), (?P<label>\w+)\)")


@dataclass(frozen=True, slots=True)
class Asked:
    """One query: of a panel, or of a variable."""

    dashboard: str
    where: str
    expression: str
    shows_exemplars: bool = False

    def fill(self, values: Mapping[str, str]) -> str:
        return re.sub(r"\$(\w+)", lambda found: values[found[1]], self.expression)

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.where}"


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The panels that show something: not the titles of rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def variables(dashboard: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def queries() -> Iterator[Asked]:
    """Every query of every dashboard, those that fill the variables included."""
    for name, dashboard in DASHBOARDS.items():
        for variable in variables(dashboard).values():
            if variable["type"] == "query":
                found = _LABEL_VALUES.fullmatch(variable["query"]["query"])
                assert found is not None, variable["query"]
                yield Asked(name, f"variable {variable['name']}", f"group by ({found['label']}) ({found['series']})")
        for panel in panels(dashboard):
            for target in panel["targets"]:
                where = f"{panel['title']} ({target['refId']})"
                yield Asked(name, where, target["expr"], shows_exemplars=target["exemplar"])
