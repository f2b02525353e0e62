"""OpenTelemetry's metric data as a page.

The mapping is that of https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/, with the
names that the Collector's `prometheus` exporter gives.
"""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from opentelemetry.sdk.metrics.export import (
    ExponentialHistogram,
    Gauge,
    Histogram,
    Metric,
    MetricsData,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_ia.prometheus.naming import Kind, label_name, label_value, metric_name, text
from otel_ia.prometheus.pages import Buckets, Exemplar, Labels, Number, Page, add_series, as_float

_NANOSECONDS: Final = 1e9
_MOST_BITS: Final = 1023
_RESERVED: Final = ("name", "version", "schema_url")


def page_of(data: MetricsData, process: int) -> Page:
    """The page of what one process has measured."""
    page = Page(process=process)
    for resource in data.resource_metrics:
        page.target = dict(labels_of(resource.resource.attributes))
        for scope in resource.scope_metrics:
            said = scope_labels(scope.scope, scope.schema_url)
            for metric in scope.metrics:
                _add_metric(page, metric, said)
    return page


def scope_labels(scope: InstrumentationScope, schema_url: str | None) -> list[tuple[str, str, str]]:
    """What tells the instruments of one library from those of another: label, key and value."""
    said = [
        ("otel_scope_name", "", text(scope.name)),
        ("otel_scope_version", "", text(scope.version or "")),
        ("otel_scope_schema_url", "", text(schema_url or "")),
    ]
    for key, value in (scope.attributes or {}).items():
        if key not in _RESERVED:
            said.append((label_name(f"otel_scope_{key}"), key, label_value(value)))
    return said


def labels_of(
    attributes: Mapping[str, Any],
    more: Iterable[tuple[str, str, str]] = (),
    *,
    taken: Sequence[str] = (),
) -> Labels:
    """The labels of attributes: the values of those that become the same label are joined, in the order of the keys.

    `taken` are labels that mean something else here; an attribute of that name gets `exported_` before it.
    """
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, key, value in more:
        found[name].append((key, value))
    for key, value in attributes.items():
        name = label_name(str(key))
        found[f"exported_{name}" if name in taken else name].append((str(key), label_value(value)))
    joined = ((name, ";".join(value for _, value in sorted(said))) for name, said in found.items())
    return tuple(sorted((name, value) for name, value in joined if value))


def _add_metric(page: Page, metric: Metric, scope: list[tuple[str, str, str]]) -> None:
    data: Any = metric.data
    kind = _kind_of(data)
    name = metric_name(metric.name, metric.unit or "", kind) if kind is not None else ""
    if kind is None or not name:
        return
    family = page.family(name, kind, text(metric.description or ""))
    for point in data.data_points:
        labels = labels_of(point.attributes or {}, scope, taken=("le",) if kind == "histogram" else ())
        value = _buckets_of(point) if kind == "histogram" else _number_of(point)
        add_series(family, {labels: value})


def _kind_of(data: object) -> Kind | None:
    if isinstance(data, Sum):
        return "counter" if data.is_monotonic else "up_down"
    if isinstance(data, Gauge):
        return "gauge"
    return "histogram" if isinstance(data, Histogram | ExponentialHistogram) else None


def _number_of(point: Any) -> Number:
    exemplars = [_exemplar_of(exemplar) for exemplar in point.exemplars]
    value = point.value
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        value = as_float(value)
    return Number(value, max(exemplars, key=lambda exemplar: exemplar.time, default=None))


def _buckets_of(point: Any) -> Buckets:
    """Of an exponential histogram, whose buckets the text formats cannot show, one bucket for all."""
    given: Sequence[float] = getattr(point, "explicit_bounds", ())
    counts: Sequence[int] = getattr(point, "bucket_counts", ())
    if not counts:  # a view may want none
        given, counts = (), (point.count,)
    bounds, own = _in_order(given, counts)
    exemplars: list[Exemplar | None] = [None] * len(own)
    for exemplar in sorted((_exemplar_of(found) for found in point.exemplars), key=lambda found: found.time):
        exemplars[bisect_left(bounds, exemplar.value)] = exemplar
    return Buckets(bounds, own, point.sum, exemplars)


def _in_order(bounds: Sequence[float], counts: Sequence[int]) -> tuple[tuple[float, ...], list[int]]:
    """The buckets without bounds that are none: a view takes any."""
    kept: list[float] = []
    ends: list[int] = []
    for bound, count in zip(bounds, accumulate(counts), strict=False):
        if math.isfinite(bound) and (not kept or bound > kept[-1]):
            kept.append(float(bound))
            ends.append(count)
        elif kept and bound == kept[-1]:
            ends[-1] = count
    ends.append(sum(counts))
    return tuple(kept), [end - before for before, end in zip([0, *ends], ends, strict=False)]


def _exemplar_of(exemplar: Any) -> Exemplar:
    """Trace and span alone, as the Collector has it: further labels could be more than OpenMetrics' 128 characters."""
    trace_id = f"{exemplar.trace_id:032x}" if exemplar.trace_id else ""
    span_id = f"{exemplar.span_id:016x}" if exemplar.span_id else ""
    return Exemplar(float(exemplar.value), exemplar.time_unix_nano / _NANOSECONDS, trace_id, span_id)
