"""Log records into a spool, each in the thread that writes it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord

from otel_ia.delivery.wire.attributes import LOG_RECORD, encode_attributes
from otel_ia.delivery.wire.logs import encode_dropped_attributes, encode_event_name, encode_log
from otel_ia.delivery.wire.requests import encode_scope
from otel_ia.guard import guarded
from otel_ia.redaction import Redactor
from otel_ia.sdk.entries import Entry, entry_of
from otel_ia.sdk.redacted import redacted_scope
from otel_ia.sdk.sink import Prefixes, Sink

KNOWN: Final = 2_048
"""Places and loggers whose bytes are kept; when one more comes, it starts anew."""


class LogSink(LogRecordProcessor):
    """A log record processor of the SDK's kind that encodes each record and appends it to a spool."""

    def __init__(self, sink: Sink, append: Callable[[bytes], None], redactor: Redactor | None) -> None:
        self._append = append
        self._redactor = redactor
        self._sink = sink
        self._prefixes = Prefixes(sink, lambda scope: redacted_scope(scope, redactor))
        self._loggers: dict[str, bytes] = {}
        self._places: dict[int, tuple[Mapping[str, Any], bytes]] = {}
        self.lowest = 0
        """Records of a lower severity are left out; those without one never are."""

    @guarded
    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        self.take(entry_of(log_record))

    def take(self, entry: Entry) -> None:
        """Takes a record."""
        time, seen, severity, level, body, place, own, trace_id, span_id, flags, logger, scope, event, dropped = entry
        if 0 < severity < self.lowest:
            return
        redactor = self._redactor
        if redactor is not None:
            body = redactor.redact_text(body) if type(body) is str else redactor.redact_value("", body)
            own = redactor.redact_attributes(own) if own else own
            event = redactor.redact_text(event) if event else event
        known = self._places.get(id(place))
        further = known[1] if known is not None and known[0] is place else self._encoded_place(place)
        if dropped:
            further += encode_dropped_attributes(dropped)
        if event is not None:
            further += encode_event_name(event)
        prefix = self._prefixes.of(scope) if scope is not None else self._loggers.get(logger) or self._prefix(logger)
        self._append(encode_log(time, seen, severity, level, body, own, trace_id, span_id, flags, further, prefix))

    def _prefix(self, logger: str) -> bytes:
        if len(self._loggers) >= KNOWN:
            self._loggers.clear()
        name = self._redactor.redact_text(logger) if self._redactor is not None else logger
        prefix = self._loggers[logger] = self._sink.scope(encode_scope(name))
        return prefix

    def _encoded_place(self, place: Mapping[str, Any]) -> bytes:
        if len(self._places) >= KNOWN:
            self._places.clear()
        redacted = self._redactor.redact_attributes(place) if self._redactor is not None else place
        encoded = encode_attributes(redacted, LOG_RECORD)
        self._places[id(place)] = (place, encoded)
        return encoded

    def shutdown(self) -> None:
        """Has nothing to end: the spool and its shipper are ended by their owner."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the processor's signature
        return True
