"""What one exporter sees of a metering state: the users' instruments and the calls, in its own temporality."""

import threading
from collections.abc import Mapping
from typing import Final, Literal

from opentelemetry.sdk import metrics as sdk_metrics
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    InMemoryMetricReader,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_ia import semconv
from otel_ia.guard import guarded
from otel_ia.sdk.tallies import Tallies
from otel_ia.sdk.tally_points import TallyReader

Temporality = Literal["cumulative", "delta", "lowmemory"]
SCOPE: Final = InstrumentationScope("otel_ia", None, semconv.SCHEMA_URL)
_KINDS: Final[tuple[type, ...]] = (
    sdk_metrics.Counter,
    sdk_metrics.UpDownCounter,
    sdk_metrics.Histogram,
    sdk_metrics.ObservableCounter,
    sdk_metrics.ObservableUpDownCounter,
    sdk_metrics.ObservableGauge,
)
# https://opentelemetry.io/docs/specs/otel/metrics/sdk_exporters/otlp/#additional-environment-variable-configuration
_AS_DELTA: Final[Mapping[Temporality, tuple[type, ...]]] = {
    "cumulative": (),
    "delta": (sdk_metrics.Counter, sdk_metrics.Histogram, sdk_metrics.ObservableCounter),
    "lowmemory": (sdk_metrics.Counter, sdk_metrics.Histogram),
}


class Reading:
    """Reads a state again and again. From any thread; who comes while it is read by another gets nothing."""

    def __init__(
        self,
        temporality: Temporality = "cumulative",
        *,
        limit: int,
        has_exemplars: bool = True,
        keeps_exemplars: bool = False,
    ) -> None:
        self._keeps_exemplars = keeps_exemplars
        self._temporality: Final = temporality
        self._limit = limit
        self._has_exemplars = has_exemplars

    def begin(self, tallies: Tallies, resource: Resource) -> InMemoryMetricReader:
        """Reads these tallies from now on, and what comes to the returned reader of the SDK's."""
        delta = _AS_DELTA[self._temporality]
        chosen = {
            kind: AggregationTemporality.DELTA if kind in delta else AggregationTemporality.CUMULATIVE
            for kind in _KINDS
        }
        self._resource = resource
        self._reader = InMemoryMetricReader(
            preferred_temporality=chosen,
            cardinality_limits=dict.fromkeys(_KINDS, self._limit),
        )
        self._tallies = TallyReader(
            tallies,
            is_delta=bool(delta),
            has_exemplars=self._has_exemplars,
            keeps_exemplars=self._keeps_exemplars,
        )
        self._reading = threading.Lock()
        return self._reader

    def read(self, timeout: float = 10.0) -> MetricsData | None:
        """All metrics at this moment; None when there are none, or after waiting for another's reading (s)."""
        if not self._reading.acquire(timeout=timeout):
            return None
        try:
            return self._read()
        finally:
            self._reading.release()

    def _read(self) -> MetricsData | None:
        theirs = guarded(self._reader.get_metrics_data)()
        ours = guarded(self._tallies.read)()
        found = list(theirs.resource_metrics) if theirs is not None else []
        if ours:
            scope = ScopeMetrics(SCOPE, ours, semconv.SCHEMA_URL)
            scopes = [scope for metrics in found for scope in metrics.scope_metrics]
            found = [ResourceMetrics(self._resource, _joined([*scopes, scope]), self._resource.schema_url)]
        return MetricsData(found) if found else None


def _joined(scopes: list[ScopeMetrics]) -> list[ScopeMetrics]:
    """One entry for each scope: users may have a meter of our name, and so has the self-report."""
    by_scope: dict[InstrumentationScope, ScopeMetrics] = {}
    for found in scopes:
        known = by_scope.get(found.scope)
        metrics = [*known.metrics, *found.metrics] if known is not None else found.metrics
        by_scope[found.scope] = ScopeMetrics(found.scope, metrics, found.schema_url)
    return list(by_scope.values())
