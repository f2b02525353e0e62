"""What it costs to encode spans and log records, beside OpenTelemetry's own encoder: `python -m benchmarks.encoding`.

Typical spans as in `benchmarks.work`. CPU of the thread, for each item.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from benchmarks.effort import FULL, Effort
from benchmarks.rounds import Operation, interleave
from benchmarks.rows import Row, row_of
from benchmarks.table import print_rows
from benchmarks.work import FIXED, Kind, event_attributes, own_attributes
from otel_ia.delivery.wire.logs import encode_log, encode_log_record
from otel_ia.delivery.wire.requests import encode_request, encode_resource, encode_scope
from otel_ia.delivery.wire.spans import encode_event, encode_readable_span, encode_span, static_span

SAMPLED = TraceFlags(TraceFlags.SAMPLED)
RESOURCE = Resource({"service.name": "benchmark"})


def measure(effort: Effort) -> Iterator[Row]:
    """One row for each way to encode."""
    count = effort.calls

    def row(operation: str, ours: Operation, official: Operation) -> Row:
        return row_of(operation, interleave(ours, official, calls=1, rounds=effort.rounds // 2), per=count)

    kinds: tuple[Kind, ...] = ("bare", "typical")
    for kind in kinds:
        spans = spans_of_the_sdk(kind, count)
        official = partial(encode_officially, spans)
        messages = [encode_readable_span(span) for span in spans]
        groups = {encode_resource(RESOURCE): {encode_scope("benchmark"): messages}}
        yield row(f"encode a {kind} span of a call site", encode_at_call_site(spans, kind), official)
        yield row(f"encode a {kind} span of the SDK", partial(each, encode_readable_span, spans), official)
        yield row(f"put a {kind} encoded span into a request", partial(encode_request, groups), official)
    records = records_of_the_sdk(count)

    def officially() -> object:
        return encode_logs(records).SerializeToString()

    yield row("encode a log record", encode_log_parts(count), officially)
    yield row("encode a log record of the SDK", partial(each, encode_log_record, records), officially)


def encode_officially(spans: list[ReadableSpan]) -> object:
    return encode_spans(spans).SerializeToString()


def spans_of_the_sdk(kind: Kind, count: int) -> list[ReadableSpan]:
    tracer = TracerProvider(resource=RESOURCE, shutdown_on_exit=False).get_tracer("benchmark")
    context = set_span_in_context(
        NonRecordingSpan(SpanContext(1 << 127, 1 << 63, is_remote=False, trace_flags=SAMPLED))
    )
    spans: list[Any] = [tracer.start_span("app.models.predict", context) for _ in range(count)]
    for number, span in enumerate(spans):
        if kind == "typical":
            span.set_attributes(FIXED | own_attributes(number))
            span.add_event("finished", event_attributes(number))
        span.end()
    return spans


def encode_at_call_site(spans: list[Any], kind: Kind) -> Operation:
    site = static_span("app.models.predict", SpanKind.INTERNAL, FIXED if kind == "typical" else None)
    parts = [(span.context.trace_id, span.context.span_id, 1 << 63, span.start_time, span.end_time) for span in spans]
    own = [own_attributes(number) for number in range(len(spans))]
    of_events = [event_attributes(number) for number in range(len(spans))]

    def encode_bare() -> None:
        for ids_and_times in parts:
            encode_span(site, *ids_and_times)

    def encode_typical() -> None:
        for ids_and_times, attributes, of_event in zip(parts, own, of_events, strict=True):
            encode_span(site, *ids_and_times, attributes, encode_event("finished", ids_and_times[4], of_event))

    return encode_typical if kind == "typical" else encode_bare


def records_of_the_sdk(count: int) -> list[ReadableLogRecord]:
    severity = SeverityNumber.INFO
    return [
        ReadableLogRecord(
            LogRecord(
                timestamp=number,
                observed_timestamp=number,
                severity_number=severity,
                severity_text="INFO",
                body=f"request {number} done",
                attributes=own_attributes(number),
            ),
            RESOURCE,
        )
        for number in range(count)
    ]


def encode_log_parts(count: int) -> Operation:
    parts = [(f"request {number} done", own_attributes(number)) for number in range(count)]

    def encode() -> None:
        for body, attributes in parts:
            encode_log(1 << 60, 1 << 60, 9, "INFO", body, attributes)

    return encode


def each(encode: Callable[[Any], bytes], items: list[Any]) -> None:
    for item in items:
        encode(item)


if __name__ == "__main__":
    print_rows(measure(FULL))
