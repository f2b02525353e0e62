"""What became of the frames that were not simply delivered."""

import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

_MOST_EVENTS: Final = 256


@dataclass(slots=True, kw_only=True)
class Counters:
    """Plain numbers, counted up by the spool.

    `damaged` are stretches of dead processes' segments that are no frames: a frame half written at the kill is one.
    """

    refused: int = 0
    damaged: int = 0
    adopted: int = 0
    abandoned: int = 0
    _dropped: Counter[str] = field(default_factory=Counter)
    _unrecorded: Counter[str] = field(default_factory=Counter)
    # Adding to a number is two steps, between which another thread or a signal handler may add; appending is one.
    _events: deque[tuple[str, int]] = field(default_factory=deque)
    _summing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def dropped(self) -> dict[str, int]:
        """How many frames were dropped, by reason, since the process began."""
        self._sum()
        return dict(self._dropped)

    def drop(self, reason: str, count: int = 1) -> None:
        """Counts dropped frames, in any thread or signal handler."""
        if count:
            self._events.append((reason, count))
            if len(self._events) > _MOST_EVENTS:
                self._sum()

    def take_unrecorded(self) -> dict[str, int]:
        """What was dropped since the last call."""
        self._sum()
        taken, self._unrecorded = self._unrecorded, Counter()
        return dict(taken)

    def _sum(self) -> None:
        if self._summing.acquire(blocking=False):
            try:
                while self._events:
                    reason, count = self._events.popleft()
                    self._dropped[reason] += count
                    self._unrecorded[reason] += count
            finally:
                self._summing.release()
