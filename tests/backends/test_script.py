"""scripts/backends, as far as it needs no network."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from .conftest import ROOT
from .programs import run

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = ROOT / "scripts" / "backends"
KNOWN = ["collector", "collector-elasticsearch", "jaeger", "prometheus", "opensearch", "ecs"]


def test_an_empty_cache_is_reported_with_the_command_that_fills_it(tmp_path: Path) -> None:
    checked = run([sys.executable, SCRIPT, "--check"], OTEL_IA_BACKENDS=str(tmp_path))
    assert checked.returncode == 1
    assert [line.split()[0] for line in checked.stdout.splitlines()] == KNOWN
    assert checked.stdout.count("missing: run scripts/backends ") == len(KNOWN)


def test_the_path_of_a_missing_program_is_an_error_that_says_what_to_run(tmp_path: Path) -> None:
    asked = run([sys.executable, SCRIPT, "--path", "promtool"], OTEL_IA_BACKENDS=str(tmp_path))
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr.strip() == "promtool is missing: run scripts/backends prometheus"


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    refused = run([sys.executable, SCRIPT, "tempo"])
    assert refused.returncode == 2
    assert f"unknown backend 'tempo', known are {', '.join(KNOWN)}" in refused.stderr


@pytest.mark.parametrize(("backend", "program"), [("collector", "go"), ("opensearch", "mvn"), ("ecs", "npm")])
def test_a_build_without_its_tool_ends_with_one_clear_line_and_leaves_nothing(
    backend: str, program: str, tmp_path: Path
) -> None:
    ended = run([sys.executable, SCRIPT, backend], OTEL_IA_BACKENDS=str(tmp_path), PATH=str(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith(f"there is no `{program}` in PATH")
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
