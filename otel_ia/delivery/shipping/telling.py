"""Says what is wrong with the delivery, at most once a minute, and when it is right again."""

import logging
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from otel_ia import clock

_STEP: Final = 1024
_PATIENCE: Final = 0.05
_MOST_REASONS: Final = 8
_OTHERS: Final = "lost for other reasons"
_logger: Final = logging.getLogger("otel_ia")


@dataclass(slots=True)
class _Trouble:
    """What is wrong with one destination."""

    what: str
    began: float
    since: str
    is_told: bool = False


class Teller:
    """Collects what is wrong with all destinations, and says it in one line, never twice in `every` seconds.

    The shippers of a process may share it.
    """

    def __init__(self, *, every: float = 60.0) -> None:
        self._every = every
        self.begin()

    def begin(self) -> None:
        """With nothing told: at first, and in a forked child."""
        self._lock = threading.Lock()
        self._troubles: dict[str, _Trouble] = {}
        self._losses: deque[tuple[str, int]] = deque()
        self._next = 0.0
        self._said: set[str] = set()

    def say(self, sentence: str) -> None:
        """Says a sentence, once however many spools tell it."""
        if sentence not in self._said:
            self._said.add(sentence)
            _logger.warning("%s", sentence)

    def trouble(self, name: str, reason: str, waiting: str) -> None:
        """Something cannot be delivered: what and where to, why, and how much of it waits where."""
        self.note_trouble(name, reason, waiting)
        self.tell()

    def note_trouble(self, name: str, reason: str, waiting: str) -> None:
        """The same, to be told later."""
        what = f"{reason}; {waiting}"
        known = self._troubles.get(name)
        if known is None:
            now = datetime.fromtimestamp(clock.wall() / 1e9).astimezone()
            self._troubles[name] = _Trouble(what, time.monotonic(), f"{now:%H:%M:%S}")
        else:
            known.what = what

    def relief(self, name: str) -> None:
        """It can be delivered again."""
        trouble = self._troubles.pop(name, None)
        if trouble is not None and trouble.is_told:
            _logger.info("%s: delivered again, after %.0f s", name, time.monotonic() - trouble.began)

    def loss(self, reason: str, count: int) -> None:
        """So many spans, log records or metrics will not be delivered."""
        self.note_loss(reason, count)
        self.tell()

    def note_loss(self, reason: str, count: int) -> None:
        """The same, to be told later."""
        self._losses.append((reason, count))  # one step, in which no other shipper gets between

    def tell(self) -> None:
        """Says what there is to say, if it is time."""
        if time.monotonic() >= self._next and (self._troubles or self._losses):
            self._write(is_last=False)

    def tell_rest(self) -> None:
        """Says at the end what was lost and not said yet, for there is no next time."""
        self._write(is_last=True)

    def _write(self, *, is_last: bool) -> None:
        if not self._lock.acquire(timeout=_PATIENCE):
            return
        try:
            is_time = time.monotonic() >= self._next
            if not (is_last or is_time):  # another thread was quicker
                return
            lines = []
            for name, trouble in list(self._troubles.items()) if is_time else ():  # the next process has time to tell
                if not (is_last and trouble.is_told):
                    lines.append(f"{name}: not delivered since {trouble.since}: {trouble.what}")
                    trouble.is_told = True
            lines += [f"{count} {reason}" for reason, count in self._take_losses().items()]
            if not lines:
                return
            self._next = time.monotonic() + self._every
        finally:
            self._lock.release()
        _logger.warning("%s", "; ".join(lines))

    def _take_losses(self) -> Counter[str]:
        losses: Counter[str] = Counter()
        while self._losses:
            reason, count = self._losses.popleft()
            losses[reason if reason in losses or len(losses) < _MOST_REASONS else _OTHERS] += count
        return losses


def size_in_words(count: float) -> str:
    """A number of bytes, for people."""
    if count < _STEP:
        return f"{count:.0f} bytes"
    return f"{count / _STEP:.0f} KiB" if count < _STEP**2 else f"{count / _STEP**2:.1f} MiB"
