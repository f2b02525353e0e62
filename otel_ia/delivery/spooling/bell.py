"""What wakes the shipper: rung at no cost when nobody sleeps, and safe in a signal handler."""

import threading


class Bell:
    """Rings once, however often it is rung before someone wakes.

    A `threading.Event` would not do: its `set` takes a lock, which a signal handler may find held by its own thread.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Wakes the one who sleeps, or who will."""
        try:
            self._lock.release()
        except RuntimeError:  # it is ringing already
            return

    def sleep(self, timeout: float | None) -> bool:
        """Sleeps until the bell rings; False when the time (s) was up before."""
        return self._lock.acquire(timeout=-1 if timeout is None else max(0.0, timeout))
