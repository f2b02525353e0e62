"""A page as lines of styled text, no wider than the terminal."""

import io
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from otel_ia.console import words
from otel_ia.console.bars import bar
from otel_ia.console.marks import BAD, GOOD, HOT, LOUD, QUIET, Marks, marks_of
from otel_ia.console.outline import Page, Row, Skipped, hottest
from otel_ia.console.reading import WARNING, Line, read_service

LEAST_WIDTH: Final = 44
_DURATION_CELLS: Final = 7
_BAR_LEAST, _BAR_MOST, _BAR_FROM = 12, 40, 60
_WRAPPED_LINES: Final = 4
_INDENTS: Final = ((6, 3), (12, 2))
"""Levels up to which a guide takes so many cells; deeper trees take one."""
_ERROR: Final = 17
_measure = Console(file=io.StringIO(), force_jupyter=False)


@dataclass(frozen=True, slots=True)
class _Sheet:
    whole: tuple[int, int]
    width: int
    left: int
    bar: int
    indent: int
    hot: dict[Row, float]


def draw(page: Page, *, width: int) -> list[Text]:
    """The page: a header line, then the tree. Durations stand in one column, bars in another."""
    root, width = page.row, max(width, LEAST_WIDTH)
    bar_cells = min(_BAR_MOST, max(_BAR_LEAST, width // 5)) if width >= _BAR_FROM else 0
    depth = _depth(root)
    sheet = _Sheet(
        whole=(root.started, max(root.ended, root.started + 1)),
        width=width,
        left=width - _DURATION_CELLS - 1 - (bar_cells + 1 if bar_cells else 0),
        bar=bar_cells,
        indent=next((cells for levels, cells in _INDENTS if depth <= levels), 1),
        hot=hottest(root),
    )
    notes = []
    if page.left_out:
        notes.append(f"… {page.left_out:,} spans beyond what is held of one trace")
    if page.more:
        notes.append(f"… {page.more:,} more traces are open")
    lines = [_header(page, width), *_row(sheet, root, connector="", inner="")]
    return lines + [Text(words.clip(note, width), QUIET) for note in notes]


def _depth(row: Row) -> int:
    return max((1 + _depth(item) for item in row.items if isinstance(item, Row)), default=0)


def _header(page: Page, width: int) -> Text:
    service = "" if page.span is None else read_service(page.span)
    moment = ""
    with suppress(OverflowError, OSError, ValueError):
        moment = time.strftime("%H:%M:%S", time.localtime(page.row.started // 1_000_000_000))
    state = "still running" if page.running else f"{page.alike:,} more" if page.alike else ""
    after = f"left running by {page.after}" if page.after else ""
    trace = f"{'slowest ' if page.alike else ''}trace {page.trace_id:032x}"
    before = "─"
    for part in (service, state, after, moment):
        if part and cell_len(before) + cell_len(part) + cell_len(trace) + 7 <= width:
            before += f" {part} ─"
    rule = "─" * (width - cell_len(before) - cell_len(trace) - 4)
    header = Text.assemble((f"{before}{rule}─ ", QUIET), (trace, "cyan"), (" ─", QUIET))
    if service and before.startswith(f"─ {service} "):
        header.stylize("not dim bold", 2, 2 + len(service))
    return header


def _row(sheet: _Sheet, row: Row, *, connector: str, inner: str) -> Iterator[Text]:
    """Lines of the row and of all below it. `connector` stands before its name, `inner` before all that follows."""
    marks = marks_of(row, sheet.hot.get(row))
    yield from _own_lines(sheet, row, marks, connector, inner)
    spans = [place for place, item in enumerate(row.items) if not isinstance(item, Line)]
    last_span = spans[-1] if spans else -1
    if marks.failure and not _told_below(row, marks.failure):
        text = Text.assemble(("✗ ", BAD), (marks.failure, "red"), (f"  {marks.place}" if marks.place else "", QUIET))
        yield from _wrapped(sheet, text, inner, follows=last_span >= 0)
    for place, item in enumerate(row.items):
        below = _guide(sheet, "│" if place < last_span else "")
        match item:
            case Row():
                fork = _guide(sheet, "├" if place < last_span else "└", "─")
                yield from _row(sheet, item, connector=inner + fork, inner=inner + below)
            case Line():
                yield from _wrapped(sheet, _log_line(item), inner, follows=place < last_span)
            case Skipped():
                fork = _guide(sheet, "├" if place < last_span else "└", "─")
                noun = "span" if item.count == 1 else "spans"
                note = Text.assemble((inner + fork, QUIET), (f"… {item.count:,} {noun} shown before", QUIET))
                yield _cut(note, sheet.width)


def _guide(sheet: _Sheet, corner: str, arm: str = " ") -> str:
    """One level's cells of the lines that join parents and children."""
    corner = corner or " "
    return corner if sheet.indent == 1 else f"{corner}{arm * (sheet.indent - 2)} "


def _own_lines(sheet: _Sheet, row: Row, marks: Marks, connector: str, inner: str) -> Iterator[Text]:
    hot = row in sheet.hot
    color = HOT if hot else BAD if marks.failed else GOOD if row.facts is None and row.summary is None else "blue"
    count = f" {words.TIMES}{row.count:,}" if row.count > 1 else ""
    lead = Text.assemble((connector, QUIET), ("✗ " if marks.failed else "", BAD))
    name = words.clip(words.one_line(row.name), max(4, sheet.left - cell_len(lead.plain) - cell_len(count)))
    line = Text.assemble(lead, (name, BAD if marks.failed else HOT if hot else "bold"), (count, "bold"))
    waiting = deque(marks.pieces)
    line = _fill(
        Text.assemble(lead, (name, BAD if marks.failed else HOT if hot else "bold"), (count, "bold")),
        waiting,
        sheet.left,
    )
    line.append(" " * (sheet.left - cell_len(line.plain)))
    line.append(f" {words.duration(row.busy):>{_DURATION_CELLS}}", HOT if hot else "")
    if sheet.bar:
        drawn = bar(row.started, row.ended, whole=sheet.whole, cells=sheet.bar, solid=row.count == 1)
        line.append(f" {drawn}", color)
    line.rstrip()
    yield line
    follows = any(not isinstance(item, Line) for item in row.items)
    for _ in range(_WRAPPED_LINES):
        if waiting:
            first = Text.assemble((inner + ("│ " if follows else "  "), QUIET), waiting.popleft())
            yield _fill(first, waiting, sheet.left)


def _fill(line: Text, waiting: deque[Text], cells: int) -> Text:
    """The line with as many of the waiting pieces behind it as fit."""
    while waiting and cell_len(line.plain) + 2 + cell_len(waiting[0].plain) <= cells:
        line.append("  ").append_text(waiting.popleft())
    return _cut(line, cells)


def _told_below(row: Row, failure: str) -> bool:
    """True if a child shows the same error, as it does on its way up."""
    for item in row.items:
        if isinstance(item, Row):
            below = marks_of(item, None).failure
            if below and (below in failure or failure in below):
                return True
    return False


def _log_line(line: Line) -> Text:
    if not line.level:
        return Text(line.message, QUIET)
    if line.severity < WARNING:
        return Text.assemble((line.level, QUIET), "  ", line.message)
    style = BAD if line.severity >= _ERROR else LOUD
    return Text.assemble((f"▲ {line.level}", style), "  ", (line.message, style))


def _wrapped(sheet: _Sheet, text: Text, inner: str, *, follows: bool) -> Iterator[Text]:
    lead = inner + ("│ " if follows else "  ")
    cells = max(8, sheet.width - cell_len(lead) - 2)
    lines = list(text.wrap(_measure, cells))
    for number, line in enumerate(lines[:_WRAPPED_LINES]):
        line.rstrip()
        if number == _WRAPPED_LINES - 1 and len(lines) > _WRAPPED_LINES:
            _cut(line, cells - 1).append("…")
        yield Text.assemble((lead, QUIET), "  " if number else "", line)


def _cut(text: Text, cells: int) -> Text:
    if cell_len(text.plain) > cells:
        text.truncate(cells, overflow="ellipsis")
    return text
