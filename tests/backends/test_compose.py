"""examples/compose, as far as it can be checked without a container engine."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from .conftest import COMPOSE, CONFIGURATION, program_path
from .programs import run

if TYPE_CHECKING:
    from pathlib import Path


def test_the_compose_file_fits_the_compose_schema() -> None:
    if find_spec("check_jsonschema") is None:
        pytest.skip("check-jsonschema, which carries the schema, is not installed")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = run([*command, COMPOSE / "compose.yaml"])
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.backends
def test_prometheus_accepts_its_configuration_and_the_rules_it_names() -> None:
    checked = run([program_path("promtool"), "check", "config", COMPOSE / "prometheus.yml"])
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("rules found") == len(list((COMPOSE / "rules").glob("*.yaml")))


@pytest.mark.backends
def test_the_second_configuration_lacks_nothing_but_the_elasticsearch_exporter() -> None:
    files = [f"--config={CONFIGURATION}", f"--config={COMPOSE / 'collector-elasticsearch.yaml'}"]
    command: list[str | Path] = [program_path("collector"), "validate", *files]
    checked = run(command, ELASTICSEARCH_ENDPOINT="http://elasticsearch:9200")
    assert 'unknown type: "elasticsearch"' in checked.stderr
    assert checked.stderr.count("unknown") == 1
