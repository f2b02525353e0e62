"""Bound fields on spans and log records of the SDK's kinds, whoever made them."""

from collections.abc import Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord

from otel_ia.guard import guarded
from otel_ia.recording.current import get_current
from otel_ia.recording.fields import bound_in


@guarded(ours=False)  # the attributes may be a mapping of the user's
def beside_bound(bound: Mapping[str, Any], attributes: Any) -> Mapping[str, Any]:
    """The bound fields with a span's own attributes, which win."""
    return {**bound, **attributes} if attributes else bound


@guarded
def put_bound_on_span(span: sdk_trace.Span, context: Context | None) -> None:
    """Gives a span that has just begun the fields bound around it, but for those that it has itself."""
    bound = bound_in(get_current() if context is None else context)
    if bound is not None and span.is_recording():
        own = span.attributes or {}
        span.set_attributes({name: value for name, value in bound.items() if name not in own})


class BoundOnRecords(LogRecordProcessor):
    """A log record processor that does the same for log records; stands before those that deliver."""

    @guarded
    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        record = log_record.log_record
        bound = bound_in(record.context or get_current())
        if bound is not None:
            own: Any = record.attributes  # mutable, bounded
            for name, value in bound.items():
                if name not in own:
                    own[name] = value

    def enabled(self, **_about: Any) -> bool:
        """Wants no record for itself: whether any is wanted is for the processors that deliver to say."""
        return False

    def shutdown(self) -> None:
        """Has nothing to end."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the processor's signature
        return True
