"""What keeps finished telemetry until a collector has acknowledged it, through the death of the process."""

import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final, Literal

from otel_ia.delivery.spooling.adopted import Adopted, SpanKey, TimeOf
from otel_ia.delivery.spooling.batch import Batch
from otel_ia.delivery.spooling.counters import Counters
from otel_ia.delivery.spooling.estate import Estate
from otel_ia.delivery.spooling.fork import follow_forks
from otel_ia.delivery.spooling.frames import DROPPED, SCOPE, dropped_payload, encode_frame
from otel_ia.delivery.spooling.heading import Heading
from otel_ia.delivery.spooling.holding import Encode, Holding, Place
from otel_ia.delivery.spooling.losses import Held, Losses
from otel_ia.delivery.spooling.maker import Maker
from otel_ia.delivery.spooling.ownership import FileKey
from otel_ia.delivery.spooling.refused import keep_refused
from otel_ia.delivery.spooling.segment import Segment
from otel_ia.delivery.spooling.succession import Succession
from otel_ia.delivery.spooling.tally import Tally
from otel_ia.delivery.spooling.upkeep import Upkeep
from otel_ia.delivery.spooling.verdicts import Verdicts
from otel_ia.delivery.spooling.writer import Writer

DEFAULT_SIZE: Final = 512 << 20
DEFAULT_AGE: Final = 72 * 3600.0
DEFAULT_MEMORY: Final = 8 << 20
_MOST_BEHIND: Final = 2
"""So many times what is held may have been written since, before that is written again: at most half as much more."""


class Spool:
    """Finished telemetry of this process for one destination, in files until it is acknowledged.

    `fingerprint` names the destination: only a process with the same one adopts what this one leaves behind. `identity`
    says who this process is; it is asked once, and again in a forked child. `directory` is the spool's own (default:
    `directory.default_directory`). `size_limit` (bytes) is for the whole directory, and at most a tenth of the free
    space; `age_limit` is in seconds; `memory_limit` (bytes) is for what is kept in memory while the disk takes nothing,
    or all the time without `is_on_disk`, when no file is touched and nothing outlives the process.

    `open_frames` is asked at the head of each new segment for the frames (START) of what is still open, so that they
    survive the segment they were first written to. It is called under the spool's lock: it takes no lock, does no I/O
    and is quick. A span has left it *before* its SPAN frame is appended. `span_key`, `time_of` and `encode` are for
    what dead processes left, see `recovery.scan`. `tell` is given a sentence, once for each reason, when frames stay in
    memory.

    With `holding` nobody reads it here: it knows which frames are for whoever adopts them. What lies before the first
    of these is done with, and they are brought forward when too much lies behind them.

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
        encode: Encode | None = None,
        holding: Holding | None = None,
        tell: Callable[[str], None],
    ) -> None:
        self.counters = Counters()
        self.is_on_disk: Final = is_on_disk
        self._holding = holding
        self._tally = Tally(self.counters)
        self._heading = Heading(open_frames)
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
        self._estate = Estate(
            lambda: self._maker.directory,
            fingerprint=fingerprint,
            span_key=span_key,
            time_of=time_of,
            encode=encode,
            counters=self.counters,
        )
        self._writer = Writer(
            succession=partial(Succession, self._maker.make if is_on_disk else None, tell=tell),
            heading=self._heading,
            record=self._record_drops,
            counters=self.counters,
            memory_limit=memory_limit if is_on_disk else min(memory_limit, size_limit),
            is_durable=durability == "disk",
        )
        self._upkeep = Upkeep(
            writer=self._writer,
            maker=self._maker,
            losses=self._losses,
            estate=self._estate,
            age_limit=age_limit,
        )
        self.append: Callable[[int, bytes], None] = self._writer.append
        """Keeps a frame of a kind of `frames`. Never raises, never waits for its own thread; from any thread, signal
        handler or finalizer. A payload over 16 MiB is dropped and counted. It is the writer's, to save a call."""
        follow_forks(self._writer, self)

    def read_by(self, start: Callable[[], bool]) -> None:
        """Has `start` called with the next frame, and with the first of each forked child, until it returns true."""
        self._writer.read_by(start)

    def define_scope(self, payload: bytes) -> None:
        """Keeps a SCOPE frame, and writes it again at the head of each later segment, a forked child's too."""
        self._heading.define_scope(payload)
        self.append(SCOPE, payload)

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
    def verdicts(self) -> Verdicts:
        """What the processes that share this spool's directory say of traces that go on from one to the other."""
        try:
            return Verdicts(self._maker.directory if self.is_on_disk else None)
        except OSError:  # the user has no home
            return Verdicts(None)

    @property
    def trouble(self) -> str:
        """Why frames are only in memory now; empty when they are on disk. From any thread."""
        return self._writer.next.trouble if self._writer.current.descriptor < 0 else ""

    # The rest is for one thread at a time, the shipper's.

    def wait(self, timeout: float | None = None, *, for_frames: bool = True) -> bool:
        """Sleeps until there is something to read, `prepare` is needed or `wake` is called; False when time (s) is up.

        Without `for_frames`, as between two tries at a collector that is down, frames that wait do not end it.
        """
        if for_frames and len(self._estate):
            return True
        pause = self._holding.pause if self._holding is not None else None
        if pause is not None:
            timeout = pause if timeout is None else min(timeout, pause)
        return self._writer.wait(timeout, for_frames=for_frames)

    def wake(self) -> None:
        """Ends a `wait`, from any thread or signal handler."""
        self._writer.bell.ring()

    def prepare(self) -> None:
        """Does what needs the disk: the next segment, full ones, limits, another try after a failure. Never raises.

        To be called whenever `wait` returns, before `read`.
        """
        self._upkeep.work()
        self._forget()

    def place(self) -> Place:
        """Where the next frame goes, or before it: while there is no segment, the beginning. From any thread."""
        segment = self._writer.current
        return (segment.header.sequence, segment.written) if segment.descriptor >= 0 else (0, 0)

    def read(self, limit_bytes: int = 1 << 20, limit_frames: int = 2048) -> Batch | None:
        """The oldest frames that are not acknowledged, this process's own first; None when there are none.

        What is only in memory comes before what is on disk, although that is older: it has the least room, and ends
        with the process. At least one frame whatever its size. Adopted segments that are acknowledged to the end are
        removed here.
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
        return self._estate.read(limit_bytes, limit_frames)

    def scan(self) -> int | None:
        """Adopts what dead processes left for the same destination; how many segments that was. Never raises.

        None while another process or thread is at it. Where it is more than is adopted at once, `is_more_left`, and the
        rest follows with the `read` that finds the first part done with.
        """
        return self._estate.scan()

    @property
    def is_more_left(self) -> bool:
        """Whether the last `scan` found more than is adopted at once."""
        return self._estate.is_more_left

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
            self._tally.count(lambda: self.waiting_frames)
        return self._tally.all

    def close(self) -> None:
        """Leaves what is not acknowledged to other processes; what is not on disk and what comes later is dropped.

        Both are counted, for the owner to tell. Idempotent.
        """
        if self._writer.is_closed:
            return
        self._upkeep.finish()
        self._forget()
        _ = self.recorded
        self._writer.close()
        is_open = self._heading.has_open
        full = list(self._writer.full)
        self._writer.full.clear()  # from here on no other spool of this process gives them up
        for segment in full:
            is_last = segment is full[-1]
            if self._holding is None:
                segment.read(1, 1)  # goes over what nobody waits for
            is_left = segment.acknowledged < segment.written
            if is_left and not segment.is_in_place():
                self.counters.lose("memory", segment.waiting())
            segment.close(keep=is_left or (is_last and is_open))
        self._estate.close()

    def begin_after_fork(self) -> None:
        """In a forked child: this process has made and adopted nothing yet."""
        self.counters.begin()
        self._estate.close()
        self._upkeep.begin()
        self._maker.begin()
        self._tally.begin()

    def _batch(
        self,
        frames: list[tuple[int, bytes]],
        *,
        lease: threading.Lock,
        when_done: Callable[[], None],
        when_partly_done: Callable[[int], None],
    ) -> Batch:
        note_done = self._tally.follow(frames)

        def finish() -> None:
            with self._tally.moving():
                when_done()
                note_done(len(frames))

        def finish_first(count: int) -> None:
            with self._tally.moving():
                when_partly_done(count)
                note_done(count)

        return Batch(
            identity=self._maker.identity,
            scopes=self._heading.scopes,
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
        """Writes down what was dropped, for the next process; that waits while nothing goes to the disk."""
        if self._writer.is_on_disk:
            for reason, count in self.counters.take_unrecorded().items():
                self.append(DROPPED, dropped_payload(reason, count))

    def _forget(self) -> None:
        holding = self._holding
        if holding is None:
            return
        if holding.pause == 0:
            holding.look()
        # Or one trace that stays open for hours would keep all that was written since.
        behind = 0
        for segment in reversed(self._writer.segments()):
            if behind > _MOST_BEHIND * holding.size and segment.descriptor >= 0:
                holding.bring_forward(segment.header.sequence)
                break
            behind += segment.written
        end = holding.here = self.place()  # first: what comes now may be needed
        place = holding.oldest_place() or end
        for segment in self._writer.segments():
            if segment.header.sequence <= place[0]:
                segment.acknowledge(segment.written if segment.header.sequence < place[0] else place[1])
            if segment is not self._writer.current and segment.acknowledged >= segment.written:
                self._remove(segment)

    def _find(self, key: FileKey) -> Held | None:
        """What of this spool may be given up: a full segment, or an adopted one."""
        held: list[Segment | Adopted] = [*self._writer.full, *self._estate]
        return next((one for one in held if one.key == key), None)

    def _remove(self, held: Held) -> None:
        if isinstance(held, Segment):
            with self._tally.moving():
                try:
                    self._writer.full.remove(held)
                except ValueError:  # given up meanwhile
                    return
                self._tally.add(held.count_frames())  # what is dropped is done with
            held.close(keep=False)
        elif isinstance(held, Adopted):
            self._estate.remove(held)
