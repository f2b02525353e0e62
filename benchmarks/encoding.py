"""What it costs to encode spans and log records, beside OpenTelemetry's own encoder: `python -m benchmarks.encoding`.

A typical span has four attributes fixed at its call site, four of its own (a text that never repeats, an integer, a
float, a boolean) and an event with two. Rounds of the two sides alternate; each ratio is of two neighbouring rounds.
"""

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from otel_ia.delivery.wire.logs import encode_log, encode_log_record
from otel_ia.delivery.wire.requests import encode_request, encode_resource, encode_scope
from otel_ia.delivery.wire.spans import encode_event, encode_readable_span, encode_span, static_span

SAMPLED = TraceFlags(TraceFlags.SAMPLED)
COUNT = 1_000
ROUNDS = 25
RESOURCE = Resource({"service.name": "benchmark"})
FIXED: dict[str, Any] = {
    "code.function.name": "app.models.predict",
    "code.file.path": "/srv/app/models.py",
    "code.line.number": 120,
    "ia.model.name": "resnet-50",
}


def own_attributes(number: int) -> dict[str, Any]:
    return {
        "gen_ai.response.id": f"chatcmpl-{number:08d}",
        "gen_ai.usage.output_tokens": number % 4_000,
        "ia.score": number / 7,
        "ia.cached": number % 2 == 0,
    }


def event_attributes(number: int) -> dict[str, Any]:
    return {"ia.stream.items": number % 500, "gen_ai.response.finish_reason": "stop"}


def spans_of_the_sdk(*, typical: bool) -> list[ReadableSpan]:
    tracer = TracerProvider(resource=RESOURCE, shutdown_on_exit=False).get_tracer("benchmark")
    context = set_span_in_context(
        NonRecordingSpan(SpanContext(1 << 127, 1 << 63, is_remote=False, trace_flags=SAMPLED))
    )
    spans: list[Any] = [tracer.start_span("app.models.predict", context) for _ in range(COUNT)]
    for number, span in enumerate(spans):
        if typical:
            span.set_attributes(FIXED | own_attributes(number))
            span.add_event("finished", event_attributes(number))
        span.end()
    return spans


def encode_at_call_site(spans: list[Any], *, typical: bool) -> Callable[[], object]:
    site = static_span("app.models.predict", SpanKind.INTERNAL, FIXED if typical else None)
    parts = [(span.context.trace_id, span.context.span_id, 1 << 63, span.start_time, span.end_time) for span in spans]
    own = [own_attributes(number) for number in range(COUNT)]
    of_events = [event_attributes(number) for number in range(COUNT)]

    def encode_bare() -> None:
        for ids_and_times in parts:
            encode_span(site, *ids_and_times)

    def encode_typical() -> None:
        for ids_and_times, attributes, of_event in zip(parts, own, of_events, strict=True):
            encode_span(site, *ids_and_times, attributes, encode_event("finished", ids_and_times[4], of_event))

    return encode_typical if typical else encode_bare


def records_of_the_sdk() -> list[ReadableLogRecord]:
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
        for number in range(COUNT)
    ]


def encode_log_parts() -> Callable[[], object]:
    parts = [(f"request {number} done", own_attributes(number)) for number in range(COUNT)]

    def encode() -> None:
        for body, attributes in parts:
            encode_log(1 << 60, 1 << 60, 9, "INFO", body, attributes)

    return encode


def each(encode: Callable[[Any], bytes], items: list[Any]) -> None:
    for item in items:
        encode(item)


def seconds(operation: Callable[[], object]) -> float:
    begin = time.thread_time_ns()
    operation()
    return (time.thread_time_ns() - begin) / 1e9


def compare(name: str, ours: Callable[[], object], official: Callable[[], object]) -> None:
    """Prints the median ratio, its quartiles and what the median round takes for each item."""
    rounds = [(seconds(ours), seconds(official)) for _ in range(ROUNDS)]
    low, middle, high = statistics.quantiles([mine / theirs for mine, theirs in rounds], n=4)
    mine, theirs = (statistics.median(side) / COUNT * 1e6 for side in zip(*rounds, strict=True))
    sys.stdout.write(f"{name:42s} {middle:6.3f} x  ({low:.3f}-{high:.3f})   {mine:6.2f} of {theirs:6.2f} µs\n")


def main() -> None:
    for kind in ("bare", "typical"):
        spans = spans_of_the_sdk(typical=kind == "typical")

        def official(spans: list[ReadableSpan] = spans) -> object:
            return encode_spans(spans).SerializeToString()

        messages = [encode_readable_span(span) for span in spans]
        groups = {encode_resource(RESOURCE): {encode_scope("benchmark"): messages}}
        compare(f"{kind} span of a call site", encode_at_call_site(spans, typical=kind == "typical"), official)
        compare(f"{kind} span of the SDK", partial(each, encode_readable_span, spans), official)
        compare(f"{kind} span into a request, already encoded", partial(encode_request, groups), official)
    records = records_of_the_sdk()
    compare("log record", encode_log_parts(), lambda: encode_logs(records).SerializeToString())
    compare(
        "log record of the SDK",
        partial(each, encode_log_record, records),
        lambda: encode_logs(records).SerializeToString(),
    )


if __name__ == "__main__":
    main()
