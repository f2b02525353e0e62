"""Export requests around ready-made spans or log records, which are not parsed.

The envelopes of traces and logs have the same field numbers, so the same functions make both.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

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
    # Joined once: with a copy for each message around the others it takes four times as long, 1 µs a span.
    parts: list[bytes] = []
    for resource, scopes in groups.items():
        inside = [resource]
        for scope, messages in scopes.items():
            fields = [scope, *_fields(messages)]
            inside += (b"\x12", varint(sum(map(len, fields))), *fields)
        parts += (b"\x0a", varint(sum(map(len, inside))), *inside)
    return b"".join(parts)


def _fields(messages: Sequence[bytes]) -> list[bytes]:
    fields = [b""] * (2 * len(messages))
    fields[::2] = map(_heads.__getitem__, map(len, messages))
    fields[1::2] = messages
    return fields


class _Heads(dict[int, bytes]):
    """What stands before a message, by its length."""

    def __missing__(self, length: int) -> bytes:
        head = b"\x12" + varint(length)
        if len(self) < _KNOWN_LENGTHS:
            self[length] = head
        return head


_KNOWN_LENGTHS: Final = 4_096
_heads: Final = _Heads()


def _schema(url: str | None) -> bytes:
    return delimited(b"\x1a", text(url)) if url else b""
