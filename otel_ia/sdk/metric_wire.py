"""Metric data as OTLP messages, by OpenTelemetry's own encoder."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics.export import Metric, MetricsData, ResourceMetrics, ScopeMetrics

from otel_ia.guard import guarded
from otel_ia.redaction import Redactor

MUCH: Final = 1 << 20
"""Bytes of a message beyond which each metric gets one of its own: a server takes no more than 4 MiB over gRPC."""


def encode(data: MetricsData, redactor: Redactor | None) -> tuple[list[bytes], int]:
    """ResourceMetrics messages, and how many metrics could not be encoded.

    The encoder refuses everything for one wrong string: then each metric goes alone, and only the wrong ones are lost.
    """
    if redactor is not None:
        data = _redacted(data, redactor)
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


def _redacted(data: MetricsData, redactor: Redactor) -> MetricsData:
    return MetricsData(
        [
            ResourceMetrics(
                resource.resource,
                [
                    ScopeMetrics(
                        scope.scope, [_redacted_metric(metric, redactor) for metric in scope.metrics], scope.schema_url
                    )
                    for scope in resource.scope_metrics
                ],
                resource.schema_url,
            )
            for resource in data.resource_metrics
        ]
    )


def _redacted_metric(metric: Metric, redactor: Redactor) -> Metric:
    data: Any = metric.data
    return replace(
        metric, data=replace(data, data_points=[_redacted_point(point, redactor) for point in data.data_points])
    )


def _redacted_point(point: Any, redactor: Redactor) -> Any:
    attributes = redactor.redact_attributes(point.attributes or {})
    exemplars = [
        replace(exemplar, filtered_attributes=redactor.redact_attributes(exemplar.filtered_attributes or {}))
        for exemplar in point.exemplars
    ]
    return replace(point, attributes=attributes, exemplars=exemplars)
