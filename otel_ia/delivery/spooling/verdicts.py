"""What is said of traces that several processes have a part in: one mapped file for all that share a directory.

A trace that is held is decided on where it began. Those in whom it goes on, forked children and services of the same
user, look here what became of it. The file is a table of fixed size: an entry is the id of a trace, the verdict, and
whether somebody wishes it to be kept. Entries are written without a lock, each at once: whoever is overwritten, by two
at the same moment or by later traces, is not found any more, and decides alone.
"""

import mmap
import os
import time
from enum import IntEnum
from math import inf
from pathlib import Path
from typing import Final

from otel_ia.delivery.spooling import directory as folder
from otel_ia.delivery.spooling.fresh import CAN_ALLOCATE
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
_BETWEEN_TRIES: Final = 0.25
"""Seconds after which it is tried again to open the file."""


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
        self._try_at = -inf

    def claim(self, trace_id: bytes) -> "Claim | None":
        """The claim of this process to decide on the trace; None if there is one, or that cannot be told to others."""
        table = self._table if self._table is not None else self._find_table()
        if table is None:
            return None
        begin = int.from_bytes(trace_id[-4:], "big") % ROWS * _ROW  # `_row_of`, which for what is held counts
        row = table[begin : begin + _ROW]
        if _place_in(row, trace_id) is not None:
            return None
        return Claim(table, trace_id, _enter(table, begin, row, trace_id, Verdict.OPEN))

    def find(self, trace_id: bytes) -> Verdict | None:
        """What was decided, by whoever has claimed it; None where nobody has, as far as is known."""
        table = self._find_table()
        at = _find(table, trace_id) if table is not None else None
        if table is None or at is None:
            return None
        verdict = table[at + _VERDICT]
        if table[at + _WISH] and verdict != Verdict.DISCARDED:
            return Verdict.KEPT
        return Verdict(verdict) if verdict in _KNOWN else None

    def wish(self, trace_id: bytes) -> None:
        """Asks whoever decides on the trace to keep it, as long as that is open."""
        table = self._find_table()
        at = _find(table, trace_id) if table is not None else None
        if table is not None and at is not None:
            table[at + _WISH] = 1

    def keep(self, trace_id: bytes) -> None:
        """Tells the others that it is kept, for whoever has claimed it and can do so no more."""
        table = self._find_table()
        if table is not None:
            Claim(table, trace_id, _row_of(trace_id)).decide(is_kept=True)

    def close(self) -> None:
        """Lets go of the file; nothing is known from now on. Whoever reads at this moment can finish."""
        self._try_at, self._table = inf, None

    def _find_table(self) -> mmap.mmap | None:
        table = self._table
        if table is None and self._directory is not None and (now := time.monotonic()) >= self._try_at:
            # First: one thread opens it, others decide alone meanwhile. It may be in the making by another process.
            self._try_at = now + _BETWEEN_TRIES
            table = _open(self._directory)
            if self._try_at < inf:
                self._table = table
        return table


class Claim:
    """What one process has to say of a trace."""

    __slots__ = ("_at", "_table", "trace_id")

    def __init__(self, table: mmap.mmap, trace_id: bytes, at: int) -> None:
        self.trace_id: Final = trace_id
        self._table = table
        self._at = at

    def is_wished(self) -> bool:
        """Whether another process wants it kept."""
        at = self._at
        return self._table[at : at + _ID + 2] == self.trace_id + _WISHED

    def decide(self, *, is_kept: bool) -> None:
        """Tells the others."""
        table, at = self._table, self._at
        verdict = Verdict.KEPT if is_kept else Verdict.DISCARDED
        if table[at : at + _ID] == self.trace_id:
            table[at + _VERDICT] = verdict
            return
        found = _find(table, self.trace_id)
        if found is None:  # later traces stand there by now
            begin = _row_of(self.trace_id)
            _enter(table, begin, table[begin : begin + _ROW], self.trace_id, verdict)
        else:
            table[found + _VERDICT] = verdict


_KNOWN: Final = frozenset(Verdict)
_WISHED: Final = bytes((Verdict.OPEN, 1))
_SAYING: Final = {verdict: bytes((verdict, 0)) for verdict in Verdict}


def _row_of(trace_id: bytes) -> int:
    # the last bytes are random where anything is: https://www.w3.org/TR/trace-context-2/#random-trace-id-flag
    return int.from_bytes(trace_id[-4:], "big") % ROWS * _ROW


def _find(table: mmap.mmap, trace_id: bytes) -> int | None:
    begin = _row_of(trace_id)
    place = _place_in(table[begin : begin + _ROW], trace_id)
    return begin + place if place is not None else None


def _place_in(row: bytes, trace_id: bytes) -> int | None:
    at = row.find(trace_id)
    return at if at >= 0 and at % _ENTRY == 0 else None


def _enter(table: mmap.mmap, begin: int, row: bytes, trace_id: bytes, verdict: Verdict) -> int:
    """Writes an entry of the row that begins there, and says where: in a free place, else rather not in an open one."""
    place = trace_id[0] % PLACES
    if row[place * _ENTRY + _VERDICT]:
        said = row[_VERDICT::_ENTRY]
        free = said.find(0)
        place = free if free >= 0 else next((at for at in range(PLACES) if said[at] != Verdict.OPEN), place)
    at = begin + place * _ENTRY
    table[at : at + _ID + 2] = trace_id + _SAYING[verdict]
    return at


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
    """Whether the file has room for all entries: not left as a hole, which would be a SIGBUS on a full disk."""
    if os.fstat(descriptor).st_size < SIZE and lock(descriptor):  # else another process is making it
        if CAN_ALLOCATE:  # which leaves what another thread of this one has entered meanwhile
            os.posix_fallocate(descriptor, 0, SIZE)
        else:
            size = os.fstat(descriptor).st_size
            os.pwrite(descriptor, bytes(SIZE - size), size)
    return os.fstat(descriptor).st_size == SIZE
