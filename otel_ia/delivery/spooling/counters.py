"""What became of the frames that were not simply delivered."""

import threading
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from otel_ia.delivery.spooling.frames import COUNTED, DROPPED, read_dropped

_MOST_EVENTS: Final = 256
_PATIENCE: Final = 0.1


@dataclass(slots=True, kw_only=True)
class Counters:
    """Plain numbers, counted up by the spool; a forked child begins with new ones.

    `damaged` are stretches of dead processes' segments that are no frames: a frame half written at the kill is one.
    """

    refused: int = 0
    damaged: int = 0
    adopted: int = 0
    abandoned: int = 0
    _dropped: Counter[str] = field(default_factory=Counter)
    _earlier: Counter[str] = field(default_factory=Counter)
    _unrecorded: Counter[str] = field(default_factory=Counter)
    # Adding to a number is two steps, between which another thread or a signal handler may add; appending is one.
    _events: deque[tuple[str, int, bool]] = field(default_factory=deque)
    _summing: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """In a forked child: nothing of this process's own has happened yet."""
        self._summing = threading.Lock()
        self.refused = self.damaged = self.adopted = self.abandoned = 0
        self._dropped, self._earlier, self._unrecorded, self._events = Counter(), Counter(), Counter(), deque()

    @property
    def dropped(self) -> dict[str, int]:
        """How many frames this process has dropped, by reason."""
        self._sum_up(0)
        return dict(self._dropped)

    @property
    def dropped_earlier(self) -> dict[str, int]:
        """How many frames earlier processes had dropped, by reason, as what they left behind says."""
        return dict(self._earlier)

    def drop(self, reason: str, count: int = 1) -> None:
        """Counts dropped frames, in any thread or signal handler."""
        self._note(reason, count, is_own=True)

    def lose(self, reason: str, frames: Iterable[tuple[int, bytes]]) -> None:
        """Counts frames that are given up, from anywhere. What DROPPED ones among them say is to be recorded anew."""
        lost = 0
        for kind, payload in frames:
            if kind == DROPPED:
                self._note(*read_dropped(payload), is_own=False)
            else:
                lost += kind in COUNTED
        self.drop(reason, lost)

    def find(self, payload: bytes) -> None:
        """Counts what a DROPPED frame of an earlier process says. By one thread at a time."""
        reason, count = read_dropped(payload)
        self._earlier[reason] += count

    def take_unrecorded(self) -> dict[str, int]:
        """What has been dropped, or found in what was given up, since the last call: to be recorded in DROPPED frames.

        Empty while another thread is at it.
        """
        taken: Counter[str] = Counter()
        if self._events or self._unrecorded:
            self._sum_up(_PATIENCE, taken)
        return dict(taken)

    def _note(self, reason: str, count: int, *, is_own: bool) -> None:
        if count:
            self._events.append((reason, count, is_own))
            if len(self._events) > _MOST_EVENTS:
                self._sum_up(0)

    def _sum_up(self, patience: float, taken: Counter[str] | None = None) -> None:
        if not self._summing.acquire(timeout=patience):  # a signal handler of the thread that has it must not wait
            return
        try:
            while self._events:
                reason, count, is_own = self._events.popleft()
                self._unrecorded[reason] += count
                if is_own:
                    self._dropped[reason] += count
            if taken is not None:
                taken.update(self._unrecorded)
                self._unrecorded.clear()
        finally:
            self._summing.release()
