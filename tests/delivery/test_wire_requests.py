"""Requests around ready-made messages: one part for each process and scope, without parsing."""

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext

from otel_ia.delivery.wire.logs import encode_log
from otel_ia.delivery.wire.requests import encode_request, encode_resource, encode_scope
from otel_ia.delivery.wire.spans import encode_readable_span

RESOURCES = [Resource({"service.name": "a"}, "https://example.org/r"), Resource({"service.name": "b"})]
SCOPES = [
    None,
    InstrumentationScope("one"),
    InstrumentationScope("two", "1.0", "https://example.org/s", {"k": [1, 2]}),
]


def grouped(spans):
    groups = {}
    for span in spans:
        scope = span.instrumentation_scope
        head = (
            encode_scope()
            if scope is None
            else encode_scope(scope.name, scope.version, scope.attributes, scope.schema_url)
        )
        groups.setdefault(encode_resource(span.resource), {}).setdefault(head, []).append(encode_readable_span(span))
    return groups


def test_a_batch_of_several_processes_and_scopes_parses_equal_to_the_official_request():
    spans = [
        ReadableSpan(
            f"span {number}",
            SpanContext(1, number + 1, is_remote=False),
            resource=RESOURCES[number % 2],
            instrumentation_scope=SCOPES[number % 3],
        )
        for number in range(60)
    ]
    request = ExportTraceServiceRequest.FromString(encode_request(grouped(spans)))
    assert request == encode_spans(spans)
    assert [len(process.scope_spans) for process in request.resource_spans] == [3, 3]


def test_the_same_envelope_holds_log_records():
    record = encode_log(1, 2, 9, "INFO", "hello", {"k": 1}, trace_id=5, span_id=6, flags=1)
    groups = {encode_resource(RESOURCES[0]): {encode_scope("logger", "2"): [record, record]}}
    (process,) = ExportLogsServiceRequest.FromString(encode_request(groups)).resource_logs
    (scope,) = process.scope_logs
    assert process.schema_url == "https://example.org/r"
    assert (scope.scope.name, scope.scope.version) == ("logger", "2")
    assert [found.body.string_value for found in scope.log_records] == ["hello", "hello"]


def test_a_request_without_messages_is_an_empty_one():
    assert ExportTraceServiceRequest.FromString(encode_request({})) == ExportTraceServiceRequest()


@pytest.mark.parametrize("size", [0, 1, 127, 128, 1_023, 1_024, 16_384, 3_000_000])
def test_messages_of_every_length_are_taken_as_they_are(size):
    span = ReadableSpan("n", SpanContext(1, 2, is_remote=False), resource=Resource({}), attributes={"k": "x" * size})
    (process,) = ExportTraceServiceRequest.FromString(encode_request(grouped([span, span]))).resource_spans
    assert [len(found.attributes[0].value.string_value) for found in process.scope_spans[0].spans] == [size, size]
