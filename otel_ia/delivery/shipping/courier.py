"""Takes batch after batch from the spool to the destinations; knows nothing of threads."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Final

from otel_ia import clock
from otel_ia.delivery.payloads import time_of
from otel_ia.delivery.shipping.answers import Answer, retry
from otel_ia.delivery.shipping.destination import Signal
from otel_ia.delivery.shipping.pace import Pace
from otel_ia.delivery.shipping.parcels import SIGNAL_OF, Item, Parcel, pack
from otel_ia.delivery.shipping.reports import Reports
from otel_ia.delivery.shipping.routes import Route
from otel_ia.delivery.shipping.sending import send_parcel
from otel_ia.delivery.shipping.shipped import Shipped
from otel_ia.delivery.shipping.telling import Teller
from otel_ia.delivery.shipping.transport import Transport
from otel_ia.delivery.spooling.batch import Batch
from otel_ia.delivery.spooling.spool import Spool
from otel_ia.guard import guarded

MUCH: Final = 512 << 10
"""So many bytes are a batch worth sending at once."""
_BRIEFLY: Final = 0.002
_LEAST_PATIENCE: Final = 0.02
_BETWEEN_SCANS: Final = 0.25
"""Seconds, at least, when somebody asks for a scan that is not due."""
_PATIENCE_FOR_AN_ANSWER: Final = 2.0


@dataclass(slots=True)
class _Load:
    """A batch under way. It is kept until it is delivered: read again, it would not be known what of it has arrived."""

    batch: Batch
    parcels: dict[Signal, Parcel]

    def count_delivered(self) -> int:
        """How many frames, from the first, are done with; the last of them is one that has arrived.

        What the batch says was dropped waits for the telemetry behind it: nobody may have told it yet.
        """
        first = min(parcel.first for parcel in self.parcels.values())
        return max((at for at in range(1, first + 1) if self.batch.frames[at - 1][0] in SIGNAL_OF), default=0)


class Courier:
    """What is left undone can be taken up again. From any thread, but for `wait` and what reports.

    Without transports it only looks after the spool, whose content is for a later process.
    """

    def __init__(
        self, spool: Spool, transports: Mapping[Signal, Transport], *, pace: Pace, teller: Teller, counters: Shipped
    ) -> None:
        self.end = inf
        """No request is waited for after this moment of `time.monotonic`."""
        self.last_start = inf
        """None is begun after this one."""
        self._spool = spool
        self._routes = {signal: Route(transport) for signal, transport in transports.items()}
        self._pace = pace
        self.reports = Reports(spool, self._routes, teller)
        self._counters = counters
        self._stepping = threading.Lock()
        self._turn = threading.Lock()
        self._is_sending = False
        self._is_leaving = False
        self._is_cut = False
        self._is_dismissed = False
        self._load: _Load | None = None
        self._scan_at = 0.0
        self._scanned_at = self._asked_at = -inf
        self.is_looking = False
        """Whether it has been asked to `look_for_left`, and has not delivered what there is."""

    def wait(self, is_urgent: Callable[[], bool]) -> None:
        """Sleeps until there is something to do, and then a little, so that what comes with it goes with it."""
        until_scan = max(0.0, self._scan_at - time.monotonic())
        if not self._routes:
            self._spool.wait(self._pace.until_scan(), for_frames=False)
        elif (moment := self.next_try()) is not None:
            self._spool.wait(min(until_scan, max(0.0, moment - time.monotonic())), for_frames=False)
        elif self._spool.wait(until_scan) and self._spool.waiting_bytes < MUCH:
            # never without any pause: a frame that is being written may keep the spool awake and cannot be read yet
            self._spool.wait(_BRIEFLY if is_urgent() else self._pace.linger, for_frames=False)

    def step(self) -> Batch | None:
        """The next batch, delivered and acknowledged; None when there is none, or it has to wait."""
        # In a signal handler the thread itself may be in the middle of a step: it gives up rather than wait for itself.
        left = min(max(0.0, self.end - time.monotonic()), threading.TIMEOUT_MAX)
        if not self._stepping.acquire(timeout=left):
            return None
        try:
            return self._step()
        finally:
            self._stepping.release()

    def look_for_left(self) -> None:
        """Has it looked for what dead processes left, before that is due."""
        if self._routes:
            self._asked_at = time.monotonic()
            self._scan_at = min(self._scan_at, max(self._asked_at, self._scanned_at + _BETWEEN_SCANS))
            self.is_looking = True

    def next_try(self) -> float | None:
        """When what failed is tried again, a moment of `time.monotonic`; None when nothing has failed."""
        failed = [route.retry_at for route in self._routes.values() if route.failures]
        return min(failed) if failed else None

    def trouble(self) -> str:
        """Why the last request came to nothing; empty when it did not."""
        return "; ".join(route.trouble for route in self._routes.values() if route.trouble)

    def hasten(self) -> None:
        """Makes what failed due now."""
        for route in self._routes.values():
            route.hasten()

    def is_out_of_time(self) -> bool:
        """Whether no request may be begun any more and none is under way."""
        return time.monotonic() >= self.last_start and not self._is_sending

    def leave(self) -> None:
        """From now on no further batch is begun."""
        self._is_leaving = True

    def cut(self) -> None:
        """From now on no further request is begun. The one under way is ended, unless its answer has come."""
        self._is_leaving = self._is_cut = True
        for route in self._routes.values():
            route.transport.close()

    def settle(self, until: float) -> None:
        """Waits for the batch under way to be delivered or put down, until a moment of `time.monotonic`.

        An answer that has come is waited for longer, until it is acknowledged: else the batch would come twice.
        """
        if not _pass(self._stepping, until) and any(route.transport.is_answered for route in self._routes.values()):
            _pass(self._stepping, time.monotonic() + _PATIENCE_FOR_AN_ANSWER)

    def dismiss(self, until: float) -> None:
        """From now on the spool is not touched."""
        self._is_dismissed = True
        _pass(self._turn, until)

    def report_unfinished(self) -> None:
        """Has told that what is left could not be delivered in time."""
        self.reports.unfinished(self._load.parcels if self._load is not None else self._routes)

    def _step(self) -> Batch | None:
        with self._turn:
            if self._is_cut:
                return None
            self._spool.prepare()
            self._look_around()
            batch = self._next_batch()
        if batch is None:
            return None
        if not batch.begin():  # dropped by the limits since it was read
            self._load = None
            return None
        try:
            return batch if self._deliver(batch) else None
        finally:
            batch.pause()

    def _next_batch(self) -> Batch | None:
        """What was left undone, else what comes next."""
        if self._load is not None:
            return self._load.batch
        if not self._routes or self._is_leaving:
            return None
        batch = self._spool.read()
        if batch is None and self._scanned_at >= self._asked_at:
            self.is_looking = False
        if batch is None and self._spool.is_more_left:  # another was looking just then
            self._scan_at = min(self._scan_at, time.monotonic() + self._pace.until_next_look())
        return batch

    def _deliver(self, batch: Batch) -> bool:
        """Sends what of the batch has not arrived yet; whether all of it is done with, and acknowledged."""
        with self._turn:
            if self._is_dismissed:
                return False
            if self._load is None:
                self._load = self._unpack(batch)
            load = self._load
        for signal, parcel in list(load.parcels.items()):
            if self._carry(signal, parcel, batch):
                del load.parcels[signal]
        with self._turn:
            if self._is_dismissed:
                return False
            if load.parcels:
                batch.acknowledge_first(load.count_delivered())
                return False
            batch.acknowledge()
            self._load = None
        self._note_lag(batch)
        return True

    def _look_around(self) -> None:
        now = time.monotonic()
        if now >= self._scan_at:
            is_done = not self._routes or self._spool.scan() is not None
            self._scanned_at = now if is_done else self._scanned_at
            self._scan_at = now + (self._pace.until_scan() if is_done else self._pace.until_next_look())
        self.reports.losses()
        self.reports.tell()

    def _unpack(self, batch: Batch) -> _Load:
        parcels, unsendable = pack(batch, self._routes)
        for index in unsendable:
            if SIGNAL_OF[batch.frames[index][0]] in self._routes:
                batch.set_aside(index)
            else:
                self._spool.counters.drop("no destination")
        return _Load(batch, parcels)

    def _carry(self, signal: Signal, parcel: Parcel, batch: Batch) -> bool:
        """Sends a parcel if it is time; whether that is done with."""
        route = self._routes[signal]
        if time.monotonic() < route.retry_at:
            return False
        answer = send_parcel(
            parcel,
            partial(self._send, route.transport),
            take=partial(self._take, signal),
            set_aside=partial(self._set_aside, signal, batch),
        )
        if answer is None:
            self.reports.success(signal)
            route.succeed()
            return True
        if not self._is_over():
            self._counters.retried += 1
            route.fail(answer, self._pace)
            self.reports.failure(signal, answer)
        return False

    def _send(self, transport: Transport, body: bytes) -> Answer:
        if self._is_over():
            return retry("the time is up")
        self._counters.requests += 1
        self._counters.bytes_sent += len(body)
        self._is_sending = True
        try:
            answer = guarded(transport.send)(body, max(0.0, self.end - time.monotonic()))
        finally:
            self._is_sending = False
        return answer if answer is not None else retry("the request failed here")

    def _take(self, signal: Signal, piece: Sequence[Item], answer: Answer) -> None:
        self._counters.delivered[signal] += len(piece)
        if answer.rejected:
            self._counters.rejected[signal] += answer.rejected
            self.reports.rejected(signal, answer)

    def _set_aside(self, signal: Signal, batch: Batch, item: Item, answer: Answer) -> None:
        with self._turn:
            if self._is_dismissed:
                return
            is_kept = batch.set_aside(item[0])
        self._counters.set_aside[signal] += is_kept
        self.reports.set_aside(signal, answer, is_kept=is_kept)

    def _is_over(self) -> bool:
        return self._is_cut or time.monotonic() >= self.last_start

    def _note_lag(self, batch: Batch) -> None:
        if not batch.is_adopted:
            moments = (guarded(time_of)(kind, payload) for kind, payload in batch.frames[:1])
            self._counters.lag = next(((clock.wall() - moment) / 1e9 for moment in moments if moment), 0.0)


def _pass(lock: threading.Lock, until: float) -> bool:
    """Returns when nobody holds the lock, or at a moment of `time.monotonic`; whether it was the former."""
    is_free = lock.acquire(timeout=max(_LEAST_PATIENCE, until - time.monotonic()))
    if is_free:
        lock.release()
    return is_free
