"""Delivers what ended processes left in a spool, on the thread that asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from otel_ia.delivery.payloads import span_key, time_of
from otel_ia.delivery.shipping.answers import Answer
from otel_ia.delivery.shipping.destination import Destination, Signal
from otel_ia.delivery.shipping.parcels import Item, pack
from otel_ia.delivery.shipping.sending import send_parcel
from otel_ia.delivery.shipping.transport import Transport, make_transport
from otel_ia.delivery.spooling.adopted import Adopted
from otel_ia.delivery.spooling.batch import Batch
from otel_ia.delivery.spooling.counters import Counters
from otel_ia.delivery.spooling.ownership import FileKey
from otel_ia.delivery.spooling.recovery import scan, take_refused
from otel_ia.delivery.wire.raw import encode_raw


@dataclass(slots=True, kw_only=True)
class Sent:
    """What became of it; `failure` is why the rest stays, empty when nothing does.

    `dropped_earlier` is what its processes had dropped before.
    """

    delivered: int = 0
    rejected: int = 0
    set_aside: int = 0
    dropped_earlier: int = 0
    failure: str = ""


def send_left(
    directory: Path, fingerprint: bytes, *, signal: Signal, destination: Destination, is_undecided: bool = False
) -> Sent:
    """Sends everything with this fingerprint to the destination, and removes what that has taken.

    What another process adopts meanwhile is that one's to deliver. What one has yet to decide on waits for that, unless
    it goes although it `is_undecided`. Ends at the first request that fails.
    """
    sent = Sent()
    counters = Counters()
    find = partial(
        scan, directory, fingerprint, span_key=span_key, time_of=time_of, encode=encode_raw, counters=counters
    )
    transport = make_transport(signal, destination)
    try:
        postponed: set[FileKey] = set()
        while not sent.failure and (found := find(leaving=postponed)):
            for adopted in found:
                adopted.waits_for_others = not is_undecided
            _send_all(found, signal, transport, destination.timeout, sent)
            postponed |= {adopted.key for adopted in found if adopted.is_postponed}
    finally:
        transport.close()
    sent.dropped_earlier = sum(counters.dropped_earlier.values())
    return sent


def send_refused(paths: Sequence[Path], *, signal: Signal, destination: Destination) -> Sent:
    """Offers again what these `.refused` files hold: what is taken is removed, what is refused is set aside again."""
    sent = Sent()
    transport = make_transport(signal, destination)
    try:
        for path in paths:
            adopted = take_refused(path, span_key=span_key, time_of=time_of) if not sent.failure else None
            if adopted is not None:
                _send_all([adopted], signal, transport, destination.timeout, sent)
    finally:
        transport.close()
    return sent


def _send_all(found: Sequence[Adopted], signal: Signal, transport: Transport, timeout: float, sent: Sent) -> None:
    try:
        for adopted in found:
            while not sent.failure and (batch := adopted.read(1 << 20, 2048)) is not None:
                _send_batch(batch, signal, partial(_request, transport, timeout), sent)
    finally:
        for adopted in found:
            adopted.close()


def _send_batch(batch: Batch, signal: Signal, send: "partial[Answer]", sent: Sent) -> None:
    def take(piece: Sequence[Item], answer: Answer) -> None:
        sent.delivered += len(piece) - answer.rejected
        sent.rejected += answer.rejected

    def set_aside(item: Item, _answer: Answer) -> None:
        batch.set_aside(item[0])
        sent.set_aside += 1

    parcels, unsendable = pack(batch, [signal])
    for index in unsendable:
        batch.set_aside(index)
        sent.set_aside += 1
    for parcel in parcels.values():
        answer = send_parcel(parcel, send, take=take, set_aside=set_aside)
        if answer is not None:
            sent.failure = answer.reason or "it did not take it"
            return
    batch.acknowledge()


def _request(transport: Transport, timeout: float, body: bytes) -> Answer:
    return transport.send(body, timeout)
