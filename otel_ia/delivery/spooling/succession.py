"""The segment that is ready to follow the current one, and who makes it."""

import threading
import time
from collections.abc import Callable
from typing import Final

from otel_ia.delivery.spooling.segment import Segment
from otel_ia.guard import guarded

RETRY_AFTER: Final = 5.0


class Succession:
    """Makes one segment at a time, in whichever thread asks first, and waits a while after a failure.

    `make` makes a segment with room for so many bytes of frames, or raises OSError; None where there shall be none.
    `tell` is given a sentence, once
    for each reason. A forked child gets a new succession: that is how code in the middle of this one knows.
    """

    def __init__(self, make: Callable[[int], Segment] | None, *, tell: Callable[[str], None]) -> None:
        self._make = make
        self._tell = guarded(tell)
        self._told: set[str] = set()
        self._maker: int | None = None
        self._tries = 0
        self._is_over = False
        self.lock = threading.RLock()
        self.ready: Segment | None = None
        self.is_wanted = False
        self.try_at = 0.0
        self.trouble = ""
        """Why the last segment could not be made; empty when it could."""

    def may_try(self) -> bool:
        """False for a while after a failure."""
        return self._make is not None and time.monotonic() >= self.try_at

    @property
    def is_made_here(self) -> bool:
        """Whether this thread is in the middle of making a segment, and a signal handler of it must not wait for it."""
        return self._maker == threading.get_ident()

    def make(self, content: int, *, patience: float) -> None:
        """Has a segment ready, unless it cannot be made; waits so many seconds for another thread that makes one."""
        tries = self._tries
        if self.lock.acquire(blocking=False) or (patience and self.lock.acquire(timeout=patience)):
            try:
                if self._tries == tries:  # else another thread has tried; who only waited, as here, has not
                    self._make_ready(content)
                    self._tries += 1
            finally:
                self._maker = None
                self.lock.release()

    def end(self) -> None:
        """In a forked child: what is being made is the parent's."""
        self._is_over = True

    def close(self) -> None:
        """Removes what was made for nothing. No other is made."""
        self._is_over = True
        unused, self.ready = self.ready, None
        if unused is not None:
            unused.close(keep=False)

    def tell_once(self, text: str) -> None:
        """Tells the owner, once for each sentence."""
        if text not in self._told:
            self._told.add(text)
            self._tell(text)

    def _make_ready(self, content: int) -> None:
        assert self._make is not None  # `may_try` was asked
        self._maker = threading.get_ident()
        try:
            segment = self._make(content)
        except (OSError, ValueError, NotImplementedError, MemoryError) as error:
            if not self._is_over:
                self.try_at = time.monotonic() + RETRY_AFTER
                reason = error.strerror if isinstance(error, OSError) and error.strerror else error
                self.trouble = str(reason)
                self.tell_once(f"the spool cannot be kept on disk, only in memory for now: {reason}")
            return
        self.trouble = ""
        unused: Segment | None = segment
        if not self._is_over and (self.ready is None or self.ready.size < segment.size):
            unused, self.ready = self.ready, segment
        if unused is not None:
            unused.close(keep=False)  # another process's is only let go of
