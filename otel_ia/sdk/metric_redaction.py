"""Takes secrets out of metric data."""

from dataclasses import replace
from typing import Any

from opentelemetry.sdk.metrics.export import Metric, MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_ia.redaction import Redactor
from otel_ia.sdk.redacted import redact_resource


def redact_metrics(data: MetricsData, redactor: Redactor) -> MetricsData:
    """The same data without secrets in the attributes of resources, scopes, points and exemplars."""
    return MetricsData(
        [
            ResourceMetrics(
                redact_resource(resource.resource, redactor),
                [
                    ScopeMetrics(
                        _redacted_scope(scope.scope, redactor),
                        [_redacted_metric(metric, redactor) for metric in scope.metrics],
                        scope.schema_url,
                    )
                    for scope in resource.scope_metrics
                ],
                resource.schema_url,
            )
            for resource in data.resource_metrics
        ]
    )


def _redacted_scope(scope: InstrumentationScope, redactor: Redactor) -> InstrumentationScope:
    attributes: Any = redactor.redact_attributes(scope.attributes) if scope.attributes else scope.attributes
    version = redactor.redact_text(scope.version) if scope.version else scope.version
    return InstrumentationScope(redactor.redact_text(scope.name), version, scope.schema_url, attributes)


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
