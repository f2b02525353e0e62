"""The plain OpenTelemetry SDK as a sender: what arrives was sent by nothing of ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry._logs import Logger
    from opentelemetry.trace import Tracer

    from .servers import Collector


@contextmanager
def sending_spans(collector: Collector, service: str, protocol: str = "http") -> Iterator[Tracer]:
    """A tracer whose every span has been handed to the Collector when its `with` block is over."""
    exporter = (
        GrpcSpanExporter(endpoint=collector.grpc_endpoint, insecure=True)
        if protocol == "grpc"
        else HttpSpanExporter(endpoint=f"{collector.http_endpoint}/v1/traces")
    )
    provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    try:
        yield provider.get_tracer("test")
    finally:
        provider.shutdown()


@contextmanager
def sending_logs(collector: Collector, service: str, protocol: str = "http") -> Iterator[Logger]:
    exporter = (
        GrpcLogExporter(endpoint=collector.grpc_endpoint, insecure=True)
        if protocol == "grpc"
        else HttpLogExporter(endpoint=f"{collector.http_endpoint}/v1/logs")
    )
    provider = LoggerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    try:
        yield provider.get_logger("test")
    finally:
        provider.shutdown()
