"""The delivery alone: processors for OpenTelemetry's own providers, that lose nothing and keep nobody waiting.

    provider = TracerProvider()
    provider.add_span_processor(SpoolSpanProcessor(endpoint="http://localhost:4318"))

Settings are those of `configure`, from arguments, environment and file, as far as they concern delivery, the spool and
redaction; without an endpoint it is OpenTelemetry's default one on this machine. What describes the process is the
provider's resource, so each provider needs a processor of its own.
"""

import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar, Unpack

from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from otel_ia import semconv
from otel_ia.configuration.arguments import SettingsArguments
from otel_ia.configuration.effect import make_keeping, make_settings_redactor
from otel_ia.configuration.resolution import resolve
from otel_ia.configuration.settings import Settings
from otel_ia.delivery.shipping.destination import Destination, Signal
from otel_ia.delivery.shipping.telling import Teller
from otel_ia.guard import guarded
from otel_ia.redaction import Redactor
from otel_ia.sdk.bound import BoundOnRecords, put_bound_on_span
from otel_ia.sdk.log_sink import LogSink
from otel_ia.sdk.outbox import Outbox, flush_outboxes, stop_outboxes
from otel_ia.sdk.outlet import SinkProcessor
from otel_ia.sdk.redacted import redacted_resource

__all__ = ["SpoolLogRecordProcessor", "SpoolSpanProcessor"]

_OUR_LOGGER: Final = "otel_ia"
_OUR_THREADS: Final = "otel_ia "
P = TypeVar("P")


class SpoolSpanProcessor(SpanProcessor):
    """A span processor of the SDK's: each sampled span is on disk when its `end` returns, and sent from there."""

    def __init__(self, **settings: Unpack[SettingsArguments]) -> None:
        """Raises SettingError when a setting is wrong."""
        resolved = resolve({**settings, "traces_exporter": "otlp"}).settings
        redactor = make_settings_redactor(resolved)
        self._delivery = _Delivery(
            "traces", resolved.traces, resolved, redactor, lambda outbox: SinkProcessor(outbox.sink, redactor)
        )

    @guarded
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        processor = self._delivery.processor(span.resource)
        if processor is not None:
            put_bound_on_span(span, parent_context)
            processor.on_start(span, parent_context)

    @guarded
    def on_end(self, span: ReadableSpan) -> None:
        processor = self._delivery.processor(span.resource)
        if processor is not None:
            processor.on_end(span)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Whether all that ended before the call was acknowledged within the timeout."""
        return self._delivery.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Sends what is left within the setting `exit_timeout`; the rest is left to the next process."""
        self._delivery.stop()


class SpoolLogRecordProcessor(LogRecordProcessor):
    """A log record processor of the SDK's: each record is on disk when it has been emitted, and sent from there.

    What the delivery itself logs is not among them: it would never come to an end.
    """

    def __init__(self, **settings: Unpack[SettingsArguments]) -> None:
        """Raises SettingError when a setting is wrong."""
        resolved = resolve({**settings, "logs_exporter": "otlp"}).settings
        redactor = make_settings_redactor(resolved)
        self._delivery = _Delivery(
            "logs", resolved.logs, resolved, redactor, lambda outbox: LogSink(outbox.sink, outbox.append_log, redactor)
        )
        self._bound = BoundOnRecords()

    @guarded
    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        scope = log_record.instrumentation_scope
        if scope is not None and scope.name == _OUR_LOGGER:
            return
        if threading.current_thread().name.startswith(_OUR_THREADS):
            return
        resource = log_record.resource
        processor = self._delivery.processor(resource if resource is not None else Resource.get_empty())
        if processor is not None:
            self._bound.on_emit(log_record)
            processor.on_emit(log_record)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Whether all that was emitted before the call was acknowledged within the timeout."""
        return self._delivery.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Sends what is left within the setting `exit_timeout`; the rest is left to the next process."""
        self._delivery.stop()


class _Delivery(Generic[P]):
    """The way of one signal, made when the first span or record tells what describes the process."""

    def __init__(
        self,
        signal: Signal,
        destination: Destination,
        settings: Settings,
        redactor: Redactor | None,
        make: Callable[[Outbox], P],
    ) -> None:
        self._signal: Signal = signal
        self._destination = destination
        self._settings = settings
        self._redactor = redactor
        self._make = make
        self._made: dict[str, tuple[Outbox, P]] = {}
        self._is_over = settings.disabled

    def processor(self, resource: Resource) -> P | None:
        """What takes the spans or records; None when it is all over."""
        if self._is_over:
            return None
        made = self._made.get(self._signal)
        return made[1] if made is not None else self._begin(resource)

    def flush(self, timeout: float) -> bool:
        return flush_outboxes([outbox for outbox, _ in list(self._made.values())], timeout)

    def stop(self) -> None:
        if not self._is_over:
            self._is_over = True
            stop_outboxes([outbox for outbox, _ in list(self._made.values())], self._settings.exit_timeout)

    def _begin(self, resource: Resource) -> P:
        outbox = Outbox(
            self._signal,
            self._destination,
            service=str(resource.attributes.get(semconv.SERVICE_NAME, "")),
            identity=lambda: redacted_resource(resource, self._redactor),
            keeping=make_keeping(self._settings),
            teller=Teller(),
        )
        # Without a lock, which a fork or a signal handler could find taken: of two that come at once one is kept.
        mine = (outbox, self._make(outbox))
        kept = self._made.setdefault(self._signal, mine)
        if kept is not mine or self._is_over:
            stop_outboxes([outbox], 0.0)
        return kept[1]
