"""The counts of one process's calls in a mapped file, which every process can read while they change.

A file is a head, then records one behind the other: the length of the record and of its definition, the definition,
its cells. All lengths are multiples of eight, so that a cell is always seen whole. The head says how far there are
records, and is written last. The file grows by mappings of their own, for those that are there stay in use; no record
lies across two. Its places are allocated before they are mapped: without room on the disk, writing would be a SIGBUS.
"""

import mmap
import os
from collections.abc import Iterator
from typing import Final

from otel_ia.delivery.spooling.directory import create_file

_MAGIC: Final = int.from_bytes(b"otelia01", "little")
_CELL: Final = 8
_HEAD: Final = 2 * _CELL
_RECORD_HEAD: Final = 2 * _CELL
FIRST_EXTENT: Final = 32 << 10
LARGEST_EXTENT: Final = 1 << 20
CAN_ALLOCATE: Final = hasattr(os, "posix_fallocate")


class CounterFile:
    """The file of this process. Only one place at a time asks it for cells."""

    def __init__(self, directory: int, name: str) -> None:
        """Makes the file in the directory. Raises OSError."""
        self._descriptor = create_file(directory, name)
        self._size = 0
        self._extent = memoryview(bytearray())
        self._cells = memoryview(bytearray()).cast("q")
        self._began = 0
        try:
            self._grow(FIRST_EXTENT)
        except OSError:
            self.close()
            raise
        self._head = self._cells
        self._position = _HEAD
        self._head[1] = _HEAD
        self._head[0] = _MAGIC

    def allot(self, definition: bytes, count: int) -> memoryview:
        """So many new cells, all zero, of what the definition says. Raises OSError where there is no room."""
        padded = definition.ljust(-(-len(definition) // _CELL) * _CELL)
        length = _RECORD_HEAD + len(padded) + count * _CELL
        if self._position + length > self._size:
            self._fill()
            self._grow(max(length, min(2 * len(self._extent), LARGEST_EXTENT)))
        at = self._position - self._began
        self._cells[at // _CELL] = length
        self._cells[at // _CELL + 1] = len(padded)
        begin = at + _RECORD_HEAD
        self._extent[begin : begin + len(padded)] = padded
        begin = (begin + len(padded)) // _CELL
        self._position += length
        self._head[1] = self._position
        return self._cells[begin : begin + count]

    def _fill(self) -> None:
        """Leaves what remains of the last mapping."""
        at = (self._position - self._began) // _CELL
        if self._position < self._size:
            self._cells[at] = self._size - self._position
            self._position = self._size

    def _grow(self, least: int) -> None:
        size = -(-least // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
        os.posix_fallocate(self._descriptor, self._size, size)
        self._extent = memoryview(mmap.mmap(self._descriptor, size, offset=self._size))
        self._cells = self._extent.cast("q")
        self._began = self._size
        self._size += size

    def close(self) -> None:
        """Lets go of it; the mappings end with the last cells that are in use."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
        self._extent = memoryview(bytearray())
        self._cells = self._head = self._extent.cast("q")
        self._position = self._size = self._began = 0


def read_counters(descriptor: int) -> Iterator[tuple[bytes, list[int]]]:
    """Definition and cells of each record of a file, which its process may be writing to."""
    size = os.fstat(descriptor).st_size // _CELL * _CELL
    if size < _HEAD:
        return
    with mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) as mapping, memoryview(mapping) as whole:
        cells = whole[:size].cast("q")
        try:
            yield from _records(whole, cells, min(size, cells[1])) if cells[0] == _MAGIC else ()
        finally:
            cells.release()


def _records(whole: memoryview, cells: memoryview, end: int) -> Iterator[tuple[bytes, list[int]]]:
    at = _HEAD
    while at + _RECORD_HEAD <= end:
        length = cells[at // _CELL]
        if length < _CELL or length % _CELL or at + length > end:
            return  # not written by us
        said = cells[at // _CELL + 1] if length >= _RECORD_HEAD else 0
        if 0 < said <= length - _RECORD_HEAD and said % _CELL == 0:
            begin = at + _RECORD_HEAD
            yield bytes(whole[begin : begin + said]), cells[(begin + said) // _CELL : (at + length) // _CELL].tolist()
        at += length
