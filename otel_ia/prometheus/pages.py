"""What one process shows of its metrics, as Prometheus names it; and how the pages of many processes become one.

Sums are exact, whole numbers and fractions, whatever order they are added in: if a sum fell by its last digit only,
Prometheus would take it for a restart.
"""

import json
import math
from bisect import bisect_left
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from otel_ia.prometheus.naming import Kind

Labels = tuple[tuple[str, str], ...]
"""Name and value of each, sorted by name; none with an empty value, which to Prometheus is the same as no label."""
Amount = int | float | Fraction


class Exemplar(NamedTuple):
    """One measurement and the span in which it was made; `time` in seconds since the epoch."""

    value: float
    time: float
    trace_id: str
    span_id: str


@dataclass(slots=True)
class Number:
    """The value of a series that is no histogram."""

    value: Amount
    exemplar: Exemplar | None = None


@dataclass(slots=True)
class Buckets:
    """The value of a histogram: the count of each bucket, one more than there are inclusive upper bounds."""

    bounds: tuple[float, ...]
    counts: list[int]
    total: Amount
    exemplars: list[Exemplar | None]


@dataclass(slots=True)
class Family:
    """All series of one name and kind."""

    name: str
    kind: Kind
    help: str
    series: dict[Labels, Number | Buckets] = field(default_factory=dict)


@dataclass(slots=True)
class Page:
    """Families by name and kind, and what describes the process."""

    families: dict[tuple[str, Kind], Family] = field(default_factory=dict)
    target: dict[str, str] | None = None
    process: int = 0

    def family(self, name: str, kind: Kind, help_text: str) -> Family:
        """The family of this name and kind, made if there is none."""
        found = self.families.get((name, kind))
        if found is None:
            found = self.families[name, kind] = Family(name, kind, help_text)
        return found


def merge(pages: list[tuple[Page, bool]]) -> Page:
    """The pages as one: counters, up-down counters and histograms are added up, gauges stand side by side.

    Each page comes with whether its process lives: of one that does not, `lasting` is taken. Gauges that several
    processes have get the label `process_pid`.
    """
    merged = Page()
    for page, is_alive in pages:
        for family in (page if is_alive else lasting(page)).families.values():
            add_series(merged.family(family.name, family.kind, family.help), _told_apart(family, page, pages))
        if is_alive and page.target is not None:
            before = merged.target if merged.target is not None else page.target
            merged.target = {name: value for name, value in before.items() if page.target.get(name) == value}
    return merged


def _told_apart(family: Family, page: Page, pages: list[tuple[Page, bool]]) -> dict[Labels, Number | Buckets]:
    if family.kind != "gauge":
        return family.series
    others = [
        other.families[family.name, family.kind].series
        for other, is_alive in pages
        if is_alive and other is not page and (family.name, family.kind) in other.families
    ]
    own = ("process_pid", str(page.process))
    return {
        tuple(sorted((*labels, own))) if any(labels in other for other in others) else labels: value
        for labels, value in family.series.items()
    }


def add_series(family: Family, series: dict[Labels, Number | Buckets]) -> None:
    """Adds what other series say to those of the family, which they stay no part of."""
    for labels, value in series.items():
        known = family.series.get(labels)
        if isinstance(value, Buckets):
            family.series[labels] = _add_buckets(known, value) if isinstance(known, Buckets) else _copy(value)
        elif isinstance(known, Number):
            known.value = add(known.value, value.value) if family.kind != "gauge" else value.value
            known.exemplar = _newer(known.exemplar, value.exemplar)
        else:
            family.series[labels] = Number(value.value, value.exemplar)


def add(one: Amount, other: Amount) -> Amount:
    """Their exact sum."""
    if isinstance(one, int) and isinstance(other, int):
        return one + other
    if not (_is_finite(one) and _is_finite(other)):
        return as_float(one) + as_float(other)
    return Fraction(one) + Fraction(other)


def as_float(amount: Amount) -> float:
    """The nearest float."""
    try:
        return float(amount)
    except OverflowError:
        return math.inf if amount > 0 else -math.inf


def _is_finite(amount: Amount) -> bool:
    return not isinstance(amount, float) or math.isfinite(amount)


def _copy(value: Buckets) -> Buckets:
    return Buckets(value.bounds, list(value.counts), value.total, list(value.exemplars))


def _add_buckets(one: Buckets, other: Buckets) -> Buckets:
    """Both in the buckets that they have in common."""
    if one.bounds != other.bounds:
        common = tuple(sorted({*one.bounds} & {*other.bounds}))
        one, other = _in_buckets(one, common), _in_buckets(other, common)
    return Buckets(
        one.bounds,
        [mine + theirs for mine, theirs in zip(one.counts, other.counts, strict=True)],
        add(one.total, other.total),
        [_newer(mine, theirs) for mine, theirs in zip(one.exemplars, other.exemplars, strict=True)],
    )


def _in_buckets(given: Buckets, bounds: tuple[float, ...]) -> Buckets:
    made = Buckets(bounds, [0] * (len(bounds) + 1), given.total, [None] * (len(bounds) + 1))
    for bound, count, exemplar in zip((*given.bounds, math.inf), given.counts, given.exemplars, strict=True):
        at = bisect_left(bounds, bound)
        made.counts[at] += count
        made.exemplars[at] = _newer(made.exemplars[at], exemplar)
    return made


def _newer(one: Exemplar | None, other: Exemplar | None) -> Exemplar | None:
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda exemplar: exemplar.time)


def keep_exemplars(page: Page, before: Page) -> None:
    """Goes on with the exemplars of a page before, where there are no new ones: the SDK shows each only once."""
    for key, family in page.families.items():
        known = before.families.get(key)
        for labels, value in family.series.items() if known is not None else ():
            old = known.series.get(labels) if known is not None else None
            if isinstance(value, Number) and isinstance(old, Number):
                value.exemplar = value.exemplar or old.exemplar
            elif isinstance(value, Buckets) and isinstance(old, Buckets) and value.bounds == old.bounds:
                pairs = zip(value.exemplars, old.exemplars, strict=True)
                value.exemplars = [new or shown for new, shown in pairs]


def lasting(page: Page) -> Page:
    """What of a page outlives its process: what has happened. Of what was going on zero is left; gauges go."""
    kept = Page()
    for key, family in page.families.items():
        if family.kind == "up_down":
            zero: dict[Labels, Number | Buckets] = {labels: Number(0) for labels in family.series}
            kept.families[key] = Family(family.name, family.kind, family.help, zero)
        elif family.kind != "gauge":
            kept.families[key] = family
    return kept


def encode(page: Page) -> Any:
    """The page as what JSON can hold."""
    return {
        "process": page.process,
        "target": page.target,
        "families": [
            [
                family.name,
                family.kind,
                family.help,
                [[labels, _encode_value(value)] for labels, value in family.series.items()],
            ]
            for family in page.families.values()
        ],
    }


def decode(stored: Any) -> Page:
    """The page that was encoded. Raises ValueError, TypeError or KeyError for anything else."""
    page = Page(target=stored["target"], process=int(stored["process"]))
    for name, kind, help_text, series in stored["families"]:
        family = page.family(name, kind, help_text)
        for labels, value in series:
            family.series[tuple((key, said) for key, said in labels)] = _decode_value(value)
    return page


def to_bytes(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _encode_value(value: Number | Buckets) -> Any:
    if isinstance(value, Number):
        return [_encode_amount(value.value), value.exemplar]
    return [_encode_amount(value.total), value.bounds, value.counts, value.exemplars]


def _decode_value(stored: Any) -> Number | Buckets:
    amount = Fraction(stored[0]) if isinstance(stored[0], str) else stored[0]
    if len(stored) == 2:  # noqa: PLR2004 - a value and its exemplar
        return Number(amount, _exemplar(stored[1]))
    _, bounds, counts, exemplars = stored
    return Buckets(tuple(bounds), list(counts), amount, [_exemplar(found) for found in exemplars])


def _encode_amount(amount: Amount) -> Any:
    return str(amount) if isinstance(amount, Fraction) else amount


def _exemplar(stored: Any) -> Exemplar | None:
    return Exemplar(*stored) if stored is not None else None
