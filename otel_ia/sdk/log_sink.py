"""Log records into a spool, each in the thread that writes it."""

from collections.abc import Callable
from typing import Any, Final

from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_ia.delivery.wire.logs import encode_dropped_attributes, encode_event_name, encode_log
from otel_ia.delivery.wire.requests import encode_scope
from otel_ia.guard import guarded
from otel_ia.redaction import Redactor
from otel_ia.sdk.sink import Sink

KNOWN_SCOPES: Final = 1_024
"""Loggers whose scope's prefix is kept at hand."""


class LogSink(LogRecordProcessor):
    """A log record processor of the SDK's kind that encodes each record and appends it to a spool."""

    def __init__(self, sink: Sink, append: Callable[[bytes], None], redactor: Redactor | None) -> None:
        self._sink = sink
        self._append = append
        self._redactor = redactor
        self._prefixes: dict[InstrumentationScope | None, bytes] = {}

    @guarded
    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        parts = log_record.log_record
        body: Any = parts.body
        attributes: Any = parts.attributes
        if self._redactor is not None:
            body = self._redactor.redact_value("", body)
            attributes = self._redactor.redact_attributes(attributes) if attributes else attributes
        further = encode_dropped_attributes(log_record.dropped_attributes)
        if parts.event_name is not None:
            further += encode_event_name(parts.event_name)
        severity = parts.severity_number
        message = encode_log(
            parts.timestamp,
            parts.observed_timestamp,
            severity.value if severity is not None else 0,
            parts.severity_text,
            body,
            attributes,
            parts.trace_id,
            parts.span_id,
            parts.trace_flags,
            further,
        )
        self._append(self._prefix(log_record.instrumentation_scope) + message)

    def _prefix(self, scope: InstrumentationScope | None) -> bytes:
        prefix = self._prefixes.get(scope)
        if prefix is None:
            encoded = (
                encode_scope(scope.name, scope.version, scope.attributes, scope.schema_url)
                if scope is not None
                else encode_scope()
            )
            if len(self._prefixes) >= KNOWN_SCOPES:
                self._prefixes.clear()
            prefix = self._prefixes[scope] = self._sink.scope(encoded)
        return prefix

    def shutdown(self) -> None:
        """Has nothing to end: the spool and its shipper are ended by their owner."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the processor's signature
        return True
