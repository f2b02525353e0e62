"""Traces that come again and again: the first few are printed each, the others folded into one tree."""

import math
import re
from dataclasses import dataclass, field
from typing import Final

from otel_ia.console.outline import Page, Seen, outline_fold
from otel_ia.console.reading import Facts
from otel_ia.console.redacting import AnySpan
from otel_ia.console.tree import Fold, Node, Room, descendants, fold_in

EACH: Final = 10
"""So many traces of one root name (numbers aside) are printed in an interval, and as many more that failed or were
slow. Ten trees fill a screen; a thousand requests a second would only scroll."""
LONGEST_INTERVAL: Final = 600.0
GROWTH: Final = 3
_DEFAULT_INTERVAL: Final = 3.0


@dataclass(slots=True, eq=False)
class _Name:
    until: float
    interval: float
    printed: int = 0
    notable: int = 0
    fold: Fold | None = None
    longest: int = -1
    trace_id: int = 0
    span: AnySpan | None = None
    room: Room = field(default_factory=Room)


class AlikeTraces:
    """Counts finished traces by root name, in intervals that grow while a name keeps coming. Times in seconds."""

    def __init__(self, *, interval: float) -> None:
        self._interval = interval if 0 < interval < math.inf else _DEFAULT_INTERVAL
        self._names: dict[str, _Name] = {}

    @property
    def due(self) -> float:
        """When the next interval is over; infinity when there is none."""
        return min((name.until for name in self._names.values()), default=math.inf)

    def has_room(self, facts: Facts, *, now: float) -> bool:
        """True if a trace with this root is to be printed itself."""
        pattern = _pattern(facts.name)
        name = self._names.get(pattern)
        if name is None:
            name = self._names[pattern] = _Name(now + self._interval, self._interval)
        if name.printed < EACH:
            name.printed += 1
            return True
        if (facts.failure is not None or facts.slow) and name.notable < EACH:
            name.notable += 1
            return True
        return False

    def fold(self, root: Node, facts: Facts, span: AnySpan | None) -> None:
        """Adds a finished trace to those that are not printed themselves."""
        name = self._names[_pattern(facts.name)]
        if name.fold is None:
            name.fold = Fold(facts.name)
        elif name.fold.name != facts.name:
            name.fold.name = _pattern(facts.name)
        name.room.nodes += root.room.nodes
        name.room.folds += root.room.folds
        name.room.left_out += root.room.left_out
        for node in (root, *descendants(root)):
            node.room = name.room
        fold_in(name.fold, root, facts, None)
        if name.fold.durations.longest > name.longest:
            name.longest, name.trace_id, name.span = name.fold.durations.longest, root.key[0], span

    def pages(self, *, now: float) -> list[Page]:
        """The folded trees of the intervals that are over at `now`."""
        pages: list[Page] = []
        for pattern, name in list(self._names.items()):
            if name.until > now:
                continue
            del self._names[pattern]
            if name.fold is not None:
                row = outline_fold(name.fold, seen=Seen())
                pages.append(Page(row, name.trace_id, name.span, alike=row.count, left_out=name.room.left_out))
                interval = min(name.interval * GROWTH, LONGEST_INTERVAL)
                self._names[pattern] = _Name(now + interval, interval)
        return pages


def _pattern(name: str) -> str:
    return re.sub(r"\d+", "#", name)
