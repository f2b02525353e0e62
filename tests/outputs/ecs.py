"""The fields of the Elastic Common Schema that our lines have, and whether a line is as it says."""

import json
import re

ECS_TYPES = {
    # https://github.com/elastic/ecs/blob/v9.4.0/generated/ecs/ecs_flat.yml
    "@timestamp": "date",
    "ecs.version": "keyword",
    "error.message": "match_only_text",
    "error.stack_trace": "wildcard",
    "error.type": "keyword",
    "event.action": "keyword",
    "labels": "object",
    "log.level": "keyword",
    "log.logger": "keyword",
    "log.origin.file.line": "long",
    "log.origin.file.name": "keyword",
    "log.origin.function": "keyword",
    "message": "match_only_text",
    "process.pid": "long",
    "process.thread.name": "keyword",
    "service.environment": "keyword",
    "service.name": "keyword",
    "service.node.name": "keyword",
    "service.version": "keyword",
    "span.id": "keyword",
    "trace.id": "keyword",
}
REQUIRED = ["@timestamp", "log.level", "message", "ecs.version"]
"""In this order: https://github.com/elastic/ecs-logging/blob/main/spec/spec.json."""


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def parsed(line: str) -> dict:
    made = json.loads(line, parse_constant=refuse)
    assert type(made) is dict
    return made


def check_ecs(line: str) -> dict:
    """An object of ECS: each field is known and of its type, the required ones come first and in their order."""
    made = parsed(line)
    assert list(made)[: len(REQUIRED)] == REQUIRED
    for name, value in made.items():
        kind = ECS_TYPES[name]
        if kind == "long":
            assert type(value) is int
            assert -(2**63) <= value < 2**63
        elif kind == "date":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value)
        elif kind == "object":
            for label, content in value.items():
                assert not set(".*\\") & set(label)
                assert label.strip()  # Elasticsearch refuses a line with a name of spaces alone
                assert type(content) is str or all(type(item) is str for item in content)
        else:
            assert type(value) is str
    return made
