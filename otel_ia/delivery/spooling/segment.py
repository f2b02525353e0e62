"""A segment that this process writes: one file, allocated beforehand and mapped, so that writing is copying.

Without `posix_fallocate` a full disk would be a SIGBUS: there the bytes stay in memory until `look_after`, and a kill
loses what came since. The mapping keeps a descriptor of its own, and closing that one would drop the lock too: a
segment stays mapped until it is done with. The pages of a full one are given back.
"""

import mmap
import os
import struct
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from otel_ia import clock
from otel_ia.delivery.spooling import age
from otel_ia.delivery.spooling import directory as folder
from otel_ia.delivery.spooling.frames import HEAD, HEAD_SIZE, count_frames, whole_frames
from otel_ia.delivery.spooling.header import (
    ACKNOWLEDGED_AT,
    ALIVE_AT,
    FOLLOWED,
    FOLLOWED_AT,
    SEEN_AT,
    Header,
    encode_number,
    nobodys_header,
)
from otel_ia.delivery.spooling.ownership import FileKey, file_key, let_go

_PATIENCE: Final = 1.0


def nowhere() -> "Segment":
    """A segment without room, for a process that has none yet."""
    return Segment(path=Path(), header=nobodys_header(), mapping=bytearray(), size=-1, descriptor=-1, key=(-1, -1))


class Segment:
    """The file, how far its places are taken, and how far it is acknowledged.

    `position` is where the next place begins; behind `size` there is none. A place may be taken and not written yet.
    `places_end` is where the first place began that did not fit. The one who comes to `room`, three quarters of the
    size, has the next segment made.
    """

    __slots__ = (
        "acknowledged",
        "descriptor",
        "flushed",
        "header",
        "is_closed",
        "is_trimmed",
        "key",
        "lease",
        "mapping",
        "path",
        "places_end",
        "position",
        "room",
        "sealed_at",
        "size",
        "warmed",
    )

    def __init__(  # noqa: PLR0913 - keyword-only, from two places of this file
        self,
        *,
        path: Path,
        header: Header,
        mapping: mmap.mmap | bytearray,
        size: int,
        descriptor: int,
        key: FileKey,
    ) -> None:
        self.path = path
        self.header = header
        self.mapping = mapping
        self.size = size
        self.descriptor = descriptor
        self.key = key
        self.position = self.acknowledged = header.size
        self.flushed = 0
        self.room = size - size // 4 if size > 0 else -1
        self.sealed_at: float | None = None
        self.places_end = max(size, header.size)
        self.warmed = 0
        self.lease = threading.Lock()
        """Who delivers from it or gives it up has it; nobody waits for it."""
        self.is_trimmed = False
        self.is_closed = False

    @property
    def written(self) -> int:
        """Where the last place ends."""
        return min(self.position, self.places_end)

    def seal(self) -> None:
        """No more places are taken. Who took one before may still write there."""
        if self.sealed_at is None:
            self.size = self.room = -1
            self.note_full(self.position)
            self.sealed_at = time.monotonic()

    def note_full(self, begin: int) -> None:
        """Notes that a place that begins here did not fit, so that none behind it did."""
        self.places_end = min(self.places_end, begin)

    def follow(self) -> None:
        """Marks that what is open has been taken along to another segment."""
        if self.descriptor >= 0 and not self.is_closed:
            self.mapping[FOLLOWED_AT : FOLLOWED_AT + len(FOLLOWED)] = FOLLOWED

    def read(self, limit_bytes: int, limit_frames: int) -> tuple[list[tuple[int, bytes]], int]:
        """The next frames to be delivered, at least one if there is one, and the offset behind them.

        They are this process's own and still in its memory: their checksums are not looked at.
        """
        while self.acknowledged < (end := self.written):
            begin = self.acknowledged
            try:
                first = begin + HEAD_SIZE + (HEAD.unpack_from(self.mapping, begin)[0] >> 8)
                data = bytes(self.mapping[begin : max(first, min(end, begin + limit_bytes))])
            except (ValueError, struct.error):  # dropped by the limits meanwhile
                break
            frames, length = whole_frames(data, limit_frames)
            if frames:
                return frames, begin + length
            if length == 0 and (length := self._gap(data)) == 0:
                break
            self.acknowledge(begin + length)
        return [], self.written

    def _gap(self, data: bytes) -> int:
        """How long a place is that was never written, when nobody will any more. No frame begins with a zero."""
        if self.sealed_at is None or time.monotonic() - self.sealed_at < _PATIENCE:
            return 0
        return len(data) - len(data.lstrip(b"\0")) or 1

    def waiting(self) -> list[tuple[int, bytes]]:
        """The frames that are to be delivered and not acknowledged."""
        found: list[tuple[int, bytes]] = []
        with suppress(ValueError):  # closed
            data = bytes(self.mapping[self.acknowledged : self.written])
            size = len(data) + 1
            while len(data) < size:
                size = len(data)
                frames, length = whole_frames(data, size)
                found += frames
                data = data[length:].lstrip(b"\0")  # a place that was never written
        return found

    def count_frames(self) -> int:
        """The same in one number, without a copy of anything: 0.15 µs a frame."""
        try:
            return count_frames(self.mapping, self.acknowledged, self.written)
        except (ValueError, struct.error):  # dropped by the limits meanwhile
            return 0

    def acknowledge(self, end: int) -> None:
        """What lies before the offset is done with, whoever reads the segment."""
        if self.is_closed or end <= self.acknowledged:
            return
        self.acknowledged = end
        record = encode_number(end)
        with suppress(ValueError):  # dropped by the limits at this moment
            for at in ACKNOWLEDGED_AT:
                self.mapping[at : at + len(record)] = record

    def acknowledge_first(self, begin: int, end: int, count: int) -> None:
        """The same for so many of the frames that were read from one offset to another."""
        with suppress(ValueError):
            _, length = whole_frames(bytes(self.mapping[begin:end]), count)
            self.acknowledge(begin + length)

    def look_after(self) -> None:
        """Notes that the process lives, and brings to the file what is only in memory."""
        if self.is_closed or self.descriptor < 0:
            return
        for at, now in ((SEEN_AT, max(0, clock.wall())), (ALIVE_AT, age.since_boot())):
            record = encode_number(now)
            self.mapping[at : at + len(record)] = record
        if isinstance(self.mapping, bytearray):
            end = self.written
            os.pwrite(self.descriptor, self.mapping[: self.header.size], 0)
            os.pwrite(self.descriptor, self.mapping[self.flushed : end], self.flushed)
            self.flushed = end

    def trim(self) -> None:
        """Gives back the room that a full segment did not use, and its pages."""
        if self.is_trimmed or self.is_closed:
            return
        self.is_trimmed = True
        self.look_after()
        os.ftruncate(self.descriptor, self.written)
        if isinstance(self.mapping, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            self.mapping.madvise(mmap.MADV_DONTNEED)

    def sync(self) -> None:
        """Returns when what was written lasts through a loss of power, or cannot. Never raises."""
        try:
            os.fdatasync(self.descriptor)
        except (OSError, ValueError):
            return

    def is_in_place(self) -> bool:
        """Whether others can still find it."""
        try:
            return file_key(self.path.lstat()) == self.key
        except OSError:
            return False

    def move_to(self, made: "Segment") -> None:
        """Goes on in a file that has just been made, at least as large, with all that is written in this one."""
        end = self.written
        made.mapping[:end] = self.mapping[:end]
        gone, at, key = self.mapping, self.descriptor, self.key
        self.mapping, self.descriptor, self.key, self.path = made.mapping, made.descriptor, made.key, made.path
        self.flushed, self.is_trimmed = 0, False
        _let_go(gone, at, key)
        self.trim()

    def close(self, *, keep: bool) -> None:
        """Lets go of it: to others, trimmed, if it is to be kept, else for good. Never raises. Idempotent."""
        if self.is_closed or self.header.process != os.getpid():
            self.forget()
            return
        try:
            if keep:
                self.trim()
            else:
                folder.remove_file(self.path, self.key)
        except (OSError, ValueError):
            pass
        finally:
            self.forget()

    def forget(self) -> None:
        """Closes what is open without touching the file."""
        if self.is_closed:
            return
        self.is_closed = True
        self.size = self.room = -1
        descriptor, self.descriptor = self.descriptor, -1
        _let_go(self.mapping, descriptor, self.key)


def _let_go(mapping: mmap.mmap | bytearray, descriptor: int, key: FileKey) -> None:
    if isinstance(mapping, mmap.mmap):
        mapping.close()
    if descriptor >= 0:
        let_go(key, descriptor)
