"""How many frames a process was given, counted when they are done with and not when they are appended."""

from collections.abc import Callable
from typing import Final

from otel_ia.delivery.spooling.counters import Counters
from otel_ia.delivery.spooling.frames import COUNTED

NOT_KEPT: Final = ("memory", "closed", "longer than 16 MiB", "not encodable")
"""Reasons for which frames are dropped that never came to the disk."""


class Tally:
    """Those that are acknowledged or were dropped, and all; a forked child begins at nothing."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self.begin()

    def begin(self) -> None:
        """Nothing yet: at first, and in a forked child."""
        self._done = self.all = 0

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

    def count(self, waiting: int) -> None:
        """Brings `all` up to date, with so many that wait. It never goes back."""
        dropped = self._counters.dropped
        lost = sum(dropped.get(reason, 0) for reason in NOT_KEPT)
        self.all = max(self.all, self._done + lost + waiting)
