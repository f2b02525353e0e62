"""A log record as a line in the names of the Elastic Common Schema, which Elasticsearch takes without a pipeline.

Order and form are those of Elastic's own loggers (https://github.com/elastic/ecs-logging/blob/main/spec/spec.json):
`@timestamp`, `log.level` and `message` come first, names are dotted. What has no name in the schema stands under
`labels`, whose values it stores as keywords: as text here, for of two kinds Elasticsearch would refuse the second.
"""

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry.sdk.resources import Resource

from otel_ia import semconv
from otel_ia.outputs.json_line import Plain, one_line, plain
from otel_ia.outputs.line_output import Render
from otel_ia.outputs.moments import in_utc, moment_of
from otel_ia.sdk.entries import Entry

VERSION: Final = "9.4.0"
"""Of the schema whose fields are written (https://github.com/elastic/ecs/blob/v9.4.0/generated/ecs/ecs_flat.yml)."""

_OF_THE_RESOURCE: Final = {
    semconv.SERVICE_NAME: "service.name",
    semconv.SERVICE_VERSION: "service.version",
    semconv.DEPLOYMENT_ENVIRONMENT_NAME: "service.environment",
    semconv.SERVICE_INSTANCE_ID: "service.node.name",
}
_OF_THE_EXCEPTION: Final = {
    semconv.EXCEPTION_TYPE: "error.type",
    semconv.EXCEPTION_MESSAGE: "error.message",
    semconv.EXCEPTION_STACKTRACE: "error.stack_trace",
}
_IN_LABELS: Final = str.maketrans(".*\\", "___")


def make_ecs(resource: Callable[[], Resource]) -> Render:
    """How records of this process are rendered; the resource is asked again in a forked child."""
    known: dict[int, dict[str, Plain]] = {}

    def described() -> dict[str, Plain]:
        process = os.getpid()
        if process not in known:
            attributes = resource().attributes
            known.clear()
            known[process] = {
                name: _keyword(attributes[key]) for key, name in _OF_THE_RESOURCE.items() if key in attributes
            }
        return known[process]

    def render(entry: Entry) -> str:
        content: dict[str, Plain] = {
            "@timestamp": in_utc(moment_of(entry)),
            "log.level": _keyword(entry.level or "unspecified").lower(),
            "message": _keyword(entry.body),
            "ecs.version": VERSION,
            "log.logger": plain(entry.logger),
            **described(),
            "process.pid": os.getpid(),
            "process.thread.name": plain(threading.current_thread().name),
        }
        if entry.trace_id and entry.span_id:
            content |= {"trace.id": f"{entry.trace_id:032x}", "span.id": f"{entry.span_id:016x}"}
        if entry.event_name:
            content["event.action"] = plain(entry.event_name)
        _add_attributes(content, entry.attributes)
        return one_line(content)

    return render


def _add_attributes(content: dict[str, Plain], attributes: dict[str, Any]) -> None:
    if (path := attributes.pop(semconv.CODE_FILE_PATH, None)) is not None:
        content["log.origin.file.name"] = os.path.basename(_keyword(path))  # noqa: PTH119 - of a path of any system
    if type(line := attributes.get(semconv.CODE_LINE_NUMBER)) is int:
        content["log.origin.file.line"] = attributes.pop(semconv.CODE_LINE_NUMBER) and line
    if (function := attributes.pop(semconv.CODE_FUNCTION_NAME, None)) is not None:
        content["log.origin.function"] = _keyword(function)
    for key, name in _OF_THE_EXCEPTION.items():
        if (value := attributes.pop(key, None)) is not None:
            content[name] = _keyword(value)
    if (stack := attributes.pop(semconv.CODE_STACKTRACE, None)) is not None:
        content.setdefault("error.stack_trace", _keyword(stack))
    if labels := _labels(attributes):
        content["labels"] = labels


def _labels(attributes: Mapping[str, Any]) -> dict[str, Plain]:
    labels: dict[str, Plain] = {}
    for key, value in attributes.items():
        name = _keyword(key).translate(_IN_LABELS)
        name = free = name if name.strip() else "_"  # of spaces alone Elasticsearch refuses it, with the whole line
        count = 1
        while free in labels:  # `a.b` and `a_b`
            count += 1
            free = f"{name}_{count}"
        shown = plain(value)
        labels[free] = [_keyword(item) for item in shown] if isinstance(shown, list) else _keyword(value)
    return labels


def _keyword(value: object) -> str:
    shown = plain(value)
    if isinstance(shown, str):
        return shown
    return one_line({"": shown})[4:-1]
