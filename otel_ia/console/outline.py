"""The tree of one trace at one moment, ready to draw: immutable, in the order of time, no longer than what is kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from otel_ia.console.reading import Facts, Failure, Line
from otel_ia.console.redacting import AnySpan
from otel_ia.console.tree import SIBLINGS, Fold, Node, self_time

_HOT_SHARE: Final = 0.5
_HOT_LEAST: Final = 0.15
_HOT_COUNT: Final = 3
_HOT_ALIKE: Final = 0.9
"""Rows of so nearly the same share are marked together or not at all."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is told of many spans of one name: durations in nanoseconds, the attributes that all of them share."""

    p50: int
    p95: int
    longest: int
    longest_attributes: tuple[tuple[str, object], ...]
    attributes: tuple[tuple[str, object], ...]
    errors: int
    first_failure: Failure | None
    outcomes: tuple[tuple[str, int], ...]
    slow: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """Spans in this place that an earlier print of the same trace has shown."""

    time: int
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One line of the tree with all below it.

    `busy` is the time its bar stands for. One of `facts` (a finished span), `summary` (several of them) and `span` (the
    first of those running) tells the rest.
    """

    name: str
    count: int
    started: int
    ended: int
    busy: int
    self_time: int
    facts: Facts | None
    summary: Summary | None
    span: AnySpan | None
    items: "tuple[Row | Line | Skipped, ...]"


@dataclass(frozen=True, slots=True)
class Page:
    """One tree to print.

    `alike` traces are folded in it; `left_out` spans are not; `more` open traces are not printed; `after` is the root
    that ended before this one and left it running.
    """

    row: Row
    trace_id: int
    span: AnySpan | None
    running: bool = False
    alike: int = 0
    after: str = ""
    left_out: int = 0
    more: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What of a trace was printed before: changes up to a number, log lines up to a time."""

    serial: int = 0
    time: int = 0


def outline(node: Node, *, now: int, seen: Seen) -> Row:
    """The node and all below it, without what was seen."""
    facts = node.facts
    ended = max(node.started, now if facts is None or facts.ended is None else facts.ended)
    return Row(
        name=facts.name if facts is not None else node.span.name if node.span is not None else "",
        count=1,
        started=node.started,
        ended=ended,
        busy=ended - node.started,
        self_time=self_time(node, now=now),
        facts=facts,
        summary=None,
        span=node.span if facts is None else None,
        items=_in_time([*_running(node, now, seen), *_finished(node, now, seen), *_lines(node, seen)]),
    )


def outline_fold(fold: Fold, *, seen: Seen) -> Row:
    """The fold and all below it, without what was seen."""
    durations = fold.durations
    busy = min(durations.total, fold.last_ended - fold.first_started)
    return Row(
        name=fold.name,
        count=durations.count,
        started=fold.first_started,
        ended=fold.last_ended,
        busy=busy,
        self_time=min(fold.self_time, busy),  # what ran side by side took the time only once
        facts=None,
        summary=Summary(
            p50=durations.percentile(0.5),
            p95=durations.percentile(0.95),
            longest=max(durations.longest, 0),
            longest_attributes=fold.longest_attributes,
            attributes=fold.attributes or (),
            errors=fold.errors,
            first_failure=fold.first_failure,
            outcomes=tuple(sorted(fold.outcomes.items())),
            slow=fold.slow,
        ),
        span=None,
        items=_in_time([*(outline_fold(below, seen=seen) for below in fold.folds.values()), *_lines(fold, seen)]),
    )


def hottest(root: Row) -> dict[Row, float]:
    """The one or few rows that hold most of the trace's self time, with their shares.

    None in a trace of one span, and none where the time is spread evenly over many.
    """
    rows = sorted(_all_rows(root), key=lambda row: row.self_time, reverse=True)
    total = sum(row.self_time for row in rows)
    found: dict[Row, float] = {}
    if len(rows) == 1 or total == 0:
        return found
    least = 0.0
    for row in rows:
        share = row.self_time / total
        if share < _HOT_LEAST or (sum(found.values()) >= _HOT_SHARE and share < _HOT_ALIKE * least):
            break
        found[row] = least = share
    return found if len(found) <= _HOT_COUNT else {}


def _all_rows(row: Row) -> Iterator[Row]:
    yield row
    for item in row.items:
        if isinstance(item, Row):
            yield from _all_rows(item)


def _running(node: Node, now: int, seen: Seen) -> list[Row]:
    by_name: dict[str, list[Node]] = {}
    for child in node.running.values():
        by_name.setdefault(child.span.name if child.span is not None else "", []).append(child)
    rows: list[Row] = []
    for children in by_name.values():
        if len(children) <= SIBLINGS:
            rows += [outline(child, now=now, seen=seen) for child in children]
        else:
            first = min(child.started for child in children)
            rows.append(
                Row(
                    children[0].span.name if children[0].span is not None else "",
                    len(children),
                    first,
                    max(first, now),
                    max(0, now - first),
                    0,
                    None,
                    None,
                    children[0].span,
                    (),
                )
            )
    return rows


def _finished(node: Node, now: int, seen: Seen) -> list[Row | Skipped]:
    rows: list[Row | Skipped] = []
    skipped: list[tuple[int, int]] = []
    for child in (one for siblings in node.finished.values() for one in siblings):
        if child.serial > seen.serial or child.running:
            rows.append(outline(child, now=now, seen=seen))
        else:
            skipped.append((child.started, 1))
    for fold in node.folds.values():
        if fold.serial > seen.serial:
            rows.append(outline_fold(fold, seen=seen))
        else:
            skipped.append((fold.first_started, fold.durations.count))
    if skipped:
        rows.append(Skipped(min(skipped)[0], sum(count for _, count in skipped)))
    return rows


def _lines(holder: Node | Fold, seen: Seen) -> list[Line]:
    return [line for line in holder.lines or () if line.time > seen.time]


def _in_time(items: "list[Row | Line | Skipped]") -> "tuple[Row | Line | Skipped, ...]":
    return tuple(sorted(items, key=lambda item: item.started if isinstance(item, Row) else item.time))
