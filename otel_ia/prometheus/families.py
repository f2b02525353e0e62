"""A page as `prometheus_client` encodes it: nothing in it can make a scrape fail."""

import math
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import Metric
from prometheus_client.samples import Exemplar as ClientExemplar
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from otel_ia.prometheus.naming import Kind
from otel_ia.prometheus.pages import Buckets, Exemplar, Labels, Number, Page, as_float

_TYPES: Final = {"counter": "counter", "up_down": "gauge", "gauge": "gauge", "histogram": "histogram"}
_SUFFIXES: Final = {
    "counter": ("", "_total", "_created"),
    "gauge": ("",),
    "histogram": ("", "_bucket", "_count", "_sum", "_created"),
}
_TARGET: Final = ("target", "target_info")


class Families:
    """Which family has which name: the first one that was shown keeps it, and others of that name are left out."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._owners: dict[str, tuple[str, str]] = dict.fromkeys(_TARGET, ("target", "info"))
        self._told: set[tuple[str, str]] = set()

    def metrics(self, page: Page) -> Iterator[Metric]:
        """The families by name."""
        if page.target:
            target = Metric("target", "Target metadata", "info")
            target.samples.append(Sample("target_info", page.target, 1))
            yield target
        merged: dict[tuple[str, str], Metric] = {}
        for _, family in sorted(page.families.items()):
            base = family.name.removesuffix("_total") if family.kind == "counter" else family.name
            key = base, _TYPES[family.kind]
            if not family.series or not self._has_name(key):
                continue
            metric = merged.get(key)
            if metric is None:
                metric = merged[key] = Metric(*key[:1], family.help, key[1])
            known = {tuple(sample.labels.items()) for sample in metric.samples}
            for labels, value in sorted(family.series.items()):
                if tuple(labels) not in known:
                    metric.samples += _samples(base, family.kind, labels, value)
        yield from (metric for metric in merged.values() if metric.samples)

    def _has_name(self, key: tuple[str, str]) -> bool:
        names = [key[0] + suffix for suffix in _SUFFIXES[key[1]]]
        owners = {self._owners.get(name, key) for name in names}
        if owners != {key}:
            if key not in self._told:
                self._told.add(key)
                other = next(owner for owner in owners if owner != key)
                self._tell(f"{key[1]} {key[0]} is not shown to Prometheus: {other[1]} {other[0]} has that name")
            return False
        self._owners.update(dict.fromkeys(names, key))
        return True


def _samples(name: str, kind: Kind, labels: Labels, value: Number | Buckets) -> list[Sample]:
    said = dict(labels)
    if isinstance(value, Buckets):
        return list(_histogram(name, said, value))
    amount = as_float(value.value)
    if kind != "counter":
        return [Sample(name, said, amount)]
    if math.isnan(amount) or amount < 0:  # which no counter can be
        return []
    return [Sample(f"{name}_total", said, amount, None, _shown(value.exemplar))]


def _histogram(name: str, labels: dict[str, str], value: Buckets) -> Iterator[Sample]:
    bounds = [*(_bound_text(bound) for bound in value.bounds), "+Inf"]
    for bound, count, exemplar in zip(bounds, accumulate(value.counts), value.exemplars, strict=True):
        yield Sample(f"{name}_bucket", {**labels, "le": bound}, count, None, _shown(exemplar))
    total = as_float(value.total)
    has_sum = total >= 0 and not (value.bounds and value.bounds[0] < 0)
    if has_sum:  # in OpenMetrics the two come together, and with values below zero not at all
        yield Sample(f"{name}_count", labels, sum(value.counts))
        yield Sample(f"{name}_sum", labels, total)


def _bound_text(bound: float) -> str:
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]


def _shown(exemplar: Exemplar | None) -> ClientExemplar | None:
    if exemplar is None:
        return None
    labels = {"trace_id": exemplar.trace_id, "span_id": exemplar.span_id}
    said = {name: value for name, value in labels.items() if value}
    return ClientExemplar(said, exemplar.value, exemplar.time)
