"""The dashboards as files: what Grafana needs to show them, and that their links lead somewhere."""

from __future__ import annotations

import re
import sys
from itertools import combinations
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ruamel.yaml import YAML

from .conftest import COMPOSE, ROOT
from .dashboards import DASHBOARDS, FOLDER, panels, variables
from .programs import run

PANELS = [
    pytest.param(name, panel, id=f"{name}-{panel['title']}")
    for name in DASHBOARDS
    for panel in panels(DASHBOARDS[name])
]
UNITS = {"cps", "reqps", "percentunit", "s", "short", "bytes"}
BUILT_IN = {"__url_time_range", "__field", "__data"}


def read_yaml(*parts: str) -> Any:
    return YAML(typ="safe").load(COMPOSE.joinpath(*parts).read_text())


def test_the_files_are_what_the_script_writes() -> None:
    checked = run([sys.executable, ROOT / "scripts" / "dashboards" / "write.py", "--check"])
    assert (checked.returncode, checked.stdout) == (0, ""), checked.stdout + checked.stderr


def test_there_is_one_dashboard_for_each_purpose_under_its_own_uid_and_title() -> None:
    assert {name: dashboard["uid"] for name, dashboard in DASHBOARDS.items()} == {
        "overview": "otel-ia-overview",
        "operation": "otel-ia-operation",
        "models": "otel-ia-models",
        "telemetry": "otel-ia-telemetry",
    }
    assert len({dashboard["title"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_says_what_it_is_for_and_its_panels_do_not_overlap(name: str) -> None:
    dashboard = DASHBOARDS[name]
    assert dashboard["schemaVersion"] == 42
    assert dashboard["description"]
    assert dashboard["tags"] == ["otel_ia"]
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboards_variables_are_explained_and_used(name: str) -> None:
    dashboard = DASHBOARDS[name]
    asked = "\n".join(target["expr"] for panel in panels(dashboard) for target in panel["targets"])
    for variable in variables(dashboard).values():
        assert variable["label"]
        assert variable["description"]
        assert variable["type"] == "datasource" or f"${variable['name']}" in asked


@pytest.mark.parametrize(("name", "panel"), PANELS)
def test_a_panel_has_title_description_unit_and_data_source(name: str, panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["type"] in {"timeseries", "stat", "table", "heatmap"}
    known = variables(DASHBOARDS[name])
    provisioned = {
        source["uid"]: source["type"]
        for source in read_yaml("grafana", "datasources", "datasources.yaml")["datasources"]
    }
    assert provisioned[known["datasource"]["current"]["value"]] == known["datasource"]["query"] == "prometheus"
    references = [target["refId"] for target in panel["targets"]]
    assert references
    assert len(set(references)) == len(references)
    for target in panel["targets"]:
        assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert set(re.findall(r"\$\{?(\w+)", target["expr"])) <= known.keys()


@pytest.mark.parametrize(("name", "panel"), PANELS)
def test_lines_can_be_told_apart_without_colours(name: str, panel: dict[str, Any]) -> None:
    if panel["type"] == "timeseries":
        assert panel["options"]["legend"]["displayMode"] == "table"
        names = [target["legendFormat"] for target in panel["targets"]]
        assert all(names)
        assert len(set(names)) == len(names)


def test_links_lead_to_dashboards_that_have_the_variables() -> None:
    by_uid = {dashboard["uid"]: dashboard for dashboard in DASHBOARDS.values()}
    links = [
        link["url"]
        for dashboard in DASHBOARDS.values()
        for panel in panels(dashboard)
        for link in panel["fieldConfig"]["defaults"]["links"]
    ]
    links += [
        rule["annotations"]["dashboard"].removeprefix("http://localhost:3000")
        for path in sorted((COMPOSE / "rules").glob("*.yaml"))
        for group in read_yaml("rules", path.name)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert len(links) > 15
    for link in links:
        parts = urlsplit(link)
        _, kind, uid = parts.path.split("/")
        assert kind == "d"
        set_by_link = {key.removeprefix("var-") for key in parse_qs(parts.query) if key.startswith("var-")}
        assert set_by_link <= variables(by_uid[uid]).keys(), link
        built_in = set(re.findall(r"\$\{(\w+)", link))
        assert built_in <= BUILT_IN, link


def test_compose_mounts_what_grafana_and_prometheus_are_told_to_read() -> None:
    services = read_yaml("compose.yaml")["services"]

    def mounted(service: str) -> dict[str, str]:
        pairs = [volume.split(":") for volume in services[service]["volumes"]]
        return {target: source for source, target, *_ in pairs if source.startswith("./")}

    (provider,) = read_yaml("grafana", "dashboards", "dashboards.yaml")["providers"]
    grafana = mounted("grafana")
    assert (COMPOSE / grafana[provider["options"]["path"]]).resolve() == FOLDER
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (FOLDER / home.removeprefix(provider["options"]["path"] + "/")).exists()
    assert read_yaml("prometheus.yml")["rule_files"] == ["rules/*.yaml"]
    assert (COMPOSE / mounted("prometheus")["/etc/prometheus/rules"]).resolve() == COMPOSE / "rules"


def test_a_dot_on_a_graph_opens_jaeger() -> None:
    sources = {
        source["uid"]: source for source in read_yaml("grafana", "datasources", "datasources.yaml")["datasources"]
    }
    (destination,) = sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert destination["name"] == "trace_id"  # the label of an exemplar, as the queries' tests read it
    assert sources[destination["datasourceUid"]]["type"] == "jaeger"
