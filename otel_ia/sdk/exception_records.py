"""Exceptions as log records: events named `exception`.

By https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-logs/; what monitored calls raise is an ERROR.
"""

from collections.abc import Mapping
from typing import Final

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import Span

from otel_ia import semconv
from otel_ia.guard import guarded
from otel_ia.recording.current import get_current
from otel_ia.sdk.logs import provider

_logger: Final = provider.get_logger("otel_ia", schema_url=semconv.SCHEMA_URL)


@guarded
def write_on_span(span: Span, described: Mapping[str, str], time: int) -> None:
    """An exception that a monitored call has raised."""
    body = f"{described[semconv.EXCEPTION_TYPE]}: {described[semconv.EXCEPTION_MESSAGE]}"
    context = trace.set_span_in_context(span, get_current())
    write(body, described, context, time, severity=SeverityNumber.ERROR, text="ERROR")


def write(  # noqa: PLR0913 - what the record says
    body: str, attributes: Mapping[str, object], context: Context, time: int, *, severity: SeverityNumber, text: str
) -> None:
    """Hands a record to our logger provider."""
    _logger.emit(
        LogRecord(
            timestamp=time,
            context=context,
            severity_number=severity,
            severity_text=text,
            body=body,
            attributes=dict(attributes),  # type: ignore[arg-type] # all legal
            event_name=semconv.EXCEPTION_EVENT,
        )
    )
