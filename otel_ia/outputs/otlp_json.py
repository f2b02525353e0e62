"""A log record as a line of OTLP's JSON, as OpenTelemetry's file exporters write it and its Collector reads it.

Each line is a `LogsData` object of its own (https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/), in
protobuf's JSON with OTLP's own rules (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): ids in
hexadecimal, keys in camel case, enumerations as numbers, integers of 64 bits as text.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.sdk.resources import Resource

from otel_ia.outputs.json_line import Plain, number, one_line, plain
from otel_ia.outputs.line_output import Render
from otel_ia.sdk.entries import Entry


def make_otlp_json(resource: Callable[[], Resource]) -> Render:
    """How records of this process are rendered; the resource is asked again in a forked child."""
    known: dict[int, Plain] = {}

    def described() -> Plain:
        process = os.getpid()
        if process not in known:
            known.clear()
            known[process] = {"attributes": _attributes(resource().attributes)}
        return known[process]

    def render(entry: Entry) -> str:
        scope: dict[str, Plain] = {"name": plain(entry.logger)}
        if entry.scope is not None:
            if entry.scope.version:
                scope["version"] = plain(entry.scope.version)
            if entry.scope.attributes:
                scope["attributes"] = _attributes(entry.scope.attributes)
        scoped: Plain = {"scope": scope, "logRecords": [_record(entry)]}
        return one_line({"resourceLogs": [{"resource": described(), "scopeLogs": [scoped]}]})

    return render


def _record(entry: Entry) -> dict[str, Plain]:
    record: dict[str, Plain] = {}
    if entry.time:
        record["timeUnixNano"] = str(entry.time)
    if entry.observed:
        record["observedTimeUnixNano"] = str(entry.observed)
    if entry.severity:
        record["severityNumber"] = entry.severity
    if entry.level:
        record["severityText"] = plain(entry.level)
    if entry.body is not None:
        record["body"] = _any_value(plain(entry.body), entry.body)
    if entry.own or entry.place:
        record["attributes"] = _attributes(entry.attributes)
    if entry.dropped:
        record["droppedAttributesCount"] = entry.dropped
    if entry.trace_id and entry.span_id:
        record |= {"flags": int(entry.flags), "traceId": f"{entry.trace_id:032x}", "spanId": f"{entry.span_id:016x}"}
    if entry.event_name:
        record["eventName"] = plain(entry.event_name)
    return record


def _attributes(attributes: Mapping[str, Any]) -> Plain:
    return [
        {"key": plain(key), "value": _any_value(plain(value), value)}
        for key, value in attributes.items()
        if value is not None
    ]


def _any_value(value: Plain, given: object = None) -> Plain:  # noqa: PLR0911 - one for each kind
    """An AnyValue; `given` is what the value was before JSON, where that says more."""
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str() if type(given) is float:
            return {"doubleValue": number(given)}
        case str() if type(given) is bytes:
            return {"bytesValue": value}
        case str():
            return {"stringValue": value}
        case list():
            return {"arrayValue": {"values": [_any_value(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": [{"key": key, "value": _any_value(item)} for key, item in value.items()]}}
        case _:
            return {}
