"""A page as lines of styled text, as wide as the terminal and no wider."""

import time
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from otel_ia.console import words
from otel_ia.console.marks import Piece, failure_of, facts_of, pieces_of
from otel_ia.console.outline import Page, Row, Skipped, hottest
from otel_ia.console.reading import WARNING, Line, read_service

_DURATION_CELLS: Final = 7
_LEAST_BAR_WIDTH: Final = 60
_WRAPPED_LINES: Final = 4
_DEEP: Final = 8
_VERY_DEEP: Final = 14


def draw(page: Page, *, width: int) -> list[Text]:
    """The page: a header line, then the tree."""
    sheet = _Sheet(page, width=width)
    lines = [_header(page, width), *sheet.rows(page.row, "", "", is_root=True)]
    notes = []
    if page.left_out:
        notes.append(f"… {page.left_out:,} spans beyond what is held of one trace")
    if page.more:
        notes.append(f"… {page.more:,} more traces are open")
    return lines + [Text(words.clip(note, width), style="dim") for note in notes]
