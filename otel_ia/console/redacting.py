"""A span as the console may show it: what it prints often ends in a journal or in the log of a build."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, Status

from otel_ia.redaction import Redactor


class ShownEvent(NamedTuple):
    """An event of a span."""

    name: str
    attributes: Mapping[str, Any]


class ShownSpan:
    """A running or ended span without its secrets, each time it is asked."""

    __slots__ = ("_redactor", "_span")

    def __init__(self, span: ReadableSpan, redactor: Redactor) -> None:
        self._span = span
        self._redactor = redactor

    @property
    def name(self) -> str:
        return self._redactor.redact_text(self._span.name)

    @property
    def attributes(self) -> Mapping[str, Any]:
        return self._redacted(self._span.attributes)

    @property
    def events(self) -> Sequence[ShownEvent]:
        return [ShownEvent(event.name, self._redacted(event.attributes)) for event in self._span.events]

    @property
    def status(self) -> Status:
        status = self._span.status
        description = status.description
        return Status(status.status_code, self._redactor.redact_text(description)) if description else status

    @property
    def start_time(self) -> int | None:
        return self._span.start_time

    @property
    def end_time(self) -> int | None:
        return self._span.end_time

    @property
    def parent(self) -> SpanContext | None:
        return self._span.parent

    @property
    def resource(self) -> Resource:
        return self._span.resource

    def get_span_context(self) -> SpanContext | None:
        return self._span.get_span_context()

    def _redacted(self, attributes: Mapping[str, Any] | None) -> Mapping[str, Any]:
        return self._redactor.redact_attributes(attributes) if attributes else {}


AnySpan: TypeAlias = ReadableSpan | ShownSpan
"""As it is, or without its secrets."""
