"""How many frames a process was given, counted when they are done with and not when they are appended."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from otel_ia.delivery.spooling.counters import Counters
from otel_ia.delivery.spooling.frames import COUNTED

_ATTEMPTS: Final = 50
_PAUSE: Final = 0.001
NOT_KEPT: Final = ("memory", "closed", "longer than 16 MiB", "not encodable")
"""Reasons for which frames are dropped that never came to the disk."""


class Tally:
    """Those that are acknowledged or were dropped, and all; a forked child begins at nothing."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self.begin()

    def begin(self) -> None:
        """Nothing yet: at first, and in a forked child."""
        self._done = self._moving = self.all = 0

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Inside, frames go from those that wait to those that are done with."""
        self._moving += 1  # one statement without a call: nothing gets in between
        try:
            yield
        finally:
            self._moving -= 1

    def add(self, count: int) -> None:
        """So many more are done with."""
        self._done += count  # one statement without a call: nothing gets in between

    def follow(self, frames: list[tuple[int, bytes]]) -> Callable[[int], None]:
        """Adds those of the frames that are done with: told how many, from the first, as often as that changes."""
        known = 0

        def note_done(end: int) -> None:
            nonlocal known
            self.add(sum(kind in COUNTED for kind, _ in frames[known:end]))
            known = max(known, end)

        return note_done

    def count(self, count_waiting: Callable[[], int]) -> None:
        """Brings `all` up to date. It never goes back; while frames are moving it waits a moment, or counts too few."""
        for _ in range(_ATTEMPTS):
            done, moving = self._done, self._moving
            waiting = count_waiting()
            if not moving and not self._moving and self._done == done:
                break
            time.sleep(_PAUSE)
        dropped = self._counters.dropped
        lost = sum(dropped.get(reason, 0) for reason in NOT_KEPT)
        self.all = max(self.all, done + lost + waiting)
