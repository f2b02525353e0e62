"""The hot path: from a payload to a copy in a mapped segment, in any thread, signal handler or finalizer.

Each frame first takes its place, then is copied there. Taking it is one statement, and CPython lets no other thread,
signal handler or finalizer in between its instructions: there is no lock to wait for, and nothing to find half done. (A
test looks at the instructions. Where there is no global lock, the statement gets one of its own.) Only the way into the
next segment has a lock, re-entrant, held over copies and never over files: who finds its own thread there leaves its
frame for that thread to take along, and who finds one that forks for the next append.
"""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import Final
from zlib import crc32

from otel_ia.delivery.spooling.bell import Bell
from otel_ia.delivery.spooling.counters import Counters
from otel_ia.delivery.spooling.frames import HEAD, HEAD_SIZE, LONGEST_PAYLOAD, SHORT, checksum
from otel_ia.delivery.spooling.header import NOBODY
from otel_ia.delivery.spooling.heading import Heading
from otel_ia.delivery.spooling.memory import MemoryRing, split
from otel_ia.delivery.spooling.segment import Segment, nowhere
from otel_ia.delivery.spooling.succession import Succession

# `sysconfig` knows it too, from a table of half a megabyte
HAS_GLOBAL_LOCK: Final = sys.implementation.name == "cpython" and bool(getattr(sys, "_is_gil_enabled", lambda: True)())
PATIENCE: Final = 0.25
_ROUNDS: Final = 8
_pack: Final = HEAD.pack
_KNOWN_LENGTHS: Final = 1_024
_copiers: Final[list[Callable[..., None] | None]] = [None] * _KNOWN_LENGTHS


def _copier(length: int) -> Callable[..., None]:
    """What writes a frame with so long a payload into a mapping.

    To make a frame of head and payload, and then to copy that, takes 60 ns more.
    """
    made = _copiers[length] = Struct(f"<II{length}s").pack_into
    return made


class Writer:
    """The segment that is written now, the full ones before it, the one that is ready to follow, and the memory ring.

    `record` appends what was dropped and is not recorded yet.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, from one caller
        self,
        *,
        succession: Callable[[], Succession],
        heading: Heading,
        record: Callable[[], None],
        counters: Counters,
        memory_limit: int,
        is_durable: bool,
    ) -> None:
        self._succession = succession
        self._heading = heading
        self._record = record
        self._counters = counters
        self._memory_limit = memory_limit
        self._is_durable = is_durable
        self.is_closed = False
        self._start_reader: Callable[[], bool] | None = None
        self.begin()
        if not HAS_GLOBAL_LOCK:
            self.append = self._append_with_lock  # type: ignore[method-assign]

    def begin(self) -> None:
        """Without a segment: at first, and in a forked child, which has no frame of its parent's."""
        self.current: Segment = nowhere()
        self.full: deque[Segment] = deque()
        self.next = self._succession()
        self.ring = MemoryRing(self._memory_limit)
        self.lock = threading.RLock()
        self.bell = Bell()
        self.is_placing = False
        self._late: deque[bytes] = deque()
        self._has_reader = self._start_reader is None
        self._attention = self._is_durable or not self._has_reader
        """Whether an append has more to do than to append."""
        self._someone_waits = False

    def append(self, kind: int, payload: bytes) -> None:
        """Keeps a frame; see `Spool.append`."""
        segment = self.current
        length = len(payload)
        tag = length << 8 | kind
        if length < _KNOWN_LENGTHS:
            copy, total = _copiers[length] or _copier(length), crc32(payload, tag)
        elif length <= LONGEST_PAYLOAD:
            copy, total = Struct(f"<II{length}s").pack_into, checksum(payload, tag)
        else:
            self._counters.drop("longer than 16 MiB")
            return
        size = length + HEAD_SIZE
        # One statement without a call saves the lock: 300 of 1,200 ns. Up to the copy there is none either.
        segment.position = end = segment.position + size
        try:
            if end <= segment.room:
                copy(segment.mapping, end - size, tag, total, payload)
            elif end <= segment.size:
                copy(segment.mapping, end - size, tag, total, payload)
                segment.room = segment.size  # the last quarter is begun: the next one is to be made
                self.next.is_wanted = True
                self.bell.ring()
            else:
                self._go_on(segment, end, _pack(tag, total) + payload)
        except TypeError:  # unmapped meanwhile: in a child that a signal handler forked here
            self._go_on(segment, end, _pack(tag, total) + payload)
        if self._attention:
            self._attend()
            if self._is_durable:
                self._sync_from(segment)

    def read_by(self, start: Callable[[], bool]) -> None:
        """Has `start` called with the next frame, and with the first of each forked child, until it returns true."""
        self._start_reader = start
        self._has_reader = False
        self._attention = True

    def segments(self) -> tuple[Segment, ...]:
        """The segments with frames, in the order in which they were written."""
        with self.lock:
            return (*self.full, self.current)

    def wait(self, timeout: float | None, *, for_frames: bool) -> bool:
        """Sleeps until the bell rings; with `for_frames` the next frame rings it."""
        if for_frames:
            self._someone_waits = self._attention = True
            if len(self.ring) or any(segment.acknowledged < segment.written for segment in self.segments()):
                self._someone_waits = False
                return True
        rang = self.bell.sleep(timeout)
        self._someone_waits = False
        return rang

    def prepare(self) -> None:
        """Makes the next segment if it will soon be needed, and brings to the disk what waits in memory for it."""
        if not self.is_closed and self.next.may_try():
            is_missing = self.current.descriptor < 0 and bool(len(self.ring))
            if (self.next.is_wanted or is_missing) and self.next.ready is None:
                self.next.make(SHORT, patience=0)
                self._record()
            for _ in range(len(self.ring)):
                if not self.next.may_try() or (frame := self.ring.pop()) is None:
                    break
                self._put(frame)
        if self._attention:
            self._attend()

    @property
    def is_on_disk(self) -> bool:
        """Whether the next frame goes to a file."""
        return self.current.descriptor >= 0 or self.next.ready is not None

    def leave_current(self) -> None:
        """Goes on in another segment from the next frame on."""
        with self.lock:
            if not self.is_placing and self.current.descriptor >= 0:
                self.current.seal()
                self.full.append(self.current)
                self.current = nowhere()

    def close(self) -> None:
        """Takes no more frames, and leaves all segments full; what finds no place on the disk is dropped."""
        self.ring.put_back()
        self.next.try_at, self.next.is_wanted = 0.0, False
        self.prepare()
        with self.lock:
            self.is_closed = True
        self._counters.lose("memory", self.ring.take_all())
        self._record()
        self.leave_current()
        self.next.close()

    def _append_with_lock(self, kind: int, payload: bytes) -> None:
        with self.lock:
            Writer.append(self, kind, payload)

    def _go_on(self, segment: Segment, end: int, frame: bytes) -> None:
        """Keeps a frame whose place lies behind the end of the segment."""
        segment.note_full(end - len(frame))
        if segment.header.process in {NOBODY, os.getpid()}:  # forked by a signal handler: the parent keeps it
            self._put(frame)

    def _sync_from(self, segment: Segment) -> None:
        """Waits for the disk, for this segment and those that have followed it meanwhile."""
        for later in reversed(self.segments()):
            later.sync()
            if later is segment:
                break

    def _attend(self) -> None:
        self._attention = self._is_durable
        while self._late:
            try:
                frame = self._late.popleft()
            except IndexError:  # another thread took it
                break
            if not self._put(frame):
                return
        if self._someone_waits:
            self._someone_waits = False
            self.bell.ring()
        if not self._has_reader and self._start_reader is not None:
            self._has_reader = self._start_reader()
            self._attention = self._attention or not self._has_reader

    def _put(self, frame: bytes) -> bool:
        """Keeps a frame for which the current segment may have no room.

        False if it is put off: this thread is in the middle of just this, or another one that forks has the lock.
        """
        following = self.next
        for _ in range(_ROUNDS):
            if self.next is not following:  # forked by a signal handler: the parent keeps it
                return True
            lock = self.lock
            if not self._acquire(lock):
                return self._put_off(frame)
            try:
                is_nested = self.is_placing
                if not is_nested:
                    self.is_placing = True
                    try:
                        if self._place(frame):
                            return True
                    except ValueError:  # unmapped in a child that was forked here
                        continue
                    finally:
                        self.is_placing = False
            finally:
                lock.release()
            if is_nested or following.is_made_here:
                return self._put_off(frame)
            if self.is_closed or not following.may_try():
                break
            # what is carried over may grow while the segment is made
            following.make(len(frame) + 2 * len(self._heading.encode()) + SHORT, patience=PATIENCE)
            self._record()
        return self._keep_in_memory(frame)

    def _place(self, frame: bytes) -> bool:
        """Copies a frame into the current segment or into the one that is ready to follow. Under the lock."""
        segment, following, full, size = self.current, self.next.ready, self.full, len(frame)
        segment.position = end = segment.position + size  # as in `append`, which has no lock
        if end <= segment.size:
            segment.mapping[end - size : end] = frame
            return True
        segment.note_full(end - size)
        if following is None or self.is_closed:
            return False
        segment.seal()  # what opens from here on waits for the lock, and is not among the open frames
        head = self._heading.encode()
        begin = following.position + len(head)
        end = begin + size
        if end > following.size or self.next.ready is not following:  # the other in a child forked in `open_frames`
            return False
        self.next.ready, self.next.is_wanted = None, False
        following.mapping[following.position : end] = head + frame
        following.position = end
        following.room = max(following.room, end)
        segment.follow()
        if segment.descriptor >= 0:
            full.append(segment)
        if self.full is full:
            self.current = following
        return True

    def _acquire(self, lock: threading.RLock) -> bool:
        """Not for ever: who forks has it, and may wait for a lock of the program's that this thread has."""
        return lock.acquire(timeout=0.0 if self._late else PATIENCE)

    def _put_off(self, frame: bytes) -> bool:
        """Leaves a frame to the next append or `prepare`."""
        self._late.append(frame)
        self._attention = True
        return False

    def _keep_in_memory(self, frame: bytes) -> bool:
        lock = self.lock
        if not self._acquire(lock):
            return self._put_off(frame)
        try:
            is_closed = self.is_closed
            dropped = self.ring.add(frame) if not is_closed else [split(frame)]
        finally:
            lock.release()
        self.current.follow()  # its open spans may end in memory: they would be taken for abandoned
        self._counters.lose("closed" if is_closed else "memory", dropped)
        return True
