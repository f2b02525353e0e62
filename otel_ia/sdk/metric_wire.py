"""Metric data as OTLP messages, by OpenTelemetry's own encoder."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics.export import MetricsData

from otel_ia.guard import guarded
from otel_ia.redaction import Redactor
from otel_ia.sdk.metric_redaction import redact_metrics

MUCH: Final = 1 << 20
"""Bytes of a message beyond which each metric gets one of its own: a server takes no more than 4 MiB over gRPC."""


def encode(data: MetricsData, redactor: Redactor | None) -> tuple[list[bytes], int]:
    """ResourceMetrics messages, and how many metrics could not be encoded.

    The encoder refuses everything for one wrong string: then each metric goes alone, and only the wrong ones are lost.
    """
    if redactor is not None:
        data = redact_metrics(data, redactor)
    whole = _messages(data)
    if whole is not None and sum(map(len, whole)) <= MUCH:
        return whole, 0
    parts = [guarded(ours=False)(_messages)(part) for part in _one_by_one(data)]
    return [message for part in parts if part is not None for message in part], parts.count(None)


@guarded(ours=False)  # what cannot be encoded is the user's
def _messages(data: MetricsData) -> list[bytes]:
    return [message.SerializeToString() for message in encode_metrics(data).resource_metrics]


def _one_by_one(data: MetricsData) -> Iterator[MetricsData]:
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                yield MetricsData([replace(resource, scope_metrics=[replace(scope, metrics=[metric])])])
