"""The files that we write, read by what people read them with: the real Collector, and a server of the bulk API."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from outputs.curious import write_curious
from outputs.ecs import ECS_TYPES, check_ecs
from outputs.unheard import unheard_by_pytest

import otel_ia
from otel_ia import monitor

from .conftest import program_path
from .otlp import log_records
from .programs import send

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .servers import Collector, OpenSearch

pytestmark = pytest.mark.backends

IN_OPENSEARCH = {"constant_keyword": "keyword", "flattened": "flat_object", "scaled_float": "double"}
"""Types that it calls otherwise, has elsewhere or wants a value for; no field of ours is of them."""

EXAMPLES = 25
"""Drawn records for the server, where every name that is new changes the mapping."""


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., list[str]]:
    """The lines of a file of this format, with every curious record and, last, one of a span."""

    def write(format_: str, examples: int = 100) -> list[str]:
        file = tmp_path / f"app.{format_}.jsonl"
        logger = logging.getLogger("any.where")
        settings: dict[str, Any] = {"log_file": file, "log_file_format": format_, "log_file_size": 0, "log_level": 1}
        resource = {"service.version": "1.2", "deployment.environment.name": "test"}
        with (
            otel_ia.configure(
                service_name=f"files-{uuid4().hex[:12]}",
                console=False,
                traces_exporter="none",
                resource_attributes=resource,
                **settings,
            ),
            unheard_by_pytest(),
        ):
            count = write_curious(logger, examples)
            with monitor("block"):
                try:
                    raise KeyError("gone")
                except KeyError:
                    logger.exception("the last one", extra={"batch": 32})
        lines = file.read_text().splitlines()
        assert len(lines) == count + 1
        return lines

    return write


@pytest.fixture(scope="session")
def schema() -> dict[str, str]:
    """The type of each field of the Elastic Common Schema, as its own package has it."""
    types: dict[str, str] = json.loads(program_path("ecs").read_text())
    return types


def test_the_fields_of_ecs_lines_have_the_names_and_types_of_the_schema(schema: dict[str, str]) -> None:
    assert {name: schema.get(name) for name in ECS_TYPES} == ECS_TYPES


def test_the_collector_takes_each_line_of_otlp_json_as_it_is(
    collector: Collector, written: Callable[..., list[str]]
) -> None:
    collector.start()
    lines = written("otlp")
    for line in lines:
        assert send(collector.http_port, "POST", "/v1/logs", line) == (200, '{"partialSuccess":{}}'), line[:2_000]
    sent = [record for line in lines for record in log_records(json.loads(line))]
    service = sent[-1].resource["service.name"]
    arrived = collector.wait_for_logs(lambda record: record.resource["service.name"] == service, count=len(lines))
    for mine, theirs in zip(sent, arrived, strict=True):
        assert mine == theirs
    last = arrived[-1]
    assert (last.body, last.severity, last.severity_number) == ("the last one", "ERROR", 17)
    assert last.attributes["exception.type"] == "KeyError"


def strict_mappings(schema: dict[str, str]) -> dict[str, Any]:
    """Refuses every field that is not the schema's, and every value that is not of its type; labels are keywords."""
    fields: dict[str, Any] = {}
    roots = {name.split(".")[0] for name in ECS_TYPES}
    for name, kind in schema.items():
        *parents, last = name.split(".")
        if name.split(".")[0] not in roots:
            continue  # each new label costs a look at all fields
        inside = fields
        for parent in parents:
            inside = inside.setdefault(parent, {}).setdefault("properties", {})
        field = inside.setdefault(last, {})
        field["type"] = IN_OPENSEARCH.get(kind, kind)
        if kind == "keyword":
            field["ignore_above"] = 1024
    fields["labels"]["dynamic"] = True
    keywords = {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}
    return {"dynamic": "strict", "dynamic_templates": [{"keywords": keywords}], "properties": fields}


def test_a_server_of_the_bulk_api_takes_every_ecs_line_into_the_types_of_the_schema(
    opensearch: OpenSearch, written: Callable[..., list[str]], schema: dict[str, str]
) -> None:
    lines = written("ecs", EXAMPLES)
    last = check_ecs(lines[-1])
    opensearch.create("strict", strict_mappings(schema))
    refused = [
        (item["error"], line[:2_000])
        for item, line in zip(opensearch.add("strict", lines), lines, strict=True)
        if "error" in item
    ]
    assert refused == []
    assert opensearch.find("strict", {"term": {"trace.id": last["trace.id"]}}) == [last]
    (found,) = opensearch.find(
        "strict",
        {
            "bool": {
                "filter": [
                    {"term": {"labels.batch": "32"}},
                    {"term": {"error.type": "KeyError"}},
                    {"term": {"log.level": "error"}},
                    {"match": {"message": "last"}},
                    {"wildcard": {"error.stack_trace": "*KeyError: 'gone'*"}},
                    {"range": {"@timestamp": {"gte": "now-1h", "lte": "now+1h"}}},
                    {"range": {"process.pid": {"gt": 0}}},
                ]
            }
        },
    )
    assert found == last


def test_it_takes_them_as_they_come_where_nobody_has_told_it_of_the_schema(
    opensearch: OpenSearch, written: Callable[..., list[str]]
) -> None:
    lines = written("ecs", EXAMPLES)
    opensearch.create("guessed", {})
    assert [item["error"] for item in opensearch.add("guessed", lines) if "error" in item] == []
    last = json.loads(lines[-1])
    assert opensearch.find("guessed", {"match": {"trace.id": last["trace.id"]}}) == [last]


def test_a_field_that_the_schema_does_not_know_would_be_refused(opensearch: OpenSearch, schema: dict[str, str]) -> None:
    opensearch.create("refusing", strict_mappings(schema))
    wrong = ['{"@timestamp": "yesterday"}', '{"trace.ids": "1"}', '{"process.pid": "many"}', '{"labels": "one"}']
    assert ["error" in item for item in opensearch.add("refusing", wrong)] == [True] * len(wrong)
