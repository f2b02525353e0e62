"""Keeps what matters: a trace that was not sampled is held until its local root ends, and kept whole if it went wrong.

A span that ends inside of it goes to a spool of its own, which only a later process reads: what was undecided when this
one died is kept. What it says of itself is mostly written down as it was given (`wire.raw`), and encoded when it is
kept; the root is written down only if it has to wait for another process, in which the trace began. Whatever the
threads do, the trace is taken out of `Keeper.undecided` once, and whoever takes it out decides.
"""

import time
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Final

from opentelemetry.trace import Status, StatusCode

from otel_ia.delivery.spooling.frames import DECISION, HELD, HELD_START, SHARED, SPAN
from otel_ia.delivery.spooling.holding import DECIDED, DECIDES, MOVED, TAKES_PART, WAITS, Place, held_frame, split_held
from otel_ia.delivery.spooling.verdicts import Verdict, Verdicts
from otel_ia.delivery.wire.raw import encode_raw
from otel_ia.forks import begun_anew
from otel_ia.sdk.parts import Part

MOST_TRACES: Final = 10_000
"""That are undecided at once."""
SHORTEST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
"""Seconds between two looks at what others have decided: at first, and when nobody has for long."""
_REST: Final = 20
"""Times as long as a look takes it is not looked again: at 10,000 traces that wait it takes 15 ms."""


class HeldTrace:
    """What ends inside a local root, whose span id is the key, as long as nobody knows whether it is to be kept."""

    __slots__ = (
        "frames",
        "has_failed",
        "is_elsewhere",
        "is_kept",
        "is_shared",
        "keeper",
        "key",
        "part",
        "place",
    )

    def __init__(self, keeper: "Keeper", key: bytes) -> None:
        self.keeper = keeper
        self.key = key
        self.frames: list[bytes] = []
        self.place: Place | None = None
        """Where the first thing stands that was written of it, or before that."""
        self.has_failed = False
        self.is_kept: bool | None = None
        self.is_elsewhere = False
        """Whether its root is the parent's of this forked process."""
        self.is_shared = False
        self.part: Part | None = None
        """Of a trace that other processes have a part in, too."""
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
                place = self.place = keeper.here
            size = len(frame)
            keeper.size += size  # without a call it is one step for other threads and signal handlers
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
            keeper.ended(SPAN, _whole(frame))

    def share(self, trace_id: bytes) -> None:
        """Notes that its id is known outside, so that it may go on in other processes."""
        if self.is_shared:
            return
        self.is_shared = True  # no call from the line above to this one, so no other thread gets in between
        verdicts = self.keeper.verdicts
        if verdicts is None or self.is_kept is not None:
            return
        claim = verdicts.claim(trace_id)
        if claim is not None:
            self.part = Part(verdicts, trace_id, claim)
            self._say_shared()
            if self.is_kept is not None:  # it was decided meanwhile, perhaps before this stood there
                claim.decide(is_kept=self.is_kept)
                self.keeper.hold(DECISION, self.key + DECIDED)

    def join(self, trace_id: bytes) -> None:
        """Notes that it did not begin here: where it did, and that is known, it is decided on."""
        verdicts = self.keeper.verdicts
        if verdicts is not None:
            self.part = Part(verdicts, trace_id)
            if verdicts.find(trace_id) is Verdict.OPEN:
                self._say_shared()

    def end(self, elapsed: int, encode: Callable[[], bytes]) -> None:
        """Decides, for the root has ended, after so many nanoseconds; or waits for whoever does."""
        keeper, part = self.keeper, self.part
        has_failed = self.has_failed and keeper.keeps_errors
        is_slow = keeper.slower_than is not None and elapsed > keeper.slower_than
        is_kept: bool | None = has_failed or is_slow
        if part is not None:
            is_kept = part.ask(is_wanted=has_failed or is_slow)
        if is_kept is None:
            self._wait(encode())
        elif self.decide(is_kept=is_kept):
            if not is_kept:
                keeper.discarded += 1
                return
            if has_failed:
                keeper.failed += 1
            elif is_slow:
                keeper.slow += 1
            else:
                keeper.followed += 1
            keeper.ended(SPAN, encode())

    def decide(self, *, is_kept: bool, why: bytes = DECIDED) -> bool:
        """Has what is held and what comes late sent, or lets go of both; False when that was decided before."""
        keeper = self.keeper
        if keeper.undecided.pop(self.key, None) is None:
            return False
        self.is_kept = is_kept
        if keeper.waiting:
            keeper.waiting.pop(self.key, None)
        if self.place is not None:
            self._follow()
            keeper.hold(DECISION, self.key + why)
        if self.part is not None and self.part.claim is not None:
            self.part.claim.decide(is_kept=is_kept)
            if is_kept or keeper.waiting:
                keeper.note_told(is_kept=is_kept)
        return True

    def bring_forward(self) -> None:
        """Writes down again what is held, so that what lies before need not stay. In one thread at a time."""
        keeper = self.keeper
        self.place = keeper.place()  # before it looks for what was taken: see `take`
        for frame in list(self.frames):
            keeper.hold(HELD, frame)
        self._say_shared()
        if self.is_kept is not None:  # it was decided meanwhile, perhaps before the first of these
            keeper.hold(DECISION, self.key + DECIDED)

    def _wait(self, root: bytes) -> None:
        keeper = self.keeper
        keeper.waiting[self.key] = self
        self.take(held_frame(self.key, root))
        if self.is_kept is not None:  # given up for want of room, or decided elsewhere just now
            keeper.waiting.pop(self.key, None)
            return
        self._say_shared()
        keeper.look_soon()

    def _say_shared(self) -> None:
        part = self.part
        if part is not None:
            if self.place is None:
                self.place = self.keeper.here
            role = DECIDES if part.claim is not None else WAITS if self.key in self.keeper.waiting else TAKES_PART
            self.keeper.hold(SHARED, self.key + role + part.trace_id)

    def _follow(self) -> None:
        keeper = self.keeper
        if not self.is_kept:
            frames, self.frames = self.frames, []  # without a call, so a frame that comes meanwhile is in one of them
            size = sum(map(len, frames))
            keeper.size -= size
            return
        self.frames.reverse()  # those that come meanwhile go first
        while self.frames:
            try:
                frame = self.frames.pop()
            except IndexError:  # another thread is at it
                return
            size = len(frame)
            keeper.size -= size
            try:
                keeper.ended(SPAN, _whole(frame))
            except (RecursionError, MemoryError):
                keeper.late.append(frame)


def _whole(frame: bytes) -> bytes:
    encoded, raw = split_held(frame)
    return encoded + encode_raw(raw) if raw else encoded


class Keeper:
    """Keeps traces with an error, those whose root took longer than so many nanoseconds, or both.

    Held are at most so many bytes of encoded spans.
    """

    def __init__(self, *, keeps_errors: bool, slower_than: int | None, limit: int) -> None:
        self.keeps_errors: Final = keeps_errors
        self.slower_than: Final = slower_than
        self.limit: Final = limit
        self.undecided: Final[dict[bytes, HeldTrace]] = {}
        self.waiting: Final[dict[bytes, HeldTrace]] = {}
        """Those of them whose root has ended, and on which another process decides."""
        self.late: Final[deque[bytes]] = deque()
        """Frames of what is kept, for which there was no room on the stack: they are sent from another thread."""
        self._open: Final[dict[int, bytes]] = {}
        self._begin()
        self.connect(lambda _kind, _payload: None)
        _all.add(self)

    def _begin(self) -> None:
        self.here: Place = (0, 0)
        """What is written from now on stands behind that: told by who looks after the spool."""
        self.size = self.failed = self.slow = self.followed = self.discarded = self.given_up = 0
        self._pause = self._least_pause = SHORTEST_PAUSE
        self._looked_at, self._look_at = -inf, inf

    def connect(  # noqa: PLR0913 - what it is connected to
        self,
        ended: Callable[[int, bytes], None],
        hold: Callable[[int, bytes], None] = lambda _kind, _payload: None,
        place: Callable[[], Place] = lambda: (0, 0),
        verdicts: Verdicts | None = None,
        wake: Callable[[], None] = lambda: None,
        when_kept: Callable[[], None] = lambda: None,
    ) -> None:
        """From now on what is kept goes to `ended`, and what is held to `hold`, at the `place` where that begins.

        What others decide stands in `verdicts`; `wake` has somebody `look` there, and go on with that. `when_kept` is
        called with each trace that is kept and that others have a part in, which they may have left behind.
        """
        self.ended = ended
        self.hold = hold
        self.place = place
        self.verdicts = verdicts
        self.wake = wake
        self.when_kept = when_kept

    def begun(self, trace: HeldTrace, span_id: int, payload: bytes) -> None:
        """A span of it has begun which may take long."""
        if trace.is_kept is None:
            if trace.place is None:
                trace.place = self.here
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

    @property
    def pause(self) -> float | None:
        """Seconds until it is to `look` again at what others have decided; None where nothing waits for that."""
        if self.late:
            return 0.0
        look_at = self._look_at
        return max(0.0, look_at - time.monotonic()) if self.waiting and look_at < inf else None

    def look_soon(self) -> None:
        """One more waits, or what one waits for was decided here: a look is due after the shortest pause."""
        self._pause = SHORTEST_PAUSE
        before, self._look_at = self._look_at, min(self._look_at, self._looked_at + self._least_pause)
        # Else it is woken for that already: each time it would look at all that wait.
        if self._look_at < before or before <= time.monotonic():
            self.wake()

    def look(self) -> None:
        """Decides on what waits for others as they have. From any thread."""
        self._send_late()
        has_news = False
        self._looked_at, self._look_at = time.monotonic(), inf  # first: what comes to wait meanwhile sets it anew
        for trace in list(self.waiting.values()):
            part = trace.part
            verdict = part.verdicts.find(part.trace_id) if part is not None else None
            if verdict is Verdict.OPEN and part is not None and part.claim is None:
                continue
            has_news = True
            if trace.decide(is_kept=verdict is Verdict.KEPT):
                if verdict is Verdict.KEPT:
                    self.followed += 1
                elif verdict is Verdict.DISCARDED:
                    self.discarded += 1
                else:  # it stands there no more, or as one that was claimed here since
                    self.given_up += 1
        now = time.monotonic()
        self._pause = SHORTEST_PAUSE if has_news else min(2 * self._pause, LONGEST_PAUSE)
        self._least_pause = min(max(SHORTEST_PAUSE, _REST * (now - self._looked_at)), LONGEST_PAUSE)
        if self.waiting:
            self._look_at = min(self._look_at, now + max(self._pause, self._least_pause))

    def _send_late(self) -> None:
        while self.late:
            try:
                frame = self.late.popleft()
            except IndexError:  # another thread is at it
                return
            self.ended(SPAN, _whole(frame))

    def note_told(self, *, is_kept: bool) -> None:
        """Others were told of a decision: who waits for it here looks soon, and what they left is looked for."""
        if self.waiting:
            self.look_soon()
        if is_kept:
            self.when_kept()

    def make_room(self) -> None:
        """Gives up the oldest trace: what the sampler said of it stands."""
        for trace in list(self.undecided.values())[:1]:
            if trace.decide(is_kept=False):
                self.given_up += 1

    def release(self) -> None:
        """At the end: what is undecided is kept, as far as it has ended; what waits is left to a later process."""
        self.look()
        for trace in list(self.undecided.values()):
            if trace.key not in self.waiting and trace.decide(is_kept=True, why=MOVED) and trace.part is not None:
                trace.part.wish()

    def begin_after_fork(self) -> None:
        """In a forked child: what is held is the parent's."""
        for trace in list(self.undecided.values()):
            trace.is_elsewhere, trace.is_kept = True, False
        self.undecided.clear()
        self.waiting.clear()
        self.late.clear()
        self._open.clear()
        self._begin()


_all: Final = begun_anew(Keeper.begin_after_fork)
