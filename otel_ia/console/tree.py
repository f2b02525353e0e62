"""The spans of an open trace, folded as they end, so that a million steps take the memory of a few."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from otel_ia.console.durations import Cover, Durations
from otel_ia.console.lines import Lines
from otel_ia.console.reading import Facts, Failure, Key
from otel_ia.console.redacting import AnySpan

SIBLINGS: Final = 5
"""So many finished siblings of one name stand each on its own line; with one more, all of them fold into one line.

Five is what one still compares by eye (folds of a cross-validation, a handful of epochs); from six on, median and
maximum say more than the lines would.
"""
NAMES: Final = 40
"""So many different names below one span are told apart; names beyond that are grouped with their digits as `#`."""
NODES: Final = 500
"""So many finished spans of a trace are held one by one; beyond that, spans fold as soon as they end."""
FOLDS: Final = 500
"""So many folds a trace may have; what would need more is only counted, in the trace's `left_out`."""


@dataclass(slots=True, eq=False)
class Room:
    """What a trace has used of its bounds, and the number of the last change in it."""

    serial: int = 0
    nodes: int = 0
    folds: int = 0
    left_out: int = 0


@dataclass(slots=True, eq=False)
class Fold:
    """Many finished spans of one name under one parent, and below it the same of their children."""

    name: str
    serial: int = 0
    first_started: int = 0
    last_ended: int = 0
    self_time: int = 0
    durations: Durations = field(default_factory=Durations)
    attributes: tuple[tuple[str, object], ...] | None = None
    longest_attributes: tuple[tuple[str, object], ...] = ()
    errors: int = 0
    first_failure: Failure | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    slow: int = 0
    lines: Lines | None = None
    folds: "dict[str, Fold]" = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Node:
    """One span: running, or finished and still held on its own.

    `serial` numbers the last change to it; `span` is there while it runs.
    """

    key: Key
    parent: "Node | None"
    room: Room
    started: int
    depth: int
    serial: int
    span: AnySpan | None
    facts: Facts | None = None
    running: "dict[Key, Node]" = field(default_factory=dict)
    finished: "dict[str, list[Node]]" = field(default_factory=dict)
    folds: dict[str, Fold] = field(default_factory=dict)
    lines: Lines | None = None
    cover: Cover = field(default_factory=Cover)


def self_time(node: Node, *, now: int) -> int:
    """Nanoseconds in which the span ran and none of its children did."""
    ended = node.facts.ended if node.facts is not None else None
    moment = now if ended is None else ended
    oldest = next(iter(node.running.values()), None)
    covered = node.cover.until(moment, running_since=None if oldest is None else oldest.started)
    return max(0, moment - node.started - covered)


def descendants(node: Node) -> Iterator[Node]:
    """The spans held below this one, running and finished."""
    for child in (*node.running.values(), *(one for siblings in node.finished.values() for one in siblings)):
        yield child
        yield from descendants(child)


def file_away(node: Node, facts: Facts) -> list[Node]:
    """Puts a finished child among its siblings, folded where they are many; the nodes that are no longer held."""
    parent, room = node.parent, node.room
    if parent is None:
        return []
    name = _name_below(parent, facts.name)
    fold = parent.folds.get(name)
    if fold is not None:
        return fold_in(fold, node, facts, parent)
    siblings = parent.finished.setdefault(name, [])
    siblings.append(node)
    room.nodes += 1
    if len(siblings) <= SIBLINGS and room.nodes <= NODES:
        return []
    del parent.finished[name]
    room.nodes -= len(siblings)
    fold = _fold_below(parent, name, room)
    return [gone for one in siblings if one.facts for gone in fold_in(fold, one, one.facts, parent)]


def _name_below(parent: Node | Fold, name: str) -> str:
    distinct = len(parent.folds) + (len(parent.finished) if isinstance(parent, Node) else 0)
    if distinct < NAMES or name in parent.folds or (isinstance(parent, Node) and name in parent.finished):
        return name
    pattern = re.sub(r"\d+", "#", name)
    return pattern if distinct < 2 * NAMES or pattern in parent.folds else "other names"


def fold_in(fold: Fold | None, node: Node, facts: Facts, parent: Node | None) -> list[Node]:
    """Counts a finished span with all below it into the fold, and hands its running children to the parent.

    Without a fold it is left out. Returns the nodes that are no longer held.
    """
    gone = [node]
    if fold is None:
        node.room.left_out += 1
    else:
        _count(fold, node, facts)
    if parent is not None:
        for key, running in node.running.items():
            running.parent = parent
            parent.running[key] = running
    finished, node.finished, node.running, node.parent = node.finished, {}, {}, None  # leaves no cycle behind
    for siblings in finished.values():
        node.room.nodes -= len(siblings)
        for child in siblings:
            if child.facts is not None:
                below = _fold_below(fold, child.facts.name, node.room)
                gone += fold_in(below, child, child.facts, parent)
    for child_fold in node.folds.values():
        node.room.folds -= 1
        _absorb(_fold_below(fold, child_fold.name, node.room), child_fold, node.room)
    return gone


def _fold_below(parent: Node | Fold | None, child_name: str, room: Room) -> Fold | None:
    if parent is None:
        return None
    name = _name_below(parent, child_name)
    below = parent.folds.get(name)
    if below is None and room.folds < FOLDS:
        room.folds += 1
        below = parent.folds[name] = Fold(name)
    return below


def _count(fold: Fold, node: Node, facts: Facts) -> None:
    ended = facts.started if facts.ended is None else facts.ended
    fold.serial = node.serial
    fold.first_started = min(fold.first_started or node.started, node.started)
    fold.last_ended = max(fold.last_ended, ended)
    fold.self_time += self_time(node, now=ended)
    if fold.durations.add(ended - node.started):
        fold.longest_attributes = facts.attributes
    _share(fold, facts.attributes)
    if facts.failure is not None:
        fold.errors += 1
        fold.first_failure = fold.first_failure or facts.failure
    elif facts.outcome:
        fold.outcomes[facts.outcome] += 1
    fold.slow += facts.slow
    _share_lines(fold, node.lines)


def _absorb(fold: Fold | None, other: Fold, room: Room) -> None:
    if fold is None:
        room.left_out += other.durations.count
    else:
        _add(fold, other)
    for child_fold in other.folds.values():
        room.folds -= 1
        _absorb(_fold_below(fold, child_fold.name, room), child_fold, room)


def _add(fold: Fold, other: Fold) -> None:
    fold.serial = max(fold.serial, other.serial)
    fold.first_started = min(fold.first_started or other.first_started, other.first_started)
    fold.last_ended = max(fold.last_ended, other.last_ended)
    fold.self_time += other.self_time
    if fold.durations.absorb(other.durations):
        fold.longest_attributes = other.longest_attributes
    _share(fold, other.attributes or ())
    fold.errors += other.errors
    fold.first_failure = fold.first_failure or other.first_failure
    fold.outcomes.update(other.outcomes)
    fold.slow += other.slow
    _share_lines(fold, other.lines)


def _share_lines(fold: Fold, lines: Lines | None) -> None:
    if lines is not None:
        fold.lines = fold.lines or Lines()
        fold.lines.absorb(lines)


def _share(fold: Fold, attributes: tuple[tuple[str, object], ...]) -> None:
    if fold.attributes is None:
        fold.attributes = attributes
    elif fold.attributes:
        fold.attributes = tuple(shared for shared in fold.attributes if shared in attributes)
