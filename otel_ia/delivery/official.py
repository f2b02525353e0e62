"""OpenTelemetry's own exporters and batch processors, made for a destination."""

from pathlib import Path
from typing import Any

from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from otel_ia.delivery.destination import Destination


def span_processor(destination: Destination) -> SpanProcessor:
    """A processor that sends spans in batches."""
    if destination.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        return BatchSpanProcessor(GrpcExporter(**_grpc_arguments(destination)))
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

    return BatchSpanProcessor(HttpExporter(**_http_arguments(destination)))


def log_processor(destination: Destination) -> LogRecordProcessor:
    """A processor that sends log records in batches."""
    if destination.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter

        return BatchLogRecordProcessor(GrpcExporter(**_grpc_arguments(destination)))
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter

    return BatchLogRecordProcessor(HttpExporter(**_http_arguments(destination)))


def _http_arguments(destination: Destination) -> dict[str, Any]:
    from opentelemetry.exporter.otlp.proto.http import Compression

    return {
        "endpoint": destination.endpoint,
        "headers": dict(destination.headers),
        "timeout": destination.timeout,
        "compression": Compression.Gzip if destination.compression == "gzip" else Compression.NoCompression,
        "certificate_file": destination.certificate,
        "client_key_file": destination.client_key,
        "client_certificate_file": destination.client_certificate,
    }


def _grpc_arguments(destination: Destination) -> dict[str, Any]:
    import grpc

    credentials = None
    if not destination.insecure:
        credentials = grpc.ssl_channel_credentials(
            root_certificates=_content(destination.certificate),
            private_key=_content(destination.client_key),
            certificate_chain=_content(destination.client_certificate),
        )
    return {
        "endpoint": destination.endpoint,
        "insecure": destination.insecure,
        "credentials": credentials,
        "headers": dict(destination.headers),
        "timeout": destination.timeout,
        "compression": grpc.Compression.Gzip if destination.compression == "gzip" else grpc.Compression.NoCompression,
    }


def _content(file: str | None) -> bytes | None:
    return Path(file).read_bytes() if file is not None else None
