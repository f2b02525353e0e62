"""What keeps finished telemetry until a collector has acknowledged it, through the death of the process."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, Literal

from otel_ia.delivery.spooling.adopted import Adopted, SpanKey, TimeOf
from otel_ia.delivery.spooling.batch import Batch
from otel_ia.delivery.spooling.counters import Counters
from otel_ia.delivery.spooling.fork import follow_forks
from otel_ia.delivery.spooling.frames import COUNTED, encode_frame
from otel_ia.delivery.spooling.losses import Held, Losses
from otel_ia.delivery.spooling.maker import Maker
from otel_ia.delivery.spooling.ownership import FileKey
from otel_ia.delivery.spooling.recovery import MOST_AT_ONCE, scan
from otel_ia.delivery.spooling.refused import keep_refused
from otel_ia.delivery.spooling.segment import Segment
from otel_ia.delivery.spooling.upkeep import Upkeep
from otel_ia.delivery.spooling.writer import Writer

DEFAULT_SIZE: Final = 512 << 20
DEFAULT_AGE: Final = 72 * 3600.0
DEFAULT_MEMORY: Final = 8 << 20
NOT_KEPT: Final = ("memory", "closed", "longer than 16 MiB", "not encodable")
"""Reasons for which frames are dropped that never came to the disk."""


class Spool:
    """Finished telemetry of this process for one destination, in files until it is acknowledged.

    `fingerprint` names the destination: only a process with the same one adopts what this one leaves behind. `identity`
    says who this process is; it is asked once, and again in a forked child. `directory` is the spool's own (default:
    `directory.default_directory`). `size_limit` (bytes) is for the whole directory, and at most a tenth of the free
    space; `age_limit` is in seconds; `memory_limit` (bytes) is for what is kept in memory while the disk takes nothing,
    or all the time without `is_on_disk`, when no file is touched and nothing outlives the process.

    `open_frames` is asked at the head of each new segment for the frames (START) of what is still open, so that they
    survive the segment they were first written to. It is called under the spool's lock: it takes no lock, does no I/O
    and is quick. A span has left it *before* its SPAN frame is appended. `span_key` and `time_of` are for what dead
    processes left, see `recovery.scan`. `tell` is given a sentence, once for each reason, when frames stay in memory.

    With `durability="process"` a frame outlives the process, however that dies, from the moment `append` returns; with
    `"disk"` it outlives the machine, and each `append` waits for the disk. Where the system cannot allocate files
    beforehand (macOS), a frame outlives the process from the next `prepare` on; where it has no POSIX locks (Windows),
    frames stay in memory.
    """

    def __init__(  # noqa: PLR0913 - all keyword-only, most with a default
        self,
        *,
        fingerprint: bytes,
        identity: Callable[[], bytes],
        directory: Path | None = None,
        size_limit: int = DEFAULT_SIZE,
        age_limit: float = DEFAULT_AGE,
        memory_limit: int = DEFAULT_MEMORY,
        is_on_disk: bool = True,
        durability: Literal["process", "disk"] = "process",
        open_frames: Callable[[], Iterable[tuple[int, bytes]]] = tuple,
        span_key: SpanKey | None = None,
        time_of: TimeOf | None = None,
        tell: Callable[[str], None],
    ) -> None:
        self.counters = Counters()
        self.is_on_disk: Final = is_on_disk
        self._fingerprint = fingerprint
        self._span_key = span_key
        self._time_of = time_of
        self._losses = Losses(
            self.counters,
            find=self._find,
            record=self._record_drops,
            remove=self._remove,
            span_key=span_key,
        )
        self._maker = Maker(
            directory=directory,
            fingerprint=fingerprint,
            identity=identity,
            limit=size_limit,
            losses=self._losses,
            is_on_disk=is_on_disk,
            is_durable=durability == "disk",
        )
        self._writer = Writer(
            make=self._maker.make if is_on_disk else None,
            open_frames=open_frames,
            tell=tell,
            counters=self.counters,
            memory_limit=memory_limit if is_on_disk else min(memory_limit, size_limit),
            is_durable=durability == "disk",
        )
        self._upkeep = Upkeep(
            writer=self._writer,
            maker=self._maker,
            losses=self._losses,
            adopted=lambda: tuple(self._adopted),
            age_limit=age_limit,
        )
        self._adopted: list[Adopted] = []
        self.is_more_left = False
        self._done = self._recorded = 0
        self.append: Callable[[int, bytes], None] = self._writer.append
        """Keeps a frame of a kind of `frames`. Never raises, never waits for its own thread; from any thread, signal
        handler or finalizer. A payload over 16 MiB is dropped and counted. It is the writer's, to save a call."""
        follow_forks(self._writer, self)

    def read_by(self, start: Callable[[], bool]) -> None:
        """Has `start` called with the next frame, and with the first of each forked child, until it returns true."""
        self._writer.read_by(start)

    def define_scope(self, payload: bytes) -> None:
        """Keeps a SCOPE frame, and writes it again at the head of each later segment, a forked child's too."""
        self._writer.define_scope(payload)

    def mark(self) -> Callable[[], bool]:
        """The end of what has been appended so far; the returned function says whether all before it is done with.

        From any thread.
        """
        ring = self._writer.ring
        if not self.is_on_disk:
            end = ring.added
            return lambda: ring.added - len(ring) >= end
        ends: list[tuple[Segment, int]] | None = None

        def is_done() -> bool:
            nonlocal ends
            if ends is None:  # what is only in memory may come to lie behind the end on disk
                if len(ring):
                    return False
                ends = [(segment, segment.written) for segment in self._writer.segments()]
            return all(segment.is_closed or segment.acknowledged >= end for segment, end in ends)

        is_done()
        return is_done

    @property
    def trouble(self) -> str:
        """Why frames are only in memory now; empty when they are on disk. From any thread."""
        return self._writer.next.trouble if self._writer.current.descriptor < 0 else ""

    # The rest is for one thread at a time, the shipper's.

    def wait(self, timeout: float | None = None, *, for_frames: bool = True) -> bool:
        """Sleeps until there is something to read, `prepare` is needed or `wake` is called; False when time (s) is up.

        Without `for_frames`, as between two tries at a collector that is down, frames that wait do not end it.
        """
        if for_frames and self._adopted:
            return True
        return self._writer.wait(timeout, for_frames=for_frames)

    def wake(self) -> None:
        """Ends a `wait`, from any thread or signal handler."""
        self._writer.bell.ring()

    def prepare(self) -> None:
        """Does what needs the disk: the next segment, full ones, limits, another try after a failure. Never raises.

        To be called whenever `wait` returns, before `read`.
        """
        self._upkeep.work()

    def read(self, limit_bytes: int = 1 << 20, limit_frames: int = 2048) -> Batch | None:
        """The oldest frames that are not acknowledged, this process's own first; None when there are none.

        At least one frame whatever its size. Adopted segments that are acknowledged to the end are removed here.
        """
        ring = self._writer.ring
        frames = ring.read(limit_bytes, limit_frames)
        if frames:
            return self._batch(
                frames, lease=threading.Lock(), when_done=ring.acknowledge, when_partly_done=ring.acknowledge_first
            )
        for segment in self._writer.segments():
            frames, end = segment.read(limit_bytes, limit_frames)
            if frames:
                return self._batch(
                    frames,
                    lease=segment.lease,
                    when_done=partial(segment.acknowledge, end),
                    when_partly_done=partial(segment.acknowledge_first, segment.acknowledged, end),
                )
            if segment is not self._writer.current:
                self._remove(segment)
        while True:
            for adopted in list(self._adopted):
                batch = self._read_adopted(adopted, limit_bytes, limit_frames)
                if batch is not None:
                    return batch
                if adopted.is_closed:
                    self._remove(adopted)
            if not self.is_more_left or not self.scan():
                return None

    def _read_adopted(self, adopted: Adopted, limit_bytes: int, limit_frames: int) -> Batch | None:
        if not adopted.lease.acquire(blocking=False):  # given up at this moment
            return None
        try:
            return adopted.read(limit_bytes, limit_frames)
        finally:
            adopted.lease.release()

    def scan(self) -> int | None:
        """Adopts what dead processes left for the same destination; how many segments that was. Never raises.

        None while another process or thread is at it. Where it is more than is adopted at once, `is_more_left`, and the
        rest follows with the `read` that finds the first part done with.
        """
        try:
            directory = self._maker.directory
        except OSError:
            return 0
        found = scan(
            directory, self._fingerprint, span_key=self._span_key, time_of=self._time_of, counters=self.counters
        )
        if found is None:
            return None
        self._adopted += found
        self.is_more_left = len(found) == MOST_AT_ONCE
        return len(found)

    @property
    def waiting_bytes(self) -> int:
        """How much of this process's own is not acknowledged, on disk and in memory."""
        on_disk = sum(segment.written - segment.acknowledged for segment in self._writer.segments())
        return on_disk + self._writer.ring.size

    @property
    def waiting_frames(self) -> int:
        """How many frames of this process's own are not acknowledged."""
        return len(self._writer.ring) + sum(segment.count_frames() for segment in self._writer.segments())

    @property
    def recorded(self) -> int:
        """How many frames this process was given so far: those it is done with, those that wait, those it has lost.

        They are counted when they are acknowledged, or here, and not when they are appended. Never goes back.
        """
        if not self._writer.is_closed:
            done = self._done + self._lost_before_disk()
            self._recorded = max(self._recorded, done + self.waiting_frames)
        return self._recorded

    def close(self) -> None:
        """Leaves what is not acknowledged to other processes; what is not on disk and what comes later is dropped.

        Both are counted, for the owner to tell. Idempotent.
        """
        if self._writer.is_closed:
            return
        self._writer.next.is_wanted = False  # nothing follows: what is kept need not make room for it
        self._upkeep.finish()
        _ = self.recorded
        self._writer.close()
        is_open = bool(self._writer.open_frames())
        for segment in list(self._writer.full):
            is_last = segment is self._writer.full[-1]
            segment.read(1, 1)  # goes over what nobody waits for
            is_left = segment.acknowledged < segment.written
            if is_left and not segment.is_in_place():
                self.counters.lose("memory", segment.waiting())
            segment.close(keep=is_left or (is_last and is_open))
        self._writer.full.clear()
        for adopted in self._adopted:
            adopted.close()
        self._adopted = []

    def begin_after_fork(self) -> None:
        """In a forked child: this process has made and adopted nothing yet."""
        self.counters.begin()
        for adopted in self._adopted:
            adopted.close()
        self._adopted = []
        self.is_more_left = False
        self._upkeep.begin()
        self._maker.begin()
        self._begin_counting()

    def _begin_counting(self) -> None:
        self._done = self._recorded = 0

    def _lost_before_disk(self) -> int:
        dropped = self.counters.dropped
        return sum(dropped.get(reason, 0) for reason in NOT_KEPT)

    def _count_done(self, frames: list[tuple[int, bytes]]) -> Callable[[int], None]:
        """Given how many of the frames are done with, from the first, counts those that were not before."""
        begin = 0

        def note_done(end: int) -> None:
            nonlocal begin
            count = sum(kind in COUNTED for kind, _ in frames[begin:end])
            begin = max(begin, end)
            self._done += count  # one statement without a call: nothing gets in between

        return note_done

    def _batch(
        self,
        frames: list[tuple[int, bytes]],
        *,
        lease: threading.Lock,
        when_done: Callable[[], None],
        when_partly_done: Callable[[int], None],
    ) -> Batch:
        note_done = self._count_done(frames)

        def finish() -> None:
            when_done()
            note_done(len(frames))

        def finish_first(count: int) -> None:
            when_partly_done(count)
            note_done(count)

        return Batch(
            identity=self._maker.identity,
            scopes=self._writer.scopes,
            frames=frames,
            lease=lease,
            when_done=finish,
            when_partly_done=finish_first,
            when_refused=self._set_aside,
        )

    def _set_aside(self, kind: int, payload: bytes, scopes: tuple[bytes, ...]) -> bool:
        self.counters.refused += 1
        try:
            frame = encode_frame(kind, payload)
            keep_refused(self._maker.directory, self._maker.first_header, frame, scopes=scopes)
        except OSError:
            self.counters.drop("refused and not kept")
            return False
        return True

    def _record_drops(self) -> None:
        self._writer.record_drops()

    def _find(self, key: FileKey) -> Held | None:
        """What of this spool may be given up: a full segment, or an adopted one."""
        held: list[Segment | Adopted] = [*self._writer.full, *self._adopted]
        return next((one for one in held if one.key == key), None)

    def _remove(self, held: Held) -> None:
        if isinstance(held, Segment):
            try:
                self._writer.full.remove(held)
            except ValueError:  # given up meanwhile
                return
            count = held.count_frames()  # what is dropped is done with
            self._done += count
            held.close(keep=False)
        elif isinstance(held, Adopted):
            with suppress(ValueError):  # not this spool's
                self._adopted.remove(held)
            held.remove()
