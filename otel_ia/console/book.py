"""The book of open traces: takes what happens, one thing at a time, and hands out the pages to print."""

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from otel_ia import clock
from otel_ia.console.alike import GROWTH, LONGEST_INTERVAL, AlikeTraces
from otel_ia.console.lines import Lines
from otel_ia.console.outline import Page, Seen, outline
from otel_ia.console.reading import Facts, Finished, Key, Logged, Started
from otel_ia.console.redacting import AnySpan
from otel_ia.console.tree import Node, Room, descendants, file_away

DEPTH: Final = 24
"""Spans nested deeper hang below the last ancestor of this depth."""
OPEN_SPANS: Final = 50_000
"""So many spans are held at once, what starts beyond is not shown: the bound for a program that never ends them."""
RUNNING_PAGES: Final = 5
"""So many open traces are printed at one time; of the others the number is told."""


class Call(Enum):
    """What is asked of the book besides keeping it."""

    LOOK = "print what is due"
    FLUSH = "print the folded traces"
    CLOSE = "print all that is left"


Change = Started | Finished | Logged | Call


@dataclass(slots=True, eq=False)
class _Trace:
    root: Node
    due: float
    interval: float
    after: str = ""
    seen: Seen = field(default_factory=Seen)


class Book:
    """Holds the spans of the local roots that have not ended, and forgets them with their page.

    An open trace is printed after `delay` seconds if there is news of it, then after three times as long, and so on up
    to every ten minutes; in full when its root ends.

    Not safe for threads: who calls it holds a lock. It does no input or output and takes no lock of anyone else's.
    `due` is the next monotonic second at which a look is worth its while, `None` while nothing is open.
    """

    def __init__(self, *, delay: float) -> None:
        self.due: float | None = None
        self._delay = delay
        self._closed = False
        self._serial = 0
        self._nodes: dict[Key, Node] = {}
        self._traces: dict[Key, _Trace] = {}
        self._root_of: dict[int, Node] = {}
        self._alike = AlikeTraces(interval=delay)

    def take(self, change: Change) -> list[Page]:
        """Notes the change; the pages to print now. After a close, none."""
        if self._closed:
            return []
        self._serial += 1
        match change:
            case Started():
                self._start(change)
            case Finished():
                return self._finish(change)
            case Logged():
                self._log(change)
            case Call.LOOK:
                return self._look()
            case Call.FLUSH:
                return self._alike.pages(now=math.inf)
            case Call.CLOSE:
                self._closed = True
                return [*self._alike.pages(now=math.inf), *self._open_pages(list(self._traces.values()))]
        return []

    def _start(self, change: Started) -> None:
        key, span = change.key, change.span
        if len(self._nodes) >= OPEN_SPANS or key in self._nodes:
            return
        parent = self._parent(change)
        while parent is not None and parent.depth >= DEPTH and parent.parent is not None:
            parent = parent.parent
        room = Room() if parent is None else parent.room
        depth = 0 if parent is None else parent.depth + 1
        node = self._nodes[key] = Node(key, parent, room, span.start_time or 0, depth, self._serial, span)
        room.serial = self._serial
        if parent is None:
            self._open_trace(node)
        else:
            parent.running[key] = node

    def _parent(self, change: Started) -> Node | None:
        if change.parent is None:
            return None
        # A parent that ended and was folded is nowhere any more, but its trace is still being told.
        return self._nodes.get(change.parent) or self._root_of.get(change.parent[0])

    def _open_trace(self, root: Node, after: str = "") -> None:
        due = _now() + self._delay
        self._traces[root.key] = _Trace(root, due, self._delay, after)
        self._root_of.setdefault(root.key[0], root)
        if self.due is None and due < math.inf:
            self.due = due

    def _finish(self, change: Finished) -> list[Page]:
        node = self._nodes.get(change.key)
        if node is None or node.facts is not None:
            return []
        facts, parent = change.facts, node.parent
        span, node.span = node.span, None
        node.facts, node.serial, node.room.serial = facts, self._serial, self._serial
        if parent is None:
            return self._end_trace(node, facts, span)
        del parent.running[node.key]
        parent.cover.add(node.started, facts.ended or node.started, sibling_runs=bool(parent.running))
        for gone in file_away(node, facts):
            self._nodes.pop(gone.key, None)
        return []

    def _end_trace(self, root: Node, facts: Facts, span: AnySpan | None) -> list[Page]:
        trace = self._traces.pop(root.key)
        told = self._alike.has_room(facts, now=_now())
        if self.due is None:
            self.due = self._alike.due
        row = outline(root, now=facts.ended or root.started, seen=Seen()) if told else None
        self._forget(root, facts.name)
        if row is None:
            self._alike.fold(root, facts, span)
            return []
        return [Page(row, root.key[0], span, after=trace.after, left_out=root.room.left_out)]

    def _forget(self, root: Node, name: str) -> None:
        held = list(descendants(root))
        for node in (root, *held):
            self._nodes.pop(node.key, None)
        if self._root_of.get(root.key[0]) is root:
            del self._root_of[root.key[0]]
        for node in held:
            if node.facts is None and node.parent is not None and node.parent.facts is not None:
                self._promote(node, name)

    def _promote(self, node: Node, name: str) -> None:
        if node.parent is not None:
            del node.parent.running[node.key]
        node.parent, node.depth, node.room = None, 0, Room(serial=self._serial)
        self._nodes[node.key] = node
        for below in descendants(node):
            self._nodes[below.key] = below
            below.room, below.depth = node.room, (below.parent.depth if below.parent is not None else 0) + 1
        self._open_trace(node, after=name)

    def _log(self, change: Logged) -> None:
        node = self._nodes.get(change.key) or self._root_of.get(change.key[0])
        if node is not None:
            node.lines = node.lines or Lines()
            node.lines.add(change.line)
            node.room.serial = self._serial

    def _look(self) -> list[Page]:
        now = _now()
        pages = self._alike.pages(now=now)
        due = [trace for trace in self._traces.values() if trace.due <= now]
        pages += self._open_pages([trace for trace in due if trace.root.room.serial > trace.seen.serial])
        for trace in due:
            trace.interval = min(trace.interval * GROWTH, max(LONGEST_INTERVAL, self._delay))
            trace.due = now + trace.interval
        first = min((trace.due for trace in self._traces.values()), default=math.inf)
        first = min(first, self._alike.due)
        self.due = first if first < math.inf else None
        return pages

    def _open_pages(self, traces: list[_Trace]) -> list[Page]:
        pages: list[Page] = []
        shown = traces[:RUNNING_PAGES]
        for trace in shown:
            root, now = trace.root, clock.wall()
            row = outline(root, now=now, seen=trace.seen)
            more = len(traces) - len(shown) if trace is shown[-1] else 0
            pages.append(
                Page(row, root.key[0], root.span, True, after=trace.after, left_out=root.room.left_out, more=more)
            )
            trace.seen = Seen(self._serial, now)
        return pages


def _now() -> float:
    return clock.monotonic() / 1e9
