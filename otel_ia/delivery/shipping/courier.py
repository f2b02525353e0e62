"""Takes batch after batch from the spool to the destinations; knows nothing of threads."""

import threading
import time
from collections import Counter
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
from otel_ia.delivery.shipping.routes import Route
from otel_ia.delivery.shipping.sending import send_parcel
from otel_ia.delivery.shipping.shipped import Shipped
from otel_ia.delivery.shipping.telling import Teller, size_in_words
from otel_ia.delivery.shipping.transport import Transport
from otel_ia.delivery.spooling.batch import Batch
from otel_ia.delivery.spooling.spool import Spool
from otel_ia.guard import guarded

MUCH: Final = 512 << 10
"""So many bytes are a batch worth sending at once."""
_BRIEFLY: Final = 0.002
_PATIENCE: Final = 0.3


@dataclass(slots=True)
class _Load:
    """A batch under way. It is kept until it is delivered: read again, it would not be known what of it has arrived."""

    batch: Batch
    parcels: dict[Signal, Parcel]


class Courier:
    """What is left undone can be taken up again. From any thread, but for `wait` and `tell_unfinished`.

    Without transports it only looks after the spool, whose content is for a later process.
    """

    def __init__(
        self, spool: Spool, transports: Mapping[Signal, Transport], *, pace: Pace, teller: Teller, counters: Shipped
    ) -> None:
        self.end = inf
        """No request is begun after this moment of `time.monotonic`, or waited for."""
        self._spool = spool
        self._routes = {signal: Route(transport) for signal, transport in transports.items()}
        self._pace = pace
        self._teller = teller
        self._counters = counters
        self._stepping = threading.Lock()
        self._turn = threading.Lock()
        self._is_leaving = False
        self._is_dismissed = False
        self._load: _Load | None = None
        self._scan_at = 0.0
        self._told: Counter[str] = Counter()

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

    def tell_losses(self) -> None:
        """Says what was lost and not told yet."""
        self._report_losses()
        self._teller.conclude()

    def tell_unfinished(self) -> None:
        """Says that what is left could not be delivered in time."""
        for signal in list(self._load.parcels) if self._load is not None else ():
            self._tell_trouble(signal, "no answer before the end")

    def dismiss(self, *, patience: float) -> None:
        """Waits so long (s) for the batch under way, then ends its request; from then on the spool is not touched.

        To break off after the answer and before the acknowledgement would bring a batch twice.
        """
        self._is_leaving = True
        _pass(self._stepping, patience)
        self._is_dismissed = True
        for route in self._routes.values():
            route.transport.close()
        _pass(self._turn, _PATIENCE)

    def _step(self) -> Batch | None:
        with self._turn:
            if self._is_dismissed:
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
                batch.acknowledge_first(min(parcel.first for parcel in load.parcels.values()))
                return False
            batch.acknowledge()
            self._load = None
        self._note_lag(batch)
        return True

    def _look_around(self) -> None:
        now = time.monotonic()
        if now >= self._scan_at:
            is_done = not self._routes or self._spool.scan() is not None
            self._scan_at = now + (self._pace.until_scan() if is_done else self._pace.until_next_look())
        self._report_losses()
        self._teller.tell()

    def _report_losses(self) -> None:
        counters = self._spool.counters
        lost = Counter({f"dropped ({reason})": count for reason, count in counters.dropped.items()})
        for reason, count in counters.dropped_earlier.items():
            lost[f"dropped by an earlier process ({reason})"] = count
        for reason, count in (lost - self._told).items():
            self._teller.loss(reason, count)
        self._told = lost

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
            self._teller.relief(self._name(signal))
            route.succeed()
            return True
        if not self._is_over():
            self._counters.retried += 1
            route.fail(answer, self._pace)
            self._tell_trouble(signal, answer.reason)
        return False

    def _tell_trouble(self, signal: Signal, reason: str) -> None:
        where = "in the spool" if self._spool.is_on_disk else "in memory"
        self._teller.trouble(self._name(signal), reason, f"{size_in_words(self._spool.waiting_bytes)} kept {where}")

    def _send(self, transport: Transport, body: bytes) -> Answer:
        if self._is_over():
            return retry("the time is up")
        self._counters.requests += 1
        self._counters.bytes_sent += len(body)
        answer = guarded(transport.send)(body, max(0.0, self.end - time.monotonic()))
        return answer if answer is not None else retry("the request failed here")

    def _take(self, signal: Signal, piece: Sequence[Item], answer: Answer) -> None:
        self._counters.delivered[signal] += len(piece)
        if answer.rejected:
            self._counters.rejected[signal] += answer.rejected
            why = f": {answer.reason}" if answer.reason else ""
            self._teller.loss(f"of {self._name(signal)} rejected by the server{why}", answer.rejected)

    def _set_aside(self, signal: Signal, batch: Batch, item: Item, answer: Answer) -> None:
        with self._turn:
            if self._is_dismissed:
                return
            is_kept = batch.set_aside(item[0])
        self._counters.set_aside[signal] += is_kept
        fate = "set aside in the spool" if is_kept else "refused"
        self._teller.loss(f"of {self._name(signal)} {fate}: {answer.reason}", 1)

    def _is_over(self) -> bool:
        return self._is_dismissed or time.monotonic() >= self.end

    def _note_lag(self, batch: Batch) -> None:
        if not batch.is_adopted:
            moments = (guarded(time_of)(kind, payload) for kind, payload in batch.frames[:1])
            self._counters.lag = next(((clock.wall() - moment) / 1e9 for moment in moments if moment), 0.0)

    def _name(self, signal: Signal) -> str:
        return f"{signal} to {self._routes[signal].transport.address}"


def _pass(lock: threading.Lock, patience: float) -> None:
    """Returns when nobody holds the lock, or patience is at its end."""
    if lock.acquire(timeout=max(0.0, patience)):
        lock.release()
