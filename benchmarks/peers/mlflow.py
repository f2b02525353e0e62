"""MLflow (mlflow-tracing): `@mlflow.trace`."""

import os

from benchmarks.peers.side import Side, batching_to

REQUIRES = ("mlflow-tracing", "opentelemetry-exporter-otlp-proto-http")


def prepare(endpoint: str) -> Side:
    """MLflow lets nobody put an exporter in: both sides export over OTLP/HTTP to a local collector."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = f"{endpoint}/v1/traces"
    os.environ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/protobuf"
    import mlflow

    mlflow.set_tracking_uri(endpoint)  # is not asked with OTLP
    note = "batch processors and OTLP exporters on both sides, on other threads"
    return Side(
        mlflow.trace(name="predict"),
        '@mlflow.trace(name="predict")',
        note,
        lambda: batching_to(endpoint),
        is_recording=lambda: mlflow.get_current_active_span() is not None,
    )
