"""Export requests around ready-made spans or log records, which are not parsed.

The envelopes of traces and logs have the same field numbers, so the same functions make both.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from opentelemetry.sdk.resources import Resource

from otel_ia.delivery.wire.attributes import RESOURCE, SCOPE, encode_attributes
from otel_ia.delivery.wire.primitives import delimited, text, varint

Groups: TypeAlias = Mapping[bytes, Mapping[bytes, Sequence[bytes]]]
"""Messages by scope by process: `{encode_resource(…): {encode_scope(…): [encode_span(…), …]}}`."""


def encode_resource(resource: Resource) -> bytes:
    """How a process's ResourceSpans or ResourceLogs begins: the resource and its schema."""
    return delimited(b"\x0a", encode_attributes(resource.attributes, RESOURCE)) + _schema(resource.schema_url)


def encode_scope(
    name: str = "",
    version: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    schema_url: str | None = None,
) -> bytes:
    """How a ScopeSpans or ScopeLogs begins: the instrumentation scope and its schema; called without, no scope."""
    fields = [delimited(b"\x0a", text(name))]
    if version:
        fields.append(delimited(b"\x12", text(version)))
    fields.append(encode_attributes(attributes, SCOPE))
    return delimited(b"\x0a", b"".join(fields)) + _schema(schema_url)


def encode_request(groups: Groups) -> bytes:
    """The body of an ExportTraceServiceRequest or ExportLogsServiceRequest."""
    processes = []
    for resource, scopes in groups.items():
        parts = [resource]
        for scope, messages in scopes.items():
            fields = [scope]
            for message in messages:
                fields += (b"\x12", varint(len(message)), message)
            parts.append(delimited(b"\x12", b"".join(fields)))
        processes.append(delimited(b"\x0a", b"".join(parts)))
    return b"".join(processes)


def count_messages(groups: Groups) -> int:
    """How many spans or log records a request of these groups holds."""
    return sum(len(messages) for scopes in groups.values() for messages in scopes.values())


def halve(groups: Groups) -> tuple[Groups, Groups]:
    """The groups in two, the order kept: of an odd number of messages the first half holds one more."""
    wanted = (count_messages(groups) + 1) // 2
    halves: tuple[dict[bytes, dict[bytes, Sequence[bytes]]], ...] = ({}, {})
    for resource, scopes in groups.items():
        for scope, messages in scopes.items():
            for half, part in zip(halves, (messages[:wanted], messages[wanted:]), strict=True):
                if part:
                    half.setdefault(resource, {})[scope] = part
            wanted -= min(wanted, len(messages))
    return halves[0], halves[1]


def _schema(url: str | None) -> bytes:
    return delimited(b"\x1a", text(url)) if url else b""
