"""Log records into a spool, each in the thread that writes it."""

from collections.abc import Callable
from typing import Any

from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord

from otel_ia.delivery.wire.logs import encode_dropped_attributes, encode_event_name, encode_log
from otel_ia.guard import guarded
from otel_ia.redaction import Redactor
from otel_ia.sdk.redacted import redacted_scope
from otel_ia.sdk.sink import Prefixes, Sink


class LogSink(LogRecordProcessor):
    """A log record processor of the SDK's kind that encodes each record and appends it to a spool."""

    def __init__(self, sink: Sink, append: Callable[[bytes], None], redactor: Redactor | None) -> None:
        self._append = append
        self._redactor = redactor
        self._prefixes = Prefixes(sink, lambda scope: redacted_scope(scope, redactor))

    @guarded
    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        parts = log_record.log_record
        body: Any = parts.body
        attributes: Any = parts.attributes
        event_name = parts.event_name
        if self._redactor is not None:
            event_name = self._redactor.redact_text(event_name) if event_name else event_name
            body = self._redactor.redact_value("", body)
            attributes = self._redactor.redact_attributes(attributes) if attributes else attributes
        further = encode_dropped_attributes(log_record.dropped_attributes)
        if event_name is not None:
            further += encode_event_name(event_name)
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
        self._append(self._prefixes.of(log_record.instrumentation_scope) + message)

    def shutdown(self) -> None:
        """Has nothing to end: the spool and its shipper are ended by their owner."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the processor's signature
        return True
