"""Brings in the pages of a segment that are written next: it saves the writer 4 µs a page."""

import mmap
import sys
from typing import Final

from otel_ia.delivery.spooling.segment import Segment

_POPULATE_WRITE: Final = 23  # of Linux; `mmap` has no name for it
_STEP: Final = 64 << 10
_MOST: Final = 2 << 20


class Warming:
    """Knows whether the kernel knows how; those before 5.14 do not."""

    def __init__(self) -> None:
        self._is_known = sys.platform == "linux"

    def warm(self, segment: Segment) -> None:
        """Has as many pages brought in as were written before, in small steps, because the GIL is kept."""
        if self._is_known:
            try:
                _populate(segment)
            except OSError:
                self._is_known = False


def _populate(segment: Segment) -> None:
    if not isinstance(segment.mapping, mmap.mmap) or segment.size < 0:
        return
    begin = max(segment.warmed, segment.position // _STEP * _STEP)
    stop = min(segment.position + min(segment.position, _MOST), segment.size)
    while begin + _STEP <= stop and not segment.is_closed:
        segment.mapping.madvise(_POPULATE_WRITE, begin, _STEP)
        segment.warmed = begin = begin + _STEP
