"""Brings what the spool holds to the collector, on a thread of its own."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from otel_ia.delivery.shipping.courier import MUCH, Courier
from otel_ia.delivery.shipping.destination import Signal
from otel_ia.delivery.shipping.pace import Pace
from otel_ia.delivery.shipping.shipped import Shipped
from otel_ia.delivery.shipping.silence import uninstrumented
from otel_ia.delivery.shipping.telling import Teller
from otel_ia.delivery.shipping.transport import Transport
from otel_ia.delivery.spooling.spool import Spool
from otel_ia.forks import begun_anew
from otel_ia.guard import guarded

THREAD_NAME: Final = "otel_ia shipper"
"""What carries telemetry on threads whose name begins with "otel_ia " logs there, and that is not exported."""
_CLOSING: Final = 0.25
"""Seconds that all shippers together may take to put down what is under way at the end."""
_LAST_PART: Final = 8
"""In the last eighth of the time no request is begun: one that is cut off may have arrived, and come again."""
_DEFAULT_PACE: Final = Pace()


def flush_all(shippers: Iterable["Shipper"], timeout: float) -> bool:
    """`Shipper.flush` of several at once, under one deadline."""
    begun = [shipper.begin_flush(timeout) for shipper in shippers]
    are_done = [wait() for wait in begun]  # each is waited for, whatever the others say
    return all(are_done)


def stop_all(shippers: Iterable["Shipper"], timeout: float = 2.0) -> bool:
    """`Shipper.stop` of several at once, under one deadline."""
    end = time.monotonic() + timeout
    begun = [(shipper, shipper.begin_stop(timeout)) for shipper in shippers]
    for shipper, is_done in begun:
        shipper.wait_to_stop(is_done, end)
    stopping = [(shipper, is_done) for shipper, is_done in begun if shipper.cut()]
    until = time.monotonic() + _CLOSING
    for shipper, is_done in stopping:
        shipper.finish(is_done, until)
    for teller in {shipper.teller for shipper, _ in stopping}:
        teller.tell_rest()
    return all(is_done() for _, is_done in begun)


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
        self.teller = teller if teller is not None else Teller(every=pace.tell_every)
        self._is_stopped = False
        self._begin()
        _shippers.add(self)

    def _begin(self) -> None:
        self.is_running = False
        """Whether the thread is there; false again in a forked child."""
        self.counters = Shipped()
        """A forked child has new ones."""
        self._courier = Courier(
            self._spool, self._transports, pace=self._pace, teller=self.teller, counters=self.counters
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
        """Makes sure that the thread runs; False where it does not, or not yet: another thread is starting it.

        While the interpreter exits, and after `stop`, none can be started any more.
        """
        if self.is_running or self._is_stopped:
            return not self._is_stopped
        if not self._starting.acquire(blocking=False):
            return self.is_running  # another thread is at it, and may not come to its end
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
        any more once this has returned, a quarter of a second after the timeout at the latest. An answer that has come
        is acknowledged in any case. The transports are closed. Also while the interpreter exits. Idempotent.
        """
        return stop_all([self], timeout)

    def look_for_left(self) -> None:
        """Has it looked soon for what dead processes left, and at the end waited for that as for its own. Waits not."""
        self._courier.look_for_left()
        self._spool.wake()

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

    def begin_stop(self, timeout: float) -> Callable[[], bool]:
        """Begins a `stop`; the returned function says whether nothing of this process's own is left.

        `wait_to_stop`, `cut` and `finish` are the rest of it. Several shippers go through them together: `stop_all`.
        """
        now = time.monotonic()
        is_done = self._mark()
        if not self._is_stopped:
            self._courier.end, self._courier.last_start = now + timeout, now + timeout - timeout / _LAST_PART
            is_needed = self._courier.is_looking or not is_done()
            self._hurry(now + timeout, is_needed=is_needed and not self._is_failing())
        return is_done

    def wait_to_stop(self, is_done: Callable[[], bool], end: float) -> None:
        """Waits as long as there is something left, hope and time."""
        courier = self._courier
        is_all = self._wait_for(
            lambda: is_done() and not courier.is_looking,
            end,
            lambda: self._is_failing() or courier.is_out_of_time(),
        )
        courier.leave()
        if is_all and not self._is_failing():  # what earlier processes left is not broken off
            courier.settle(end)

    def cut(self) -> bool:
        """Ends what is under way, and the thread; False when that was done before."""
        if self._is_stopped:
            return False
        self._is_stopped = True
        self._courier.cut()
        self._spool.wake()
        return True

    def finish(self, is_done: Callable[[], bool], until: float) -> None:
        """Waits for the end of what was under way, until a moment of `time.monotonic`, and lets go of the spool."""
        self._courier.settle(until)
        self._courier.dismiss(until)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(max(0.0, until - time.monotonic()))
        self.is_running = False
        self._courier.reports.losses()
        if not is_done() and not self._is_failing():
            self._courier.report_unfinished()

    def tell_rest(self) -> None:
        """Says what was lost and not said yet: for the owner, when it has closed the spool, which may not keep all."""
        self._courier.reports.losses()
        self.teller.tell_rest()

    def _is_failing(self) -> bool:
        return self._courier.next_try() is not None

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

    def _run(self) -> None:
        work = guarded(self._work)
        with uninstrumented():
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
        with uninstrumented():
            while time.monotonic() < end and step() is not None:
                pass

    def _is_urgent(self) -> bool:
        return time.monotonic() < self._urgent_until

    def _tell_news(self) -> None:
        with self._news:
            self._news.notify_all()

    def begin_after_fork(self) -> None:
        """In a forked child: no thread, and nothing of the parent's under way."""
        self.teller.begin()
        self._begin()


_shippers: Final = begun_anew(Shipper.begin_after_fork)
