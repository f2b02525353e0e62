"""Lines that could not be written: counted, and told at most once a minute."""

import logging
import os
import time
from collections import Counter
from typing import Final

SECONDS_BETWEEN_TELLINGS: Final = 60.0
_logger: Final = logging.getLogger("otel_ia")


class Losses:
    """What one log file lost. Nothing is locked: two threads that tell at once say it twice."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count: Counter[str] = Counter()
        """By reason, since the beginning."""
        self._untold: Counter[str] = Counter()
        self._is_failing = False
        self._next = 0.0

    def lost(self, error: OSError) -> None:
        """A line was lost to this error."""
        reason = reason_of(error)
        self.count[f"log file: {reason}"] += 1
        self._untold[reason] += 1
        self._is_failing = True
        self.tell()

    def written(self) -> None:
        """A line was written; says so where the last one was not."""
        if self._is_failing or self._untold:
            self.tell(ending="; it is written again")
            self._is_failing = bool(self._untold)

    def tell(self, *, ending: str = "", at_once: bool = False) -> None:
        """Says what was lost and not said yet, if it is time."""
        now = time.monotonic()
        if not self._untold or (now < self._next and not at_once):
            return
        self._next = now + SECONDS_BETWEEN_TELLINGS
        untold, self._untold = self._untold, Counter()
        lost = ", ".join(f"{count} lines ({reason})" for reason, count in untold.items())
        _logger.warning("log file %s: lost %s%s", self.name, lost, ending)

    def tell_denied_turn(self, error: OSError) -> None:
        """The file cannot be set aside for a new one; whoever finds that tries again a minute later."""
        _logger.warning("log file %s cannot be rotated and grows: %s", self.name, reason_of(error))


def reason_of(error: OSError) -> str:
    """What went wrong, without the path, so that it can be counted."""
    return os.strerror(error.errno) if error.errno is not None else type(error).__name__
