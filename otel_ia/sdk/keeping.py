"""Keeps what matters: a trace that was not sampled is held until its local root ends, and kept whole if it went wrong.

A span that ends inside of it goes, encoded, to a spool of its own, which only a later process reads: what was undecided
when this one died is kept. The root is encoded only if the trace is kept. Whatever the threads do, the trace is taken
out of `Keeper.undecided` once, and whoever takes it out decides.
"""

from collections.abc import Callable
from typing import Final

from opentelemetry.trace import Status, StatusCode

from otel_ia.delivery.spooling.frames import DECISION, HELD, HELD_START, SPAN
from otel_ia.delivery.spooling.holding import DECIDED, KEY_SIZE, MOVED, Place
from otel_ia.forks import begun_anew

MOST_TRACES: Final = 10_000
"""That are undecided at once."""


class HeldTrace:
    """What ends inside a local root, whose span id is the key, as long as nobody knows whether it is to be kept."""

    __slots__ = ("frames", "has_failed", "is_elsewhere", "is_kept", "keeper", "key", "place", "size")

    def __init__(self, keeper: "Keeper", key: bytes) -> None:
        self.keeper = keeper
        self.key = key
        self.frames: list[bytes] = []
        self.size = 0
        self.place: Place | None = None
        self.has_failed = False
        self.is_kept: bool | None = None
        self.is_elsewhere = False
        """Whether its root is the parent's of this forked process."""
        keeper.undecided[key] = self
        if len(keeper.undecided) > MOST_TRACES:
            keeper.make_room()

    def note_status(self, status: Status) -> None:
        """Notes that a span of it has failed, if it has."""
        if status.status_code is StatusCode.ERROR:
            self.has_failed = True

    def take(self, frame: bytes) -> None:
        """Takes a span that has ended, behind the key, not the root; one that comes late follows the decision."""
        keeper = self.keeper
        if self.is_kept is None:
            place = self.place
            if place is None:
                place = self.place = keeper.place()
            size = len(frame)
            self.size += size  # this and the next line are one step each for other threads and signal handlers
            keeper.size += size
            keeper.hold(HELD, frame)
            self.frames.append(frame)
            if self.place is not place:  # all was brought forward meanwhile, perhaps without this
                keeper.hold(HELD, frame)
            if self.is_kept is not None:  # it was decided meanwhile, perhaps before this stood there
                self._follow()
                keeper.hold(DECISION, self.key + DECIDED)
            elif keeper.size > keeper.limit:
                keeper.make_room()
        elif self.is_kept:
            keeper.ended(SPAN, frame[KEY_SIZE:])

    def end(self, elapsed: int, encode: Callable[[], bytes]) -> None:
        """Decides, for the root has ended, after so many nanoseconds."""
        keeper = self.keeper
        has_failed = self.has_failed and keeper.keeps_errors
        if not has_failed and (keeper.slower_than is None or elapsed <= keeper.slower_than):
            if self.decide(is_kept=False):
                keeper.discarded += 1
        elif self.decide(is_kept=True):
            if has_failed:
                keeper.failed += 1
            else:
                keeper.slow += 1
            keeper.ended(SPAN, encode())

    def decide(self, *, is_kept: bool, why: bytes = DECIDED) -> bool:
        """Has what is held and what comes late sent, or lets go of both; False when that was decided before."""
        keeper = self.keeper
        if keeper.undecided.pop(self.key, None) is None:
            return False
        self.is_kept = is_kept
        if self.place is not None:
            self._follow()
            keeper.hold(DECISION, self.key + why)
        return True

    def bring_forward(self) -> None:
        """Writes down again what is held, so that what lies before need not stay. In one thread at a time."""
        keeper = self.keeper
        self.place = keeper.place()  # before it looks for what was taken: see `take`
        for frame in list(self.frames):
            keeper.hold(HELD, frame)
        if self.is_kept is not None:  # it was decided meanwhile, perhaps before the first of these
            keeper.hold(DECISION, self.key + DECIDED)

    def _follow(self) -> None:
        size, self.size = self.size, 0
        self.keeper.size -= size
        if not self.is_kept:
            self.frames.clear()
            return
        self.frames.reverse()  # those that come meanwhile go first
        while self.frames:
            try:
                frame = self.frames.pop()
            except IndexError:  # another thread is at it
                return
            self.keeper.ended(SPAN, frame[KEY_SIZE:])


class Keeper:
    """Keeps traces with an error, those whose root took longer than so many nanoseconds, or both.

    Held are at most so many bytes of encoded spans.
    """

    def __init__(self, *, keeps_errors: bool, slower_than: int | None, limit: int) -> None:
        self.keeps_errors: Final = keeps_errors
        self.slower_than: Final = slower_than
        self.limit: Final = limit
        self.undecided: Final[dict[bytes, HeldTrace]] = {}
        self._open: Final[dict[int, bytes]] = {}
        self._begin()
        self.connect(lambda _kind, _payload: None)
        _all.add(self)

    def _begin(self) -> None:
        self.size = self.failed = self.slow = self.discarded = self.given_up = 0

    def connect(
        self,
        ended: Callable[[int, bytes], None],
        hold: Callable[[int, bytes], None] = lambda _kind, _payload: None,
        place: Callable[[], Place] = lambda: (0, 0),
    ) -> None:
        """From now on what is kept goes to `ended`, and what is held to `hold`, at the `place` where that begins."""
        self.ended = ended
        self.hold = hold
        self.place = place

    def begun(self, trace: HeldTrace, span_id: int, payload: bytes) -> None:
        """A span of it has begun which may take long."""
        if trace.is_kept is None:
            if trace.place is None:
                trace.place = self.place()
            frame = self._open[span_id] = trace.key + payload
            self.hold(HELD_START, frame)

    def settled(self, span_id: int) -> None:
        """That span is over."""
        self._open.pop(span_id, None)

    def open_frames(self) -> list[tuple[int, bytes]]:
        """The frames of spans that have begun and not ended. Takes no lock."""
        return [(HELD_START, payload) for payload in list(self._open.values())]

    def oldest_place(self) -> Place | None:
        """Where the first frame stands that is needed still; None when there is none."""
        places = [trace.place for trace in list(self.undecided.values()) if trace.place is not None]
        return min(places, default=None)

    def bring_forward(self, segment: int) -> None:
        """Writes down again what is held in this segment or an earlier one: spans that are open stand in each."""
        for trace in list(self.undecided.values()):
            if trace.place is not None and trace.place[0] <= segment:
                trace.bring_forward()

    def make_room(self) -> None:
        """Gives up the oldest trace: what the sampler said of it stands."""
        for trace in list(self.undecided.values())[:1]:
            if trace.decide(is_kept=False):
                self.given_up += 1

    def release(self) -> None:
        """At the end: what is undecided is kept, as far as it has ended."""
        for trace in list(self.undecided.values()):
            trace.decide(is_kept=True, why=MOVED)

    def begin_after_fork(self) -> None:
        """In a forked child: what is held is the parent's."""
        for trace in list(self.undecided.values()):
            trace.is_elsewhere, trace.is_kept = True, False
        self.undecided.clear()
        self._open.clear()
        self._begin()


_all: Final = begun_anew(Keeper.begin_after_fork)
