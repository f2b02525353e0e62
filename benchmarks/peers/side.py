"""One side of a comparison: a library's decorator, and what the SDK beside it has in common with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult


@dataclass(frozen=True, slots=True)
class Side:
    """The library's decorator, how it is written, what is compared, and which processor the SDK beside it has."""

    decorate: Callable[[Callable[[], object]], Callable[[], object]]
    decorator: str
    note: str
    sdk_processor: Callable[[], SpanProcessor] | None = None
    is_recording: Callable[[], bool] = lambda: trace.get_current_span().is_recording()
    """Asked inside a decorated call."""


class DroppingExporter(SpanExporter):
    """Takes every span and keeps none."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - the interface's
        return SpanExportResult.SUCCESS


def batching_into_nothing() -> SpanProcessor:
    """The SDK's batch processor, whose exporter drops."""
    return BatchSpanProcessor(DroppingExporter())


def batching_to(endpoint: str) -> SpanProcessor:
    """The SDK's batch processor and OTLP/HTTP exporter."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces"))
