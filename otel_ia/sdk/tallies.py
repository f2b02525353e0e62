"""Counts calls in plain cells: what `ia.call.duration` and `ia.call.active` are made of.

A series is a row of whole numbers: how many calls have begun, the sum of their nanoseconds, how many have ended in
another series, then a count for each bucket. Counting is `cells[index] += 1`, which CPython with its global lock does
not interrupt: in Python 3.11 to 3.13 it compiles to COPY, COPY, BINARY_SUBSCR, LOAD_CONST, BINARY_OP, SWAP, SWAP,
STORE_SUBSCR (a test looks), none of which lets another thread, a signal handler or a finalizer in when the row is a
list or a memoryview and the index an int. So there is no lock to wait for. Without that lock (free-threaded builds)
counts of calls that end at the same moment may be lost.
"""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, MutableSequence
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import Span as ApiSpan

from otel_ia import clock, semconv
from otel_ia.recording.api_tally import allowed_attributes, fixed_attributes
from otel_ia.recording.measures import (
    BATCH_SIZE,
    CALL_DURATION,
    FIRST_ITEM,
    NANOSECONDS,
    STREAM_ITEMS,
    STREAM_RATE,
    Counting,
    Measure,
)
from otel_ia.sdk.span import Span
from otel_ia.sdk.unrecorded import Unrecorded

if TYPE_CHECKING:
    from otel_ia.recording.description import Description

BEGUN: Final = 0
SUM: Final = 1
ELSEWHERE: Final = 2
FIRST: Final = 3
"""Where the buckets begin in the cells of a series; the bounds have three more in front, so that no sum is needed."""
_OK: Final = "ok"
_SAMPLED: Final = 1
_LARGEST: Final = (1 << 63) - 1

Cells = MutableSequence[int]
Attributes = tuple[tuple[str, Any], ...]
Allot = Callable[[Measure, Attributes, tuple[float, ...]], Cells]
"""Gives a new series its cells, all zero, `cell_count` of them: of which measure, with which attributes and bounds."""
Seen = tuple[int, int, int, int]
"""An exemplar: trace id, span id, the value as it was counted, and when, in nanoseconds since the epoch."""


def cell_count(bounds: tuple[float, ...]) -> int:
    """How many cells a series with these bounds has."""
    return FIRST + len(bounds) + 1


def in_memory(_measure: Measure, _attributes: Attributes, bounds: tuple[float, ...]) -> Cells:
    """Cells that are gone with the process."""
    return [0] * cell_count(bounds)


def hashable(attributes: Mapping[str, Any]) -> Attributes:
    """The attributes as part of a key."""
    return tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in attributes.items())


class Series:
    """The calls with one set of attributes."""

    __slots__ = ("attributes", "bounds", "cells", "exemplars", "explicit_bounds", "measure", "seen")

    def __init__(self, measure: Measure, attributes: Attributes, bounds: tuple[float, ...], cells: Cells) -> None:
        self.measure = measure
        self.attributes = attributes
        self.explicit_bounds = bounds
        self.bounds = [-1] * FIRST + [int(bound * measure.parts) for bound in bounds]
        self.cells = cells
        self.exemplars: list[Any] = [None] * len(cells)
        """By bucket, new ones: a `Seen`; a sampled span of ours, for how long it took; or one with another value."""
        self.seen: list[Seen | None] = [None] * len(cells)
        """By bucket, the last one that was looked at."""

    def add(self, value: int, span: ApiSpan | None) -> None:
        """Counts one value."""
        cells, at = self.cells, bisect_left(self.bounds, value)
        cells[at] += 1
        try:
            cells[SUM] += value
        except ValueError:  # mapped cells have 64 bits
            cells[SUM] = _LARGEST
        if isinstance(span, Span):  # whose ids can wait until someone looks
            if span.flags & _SAMPLED:
                self.exemplars[at] = span, value
        elif span is not None and not isinstance(span, Unrecorded):
            context = span.get_span_context()
            if context.trace_flags & _SAMPLED and context.is_valid:
                self.exemplars[at] = context.trace_id, context.span_id, value, clock.wall()

    @property
    def ended(self) -> int:
        """How many values were counted."""
        return sum(self.cells[FIRST:])

    def look_at_exemplars(self) -> list[Seen | None]:
        """The last exemplar of each bucket. The spans they are taken from are let go."""
        for at, found in enumerate(self.exemplars):
            if found is not None:
                self.exemplars[at] = None
                self.seen[at] = _seen(found) or self.seen[at]
        return list(self.seen)


def _seen(found: Seen | Span | tuple[Span, int]) -> Seen | None:
    if isinstance(found, tuple) and len(found) > 2:  # noqa: PLR2004
        return found
    span, value = found if isinstance(found, tuple) else (found, None)
    if span.held is not None and not span.held.is_kept:  # nobody would find it
        return None
    end = span.end_time or span.start_time
    return span.identity[0], span.identity[1], end - span.start_time if value is None else value, end


class Tally:
    """The calls of all call sites with one set of attributes, while one state is installed.

    What stands here are the calls that ended well. `cells`, `bounds` and `exemplars` are those of the series, so that
    the fast call site reaches them in one step.
    """

    __slots__ = ("_others", "_registry", "attributes", "bounds", "cells", "exemplars", "series")

    def __init__(self, registry: "Tallies", attributes: Attributes, series: Series) -> None:
        self._registry = registry
        self.attributes = attributes
        self.series = series
        self.bounds = series.bounds
        self.cells = series.cells
        self.exemplars = series.exemplars
        self._others: dict[tuple[Any, ...], Series] = {}

    def begin(self, own: Mapping[str, Any] | None = None, /) -> "Tally":
        if own and (allowed := allowed_attributes(own, self._registry.counting.attributes)):
            return self._registry.find({**dict(self.attributes), **allowed}).begin()
        self.cells[BEGUN] += 1
        return self

    def record(
        self,
        elapsed: int,
        outcome: str,
        error_type: str | None,
        span: ApiSpan | None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """See `otel_ia.recording.tallying.Tally`; with further attributes of this one call."""
        if outcome == _OK and not attributes:
            self.series.add(elapsed, span)
            return
        own = hashable(attributes) if attributes else ()
        key = (CALL_DURATION.name, outcome, error_type, *own)
        series = self._others.get(key)
        if series is None:
            said = [*self.attributes, *own, (semconv.OUTCOME, outcome)]
            if error_type is not None:
                said.append((semconv.ERROR_TYPE, error_type))
            series = self._others.setdefault(key, self._registry.series(CALL_DURATION, tuple(said)))
        self.cells[ELSEWHERE] += 1
        series.add(elapsed, span)

    def record_stream(self, items: int, first: int | None, elapsed: int, span: ApiSpan | None) -> None:
        self._further(STREAM_ITEMS).add(items, span)
        if first is not None:
            self._further(FIRST_ITEM).add(first, span)
        if items and elapsed > 0:
            self._further(STREAM_RATE).add(items * STREAM_RATE.parts * NANOSECONDS // elapsed, span)

    def record_batch(self, size: float, span: ApiSpan | None) -> None:
        self._further(BATCH_SIZE).add(round(size), span)

    def adding(self, measure: Measure) -> Callable[[int, ApiSpan | None], None]:
        return self._further(measure).add

    @property
    def active(self) -> int:
        """How many calls have begun and not ended."""
        ended = self.cells[ELSEWHERE] + self.series.ended  # before those that have begun: it is never below zero
        return self.cells[BEGUN] - ended

    def _further(self, measure: Measure) -> Series:
        series = self._others.get((measure.name,))
        if series is None:
            made = self._registry.series(measure, self.attributes)
            series = self._others.setdefault((measure.name,), made)
        return series


class Tallies:
    """All tallies of one state. Beyond the limit new ones share one series, which says that it stands for many."""

    def __init__(self, counting: Counting, *, allot: Allot = in_memory, tell: Callable[[str], None]) -> None:
        self.counting = counting
        self.began = clock.wall()
        self._allot = allot
        self._tell = tell
        self._bounds = {CALL_DURATION: counting.bounds, FIRST_ITEM: counting.bounds}
        self._series: dict[tuple[str, Attributes], Series] = {}
        self._tallies: dict[Attributes, Tally] = {}
        self._counts: Counter[str] = Counter()
        self._is_told = False
        self._making = threading.RLock()

    def tally(self, description: "Description") -> Tally:
        """The tally of a call site: the same for all that cannot be told apart."""
        return self.find(fixed_attributes(description, self.counting.attributes))

    def find(self, attributes: Mapping[str, Any]) -> Tally:
        """The tally of the calls with these attributes."""
        key = hashable(attributes)
        known = self._tallies.get(key)
        if known is not None:
            return known
        with self._making:
            found = self._tallies.get(key)
            if found is None:
                series = self.series(CALL_DURATION, (*key, (semconv.OUTCOME, _OK)))
                # a finalizer may have been here in the meantime, and count
                if series.attributes != OVERFLOW:
                    found = self._tallies.setdefault(key, Tally(self, key, series))
                else:  # a series of its own, or it could not be told what of it is active
                    found = self._tallies.get(OVERFLOW)
                    if found is None:
                        made = Tally(self, OVERFLOW, self._make(CALL_DURATION, OVERFLOW))
                        found = self._tallies.setdefault(OVERFLOW, made)
        return found

    def series(self, measure: Measure, attributes: Attributes) -> Series:
        """The series of a measure with these attributes, or the one that stands for all beyond the limit."""
        with self._making:
            found = self._series.get((measure.name, attributes))
            if found is not None:
                return found
            if attributes != OVERFLOW and self._counts[measure.name] >= self.counting.limit - 1:
                self._tell_once(measure)
                return self.series(measure, OVERFLOW)
            self._counts[measure.name] += 1
            made = self._make(measure, attributes)
            return self._series.setdefault((measure.name, attributes), made)

    def _make(self, measure: Measure, attributes: Attributes) -> Series:
        bounds = self._bounds.get(measure, measure.bounds)
        cells = self._allot(measure, attributes, bounds)
        return Series(measure, attributes, bounds, cells)

    def all_series(self) -> list[Series]:
        """Every series there is at the moment; of those beyond the limit two may have the same attributes."""
        known = dict.fromkeys([*self._series.values(), *(tally.series for tally in list(self._tallies.values()))])
        return list(known)

    def all_tallies(self) -> list[Tally]:
        """Every tally there is at the moment."""
        return list(self._tallies.values())

    def let_go(self, patience: float = 0.0) -> None:
        """From now on counts in memory what still comes: the cells are another process's, or nobody's any more.

        Waits so many seconds for what is being allotted.
        """
        is_through = self._making.acquire(timeout=patience)
        self._allot = in_memory
        for series in self.all_series():
            series.cells = [0] * len(series.cells)
        for tally in self.all_tallies():
            tally.cells = tally.series.cells
        if is_through:
            self._making.release()

    def _tell_once(self, measure: Measure) -> None:
        if not self._is_told:
            self._is_told = True
            self._tell(
                f"{measure.name} has reached its limit of {self.counting.limit} series; what is new is counted "
                "together, as otel.metric.overflow. Are there ids in names of spans? See metric_cardinality_limit"
            )


OVERFLOW: Final[Attributes] = ((semconv.METRIC_OVERFLOW, True),)
