"""Prometheus's rules of examples/compose: valid, tested both ways by promtool, and each alert says what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from .conftest import COMPOSE, ROOT, program_path
from .programs import run

TESTS = sorted((ROOT / "tests" / "backends" / "rules").glob("*.yaml"))
FILES = sorted((COMPOSE / "rules").glob("*.yaml"))
RULES: list[dict[str, Any]] = [
    rule for path in FILES for group in YAML(typ="safe").load(path.read_text())["groups"] for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDS = sorted({rule["record"] for rule in RULES if "record" in rule})
CASES: list[dict[str, Any]] = [
    case
    for path in TESTS
    for test in YAML(typ="safe").load(path.read_text())["tests"]
    for case in test["promql_expr_test"]
]


@pytest.mark.backends
def test_promtool_accepts_every_file() -> None:
    checked = run([program_path("promtool"), "check", "rules", "--lint-fatal", *FILES])
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("SUCCESS") == len(FILES)


@pytest.mark.backends
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_rules_do_what_their_tests_say(path: Any) -> None:
    tested = run([program_path("promtool"), "test", "rules", path])
    assert tested.returncode == 0, tested.stdout + tested.stderr


def cases_of(alert: str) -> list[dict[str, Any]]:
    return [case for case in CASES if f'alertname="{alert}"' in case["expr"]]


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_tested_firing_and_not_firing(alert: str) -> None:
    cases = cases_of(alert)
    assert any(case["exp_samples"] and 'alertstate="firing"' in case["expr"] for case in cases)
    assert any(not case["exp_samples"] for case in cases)


@pytest.mark.parametrize("record", RECORDS)
def test_a_recorded_series_is_tested(record: str) -> None:
    assert any(case["exp_samples"] and re.search(rf"{record}\b(?!:)", case["expr"]) for case in CASES)


def test_no_test_is_of_a_rule_that_is_not_there() -> None:
    named = {name for case in CASES for name in re.findall(r'alertname="(\w+)"', case["expr"])}
    assert named == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_it_is_and_what_to_look_at_next(alert: str) -> None:
    rule = ALERTS[alert]
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook", "dashboard"}
    assert all(rule["annotations"].values())


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alerts_words_use_only_labels_that_it_has(alert: str) -> None:
    used = set(re.findall(r"\$labels\.(\w+)", " ".join(ALERTS[alert]["annotations"].values())))
    for case in cases_of(alert):
        for sample in case["exp_samples"]:
            assert used <= set(re.findall(r"(\w+)=", sample["labels"]))


@pytest.mark.parametrize("record", RECORDS)
def test_a_recorded_series_is_named_level_metric_operations(record: str) -> None:
    parts = record.split(":")
    assert len(parts) in {2, 3}
    assert parts[0] in {"ia", "job_operation", "job_operation_le"}
    if "rate5m" in parts[-1] and "ratio" not in parts[-1]:
        assert not parts[1].endswith("_total")
