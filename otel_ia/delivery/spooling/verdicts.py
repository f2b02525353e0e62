"""What is said of traces that several processes have a part in: one mapped file for all that share a directory.

A trace that is held is decided on where it began. Those in whom it goes on, forked children and services of the same
user, look here what became of it. The file is a table of fixed size: an entry is the id of a trace, the verdict, and
whether somebody wishes it to be kept. Entries are written without a lock, each at once: whoever is overwritten, by two
at the same moment or by later traces, is not found any more, and decides alone.
"""

import mmap
import os
from enum import IntEnum
from pathlib import Path
from typing import Final

from otel_ia.delivery.spooling import directory as folder
from otel_ia.delivery.spooling.ownership import lock
from otel_ia.guard import guarded

NAME: Final = f"traces{folder.VERDICTS}"
PLACES: Final = 4
"""Entries that a trace may stand in."""
ROWS: Final = 8_192
_ID: Final = 16
_VERDICT: Final = _ID
_WISH: Final = _ID + 1
_ENTRY: Final = 24
_ROW: Final = PLACES * _ENTRY
SIZE: Final = ROWS * _ROW


class Verdict(IntEnum):
    """What is known of a trace."""

    OPEN = 1
    """The process in which it began has not decided yet."""
    KEPT = 2
    DISCARDED = 3


class Verdicts:
    """The verdicts of one directory. No method raises; where there is no file to be had, nothing is known."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._table: mmap.mmap | None = None
        self._is_tried = False

    def claim(self, trace_id: bytes) -> bool:
        """Whether this process is to decide on the trace, since nobody else has claimed it."""
        table = self._find_table()
        if table is None or self._at(table, trace_id) is not None:
            return False
        self._enter(table, trace_id, Verdict.OPEN)
        return True

    def find(self, trace_id: bytes) -> Verdict | None:
        """What was decided, by whoever has claimed it; None where nobody has, as far as is known."""
        table = self._find_table()
        at = self._at(table, trace_id) if table is not None else None
        if table is None or at is None:
            return None
        verdict = table[at + _VERDICT]
        if table[at + _WISH] and verdict != Verdict.DISCARDED:
            return Verdict.KEPT
        return Verdict(verdict) if verdict in _KNOWN else None

    def wish(self, trace_id: bytes) -> None:
        """Asks whoever decides on the trace to keep it, as long as that is open."""
        table = self._find_table()
        at = self._at(table, trace_id) if table is not None else None
        if table is not None and at is not None:
            table[at + _WISH] = 1

    def decide(self, trace_id: bytes, *, is_kept: bool) -> None:
        """Tells the others, by whoever has claimed it."""
        table = self._find_table()
        if table is None:
            return
        verdict = Verdict.KEPT if is_kept else Verdict.DISCARDED
        at = self._at(table, trace_id)
        if at is None:  # later traces stand there by now
            self._enter(table, trace_id, verdict)
        else:
            table[at + _VERDICT] = verdict

    def close(self) -> None:
        """Lets go of the file; nothing is known from now on. Whoever reads at this moment can finish."""
        self._is_tried, self._table = True, None

    def _find_table(self) -> mmap.mmap | None:
        if not self._is_tried:
            self._is_tried = True  # first: one thread opens it, others decide alone meanwhile
            self._table = _open(self._directory) if self._directory is not None else None
        return self._table

    @staticmethod
    def _at(table: mmap.mmap, trace_id: bytes) -> int | None:
        begin = _row_of(trace_id)
        at = table[begin : begin + _ROW].find(trace_id)
        return begin + at if at >= 0 and at % _ENTRY == 0 else None

    @staticmethod
    def _enter(table: mmap.mmap, trace_id: bytes, verdict: Verdict) -> None:
        begin = _row_of(trace_id)
        said = table[begin + _VERDICT : begin + _ROW : _ENTRY]
        place = said.find(0)
        if place < 0:  # rather one that was decided, and not always the same
            first = trace_id[0] % PLACES
            places = [(first + step) % PLACES for step in range(PLACES)]
            place = next((place for place in places if said[place] != Verdict.OPEN), first)
        at = begin + place * _ENTRY
        table[at : at + _ENTRY] = trace_id + bytes((verdict,)) + bytes(_ENTRY - _ID - 1)


_KNOWN: Final = frozenset(Verdict)


def _row_of(trace_id: bytes) -> int:
    # the last bytes are random where anything is: https://www.w3.org/TR/trace-context-2/#random-trace-id-flag
    return int.from_bytes(trace_id[-4:], "big") % ROWS * _ROW


@guarded(ours=False)  # a disk that is full or read-only, a directory of somebody else's
def _open(directory: Path) -> mmap.mmap | None:
    with folder.opened(directory, create=True) as opened:
        descriptor = folder.open_file(opened, NAME, os.O_RDWR | os.O_CREAT)
    if descriptor is None:
        return None
    try:
        return mmap.mmap(descriptor, SIZE) if _is_whole(descriptor) else None
    finally:
        os.close(descriptor)


def _is_whole(descriptor: int) -> bool:
    """Whether the file has room for all entries: written, not left as a hole, which would be a SIGBUS when full."""
    if os.fstat(descriptor).st_size < SIZE and lock(descriptor):  # else another process is making it
        size = os.fstat(descriptor).st_size
        os.pwrite(descriptor, bytes(SIZE - size), size)
    return os.fstat(descriptor).st_size == SIZE
