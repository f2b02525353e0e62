"""What was counted of calls, as OpenTelemetry's public metric data."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
)

from otel_ia import clock
from otel_ia.recording.measures import CALL_ACTIVE, Measure
from otel_ia.sdk.tallies import FIRST, SUM, Attributes, Seen, Tallies

_UNKNOWN: Final[Any] = None
"""In the place of the smallest and largest value, which are not kept: the encoder leaves them out."""


@dataclass(slots=True)
class Row:
    """One series, read: the sum, the count of each bucket, an exemplar of each, or None."""

    total: int
    counts: list[int]
    seen: list[Seen | None]
    bounds: tuple[float, ...]

    def less(self, before: "Row | None") -> "Row":
        """What has come since."""
        if before is None:
            return self
        counts = [now - then for now, then in zip(self.counts, before.counts, strict=True)]
        return Row(self.total - before.total, counts, self.seen, self.bounds)


@dataclass(slots=True)
class TallyReader:
    """Reads the tallies of a state for one exporter: all since the beginning, or what has come since the last time."""

    tallies: Tallies
    is_delta: bool = False
    has_exemplars: bool = True
    keeps_exemplars: bool = False
    """Whether an exemplar is shown until the next one comes, instead of once."""
    _began: int = 0
    _before: dict[tuple[str, Attributes], Row] = field(default_factory=dict)

    def read(self) -> list[Metric]:
        """The metrics at this moment; none of those that have no values."""
        now = clock.wall()
        rows = read_rows(self.tallies)
        start = max(self._began, self.tallies.began) if self.is_delta else self.tallies.began
        points: defaultdict[Measure, list[HistogramDataPoint]] = defaultdict(list)
        for (measure, attributes), row in rows.items():
            key = (measure.name, attributes)
            before = self._before.get(key)
            shown = row.less(before) if self.is_delta else row
            if sum(shown.counts):
                exemplars = self._exemplars(measure, row, before)
                points[measure].append(_point(measure, attributes, shown, exemplars, start, now))
            self._before[key] = row
        self._began = now
        temporality = AggregationTemporality.DELTA if self.is_delta else AggregationTemporality.CUMULATIVE
        metrics = [
            Metric(measure.name, measure.description, measure.unit, Histogram(found, temporality))
            for measure, found in points.items()
        ]
        active = self._active(now)
        return [*metrics, active] if active is not None else metrics

    def _active(self, now: int) -> Metric | None:
        points = [
            NumberDataPoint(dict(tally.attributes), self.tallies.began, now, tally.active)
            for tally in self.tallies.all_tallies()
        ]
        if not points:
            return None
        data = Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=False)
        return Metric(CALL_ACTIVE.name, CALL_ACTIVE.description, CALL_ACTIVE.unit, data)

    def _exemplars(self, measure: Measure, row: Row, before: Row | None) -> list[Exemplar]:
        known = before.seen if before is not None and not self.keeps_exemplars else [None] * len(row.seen)
        return [
            Exemplar({}, seen[2] / measure.parts, seen[3], seen[1], seen[0])
            for seen, old in zip(row.seen, known, strict=True)
            if self.has_exemplars and seen is not None and seen is not old
        ]


def read_rows(tallies: Tallies) -> dict[tuple[Measure, Attributes], Row]:
    """All series at this moment, those with the same attributes as one."""
    rows: dict[tuple[Measure, Attributes], Row] = {}
    for series in tallies.all_series():
        cells = list(series.cells)
        row = Row(cells[SUM], cells[FIRST:], series.look_at_exemplars()[FIRST:], series.explicit_bounds)
        key = (series.measure, series.attributes)
        other = rows.get(key)
        if other is not None:
            row.total += other.total
            row.counts = [mine + theirs for mine, theirs in zip(row.counts, other.counts, strict=True)]
            row.seen = [mine or theirs for mine, theirs in zip(row.seen, other.seen, strict=True)]
        rows[key] = row
    return rows


def _point(  # noqa: PLR0913 - what a point consists of
    measure: Measure, attributes: Attributes, row: Row, exemplars: list[Exemplar], start: int, now: int
) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes=dict(attributes),
        start_time_unix_nano=start,
        time_unix_nano=now,
        count=sum(row.counts),
        sum=row.total / measure.parts,
        bucket_counts=row.counts,
        explicit_bounds=row.bounds,
        min=_UNKNOWN,
        max=_UNKNOWN,
        exemplars=exemplars,
    )
