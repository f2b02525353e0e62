"""Brings what the spool holds to the collector, on a thread of its own."""

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import context

from otel_ia.delivery.shipping.courier import MUCH, Courier
from otel_ia.delivery.shipping.destination import Signal
from otel_ia.delivery.shipping.pace import Pace
from otel_ia.delivery.shipping.shipped import Shipped
from otel_ia.delivery.shipping.telling import Teller
from otel_ia.delivery.shipping.transport import Transport
from otel_ia.delivery.spooling.spool import Spool
from otel_ia.guard import guarded

THREAD_NAME: Final = "otel_ia shipper"
"""What is logged on threads whose name begins with "otel_ia " is not exported."""
_PATIENCE: Final = 0.3
_DEFAULT_PACE: Final = Pace()
_shippers: "weakref.WeakSet[Shipper]" = weakref.WeakSet()


def flush_all(shippers: Iterable["Shipper"], timeout: float) -> bool:
    """`Shipper.flush` of several at once, under one deadline."""
    return _wait_for_all([shipper.begin_flush(timeout) for shipper in shippers])


def stop_all(shippers: Iterable["Shipper"], timeout: float = 2.0) -> bool:
    """`Shipper.stop` of several at once, under one deadline."""
    return _wait_for_all([shipper.begin_stop(timeout) for shipper in shippers])


class Shipper:
    """Sends the frames of one spool and acknowledges each batch when all of it has arrived.

    The transports are by signal; without any, it only looks after the spool. A batch with several is acknowledged when
    each has its part, so one that is down holds up the others of the same spool. Give each destination a spool and a
    shipper of its own (`flush_all`, `stop_all`, one `Teller` for all): then they are independent, in this process and
    the next.

    The thread is started by `start`: by the owner at the beginning and, since threads do not survive a fork, with a
    child's first frame, when `is_running` is false again. The owner closes the spool after `stop`.
    """

    def __init__(
        self,
        spool: Spool,
        transports: Mapping[Signal, Transport],
        *,
        pace: Pace = _DEFAULT_PACE,
        teller: Teller | None = None,
    ) -> None:
        self._spool = spool
        self._transports = dict(transports)
        self._pace = pace
        self._teller = teller if teller is not None else Teller(every=pace.tell_every)
        self._is_stopped = False
        self._begin()
        _shippers.add(self)

    def _begin(self) -> None:
        self.is_running = False
        """Whether the thread is there; false again in a forked child."""
        self.counters = Shipped()
        """A forked child has new ones."""
        self._courier = Courier(
            self._spool, self._transports, pace=self._pace, teller=self._teller, counters=self.counters
        )
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._news = threading.Condition()
        self._urgent_until = 0.0

    @property
    def trouble(self) -> str:
        """Why the last request came to nothing; empty when it did not."""
        return self._courier.trouble()

    def start(self) -> bool:
        """Makes sure that the thread runs; False when none can be started any more (interpreter exit, after `stop`)."""
        if self.is_running or self._is_stopped:
            return not self._is_stopped
        if not self._starting.acquire(blocking=False):
            return True
        try:
            if not self.is_running:
                thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
                thread.start()
                self._thread = thread
                self.is_running = True
        except RuntimeError:  # from Python 3.12 on, none is started while the interpreter exits
            return False
        finally:
            self._starting.release()
        return True

    def flush(self, timeout: float) -> bool:
        """Sends now; True when all that was appended before the call has been acknowledged, within the timeout (s).

        A destination that is down is tried again at once, unless it has asked to be left alone; False as soon as the
        next try would come too late.
        """
        return self.begin_flush(timeout)()

    def stop(self, timeout: float = 2.0) -> bool:
        """Sends what is left as long as that goes well, and ends; True if nothing of this process's own is left.

        Within the timeout (s); at once when the last try failed. What is left stays in the spool, which is not touched
        any more once this has returned. The transports are closed. Also while the interpreter exits. Idempotent.
        """
        return self.begin_stop(timeout)()

    def begin_flush(self, timeout: float) -> Callable[[], bool]:
        """Begins a `flush`; the returned function waits for it."""
        end = time.monotonic() + timeout
        is_done = self._mark()
        courier = self._courier

        def is_hopeless() -> bool:
            moment = courier.next_try()
            return moment is not None and moment > end

        courier.hasten()
        self._hurry(end, is_needed=not is_done())
        return lambda: self._wait_for(is_done, end, is_hopeless)

    def begin_stop(self, timeout: float = 2.0) -> Callable[[], bool]:
        """Begins a `stop`; the returned function waits for it."""
        end = time.monotonic() + timeout
        is_done = self._mark()
        courier = self._courier

        def is_hopeless() -> bool:
            return courier.next_try() is not None

        def wait() -> bool:
            is_left = not self._wait_for(is_done, end, is_hopeless)
            if not self._is_stopped:
                self._is_stopped = True
                self._end(0.0 if is_left else end - time.monotonic(), is_late=is_left and not is_hopeless())
            return not is_left

        if not self._is_stopped:
            courier.end = end
            self._hurry(end, is_needed=not is_done() and not is_hopeless())
        return wait

    def _mark(self) -> Callable[[], bool]:
        """Says whether all that was appended so far is where it is to go."""
        return self._spool.mark() if self._transports else lambda: True

    def _hurry(self, end: float, *, is_needed: bool) -> None:
        self._urgent_until = max(self._urgent_until, end)
        if is_needed:
            self.start()
        self._spool.wake()

    def _wait_for(self, is_done: Callable[[], bool], end: float, is_hopeless: Callable[[], bool]) -> bool:
        """True when it is done, before the end and while there is hope."""
        if not self.is_running and not is_done() and not is_hopeless() and not self._is_stopped:
            self._work_here(end)
            return is_done()
        with self._news:
            while not is_done():
                left = end - time.monotonic()
                if left <= 0 or is_hopeless() or self._is_stopped:
                    return False
                self._news.wait(left)
        return True

    def _end(self, patience: float, *, is_late: bool) -> None:
        if is_late:
            self._courier.tell_unfinished()
        self._courier.dismiss(patience=patience)
        self._courier.tell_losses()
        self._spool.wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE)
        self.is_running = False

    def _run(self) -> None:
        work = guarded(self._work)
        with _uninstrumented():
            while not self._is_stopped:
                if work() is None:
                    self._spool.wait(self._pace.first_retry, for_frames=False)

    def _work(self) -> bool:
        """Waits for frames and sends them, until the next are few enough to be waited for again."""
        self._courier.wait(self._is_urgent)
        while (batch := self._courier.step()) is not None:
            self._tell_news()
            if not (batch.is_adopted or self._is_urgent() or self._spool.waiting_bytes >= MUCH):
                break
        self._tell_news()
        return True

    def _work_here(self, end: float) -> None:
        """The same on the thread of the caller, where there can be no other."""
        step = guarded(self._courier.step)
        with _uninstrumented():
            while time.monotonic() < end and step() is not None:
                pass

    def _is_urgent(self) -> bool:
        return time.monotonic() < self._urgent_until

    def _tell_news(self) -> None:
        with self._news:
            self._news.notify_all()

    def begin_after_fork(self) -> None:
        """In a forked child: no thread, and nothing of the parent's under way."""
        self._teller.begin()
        self._begin()


def _wait_for_all(begun: list[Callable[[], bool]]) -> bool:
    results = [wait() for wait in begun]  # each is waited for, whatever the others say
    return all(results)


@contextmanager
def _uninstrumented() -> Iterator[None]:
    """Instrumented HTTP and gRPC libraries make no spans inside; they look this key up."""
    token = context.attach(context.set_value("suppress_instrumentation", True))
    try:
        yield
    finally:
        context.detach(token)


def _begin_all_after_fork() -> None:
    for shipper in list(_shippers):
        shipper.begin_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_all_after_fork)
