"""OTLP's JSON, as Jaeger answers it and the Collector writes it, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_STATUS = {0: "UNSET", 1: "OK", 2: "ERROR"}


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    time: int  # nanoseconds since the epoch
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    name: str
    trace_id: str
    span_id: str
    parent_id: str  # empty for a root
    kind: int
    start: int  # nanoseconds since the epoch
    end: int
    status: str  # UNSET, OK or ERROR
    status_message: str
    attributes: dict[str, Any]
    events: tuple[Event, ...]
    scope: str
    resource: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogRecord:
    body: Any
    severity: str
    severity_number: int
    time: int
    trace_id: str
    span_id: str
    attributes: dict[str, Any]
    scope: str
    resource: dict[str, Any]


def spans(message: Mapping[str, Any]) -> Iterator[Span]:
    for resource, scope, span in _each(message, "resourceSpans", "scopeSpans", "spans"):
        status = span.get("status", {})
        yield Span(
            name=span["name"],
            trace_id=span["traceId"],
            span_id=span["spanId"],
            parent_id=span.get("parentSpanId", ""),
            kind=span.get("kind", 0),
            start=int(span["startTimeUnixNano"]),
            end=int(span["endTimeUnixNano"]),
            status=_STATUS[status.get("code", 0)],
            status_message=status.get("message", ""),
            attributes=attributes(span),
            events=tuple(
                Event(event["name"], int(event["timeUnixNano"]), attributes(event)) for event in span.get("events", ())
            ),
            scope=scope,
            resource=resource,
        )


def log_records(message: Mapping[str, Any]) -> Iterator[LogRecord]:
    for resource, scope, record in _each(message, "resourceLogs", "scopeLogs", "logRecords"):
        yield LogRecord(
            body=plain(record.get("body", {})),
            severity=record.get("severityText", ""),
            severity_number=record.get("severityNumber", 0),
            time=int(record.get("timeUnixNano", 0)),
            trace_id=record.get("traceId", ""),
            span_id=record.get("spanId", ""),
            attributes=attributes(record),
            scope=scope,
            resource=resource,
        )


def attributes(holder: Mapping[str, Any]) -> dict[str, Any]:
    return {pair["key"]: plain(pair.get("value", {})) for pair in holder.get("attributes", ())}


def plain(value: Mapping[str, Any]) -> Any:
    """The Python value of an AnyValue: integers travel as strings, lists and maps as messages of their own."""
    for kind, content in value.items():
        match kind:
            case "intValue":
                return int(content)
            case "doubleValue" if not isinstance(content, str):  # NaN and its like are text
                return float(content)
            case "arrayValue":
                return [plain(item) for item in content.get("values", ())]
            case "kvlistValue":
                return {pair["key"]: plain(pair.get("value", {})) for pair in content.get("values", ())}
            case _:
                return content
    return None


def _each(
    message: Mapping[str, Any], resources: str, scopes: str, items: str
) -> Iterator[tuple[dict[str, Any], str, Mapping[str, Any]]]:
    of_resources: Sequence[Mapping[str, Any]] = message.get(resources, ())
    for of_resource in of_resources:
        resource = attributes(of_resource.get("resource", {}))
        for of_scope in of_resource.get(scopes, ()):
            scope = of_scope.get("scope", {}).get("name", "")
            for item in of_scope.get(items, ()):
                yield resource, scope, item
