"""The way to one collector: what is recorded goes to a spool, and a shipper empties it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

from otel_ia.delivery.payloads import span_key, time_of
from otel_ia.delivery.shipping.destination import Destination, Signal
from otel_ia.delivery.shipping.shipper import Shipper, flush_all, stop_all
from otel_ia.delivery.shipping.telling import Teller
from otel_ia.delivery.shipping.transport import make_transport
from otel_ia.delivery.spooling.frames import LOG, METRICS
from otel_ia.delivery.spooling.spool import Spool
from otel_ia.delivery.wire.raw import encode_raw
from otel_ia.sdk.keeping import Keeper
from otel_ia.sdk.sink import SpoolSink

_STRETCHING: Final = 10_000  # rounds that make guessing a password from a fingerprint slow; 4 ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How a spool keeps: where (default: the user's own directory), bytes, seconds, and what a frame outlives."""

    is_on_disk: bool
    directory: Path | None
    size_limit: int
    age_limit: float
    durability: Literal["process", "disk"]


class Outbox:
    """The spool and the shipper of one signal: a server that takes no logs must not hold up the spans.

    Without an endpoint all is kept for a later process. `identity` gives the encoded resource of this process, in a
    forked child the child's.
    """

    def __init__(  # noqa: PLR0913 - what a way consists of
        self,
        signal: Signal,
        destination: Destination,
        *,
        service: str,
        identity: Callable[[], bytes],
        keeping: Keeping,
        teller: Teller,
    ) -> None:
        self.signal: Final = signal
        self.keeper: Keeper | None = None
        self._held: Spool | None = None
        self._holding: Shipper | None = None
        self._make_spool = partial(
            Spool,
            fingerprint=fingerprint(service, signal, destination),
            identity=identity,
            is_on_disk=keeping.is_on_disk,
            directory=keeping.directory,
            size_limit=keeping.size_limit,
            age_limit=keeping.age_limit,
            durability=keeping.durability,
            span_key=span_key,
            time_of=time_of,
            encode=encode_raw,
            tell=teller.say,
        )
        self._teller = teller
        self.protocol: Final = "grpc" if destination.protocol == "grpc" else "http"
        self.sink = SpoolSink()
        self.spool = self._make_spool(open_frames=self.sink.open_frames)
        transports = {signal: make_transport(signal, destination)} if destination.endpoint is not None else {}
        self.shipper = Shipper(self.spool, transports, teller=teller)
        self.spool.read_by(self.shipper.start)  # threads do not survive a fork
        self.sink.connect(self.spool.append, self.spool.define_scope)
        # no call of ours in between: 100 ns
        self.append_log: Final[Callable[[bytes], None]] = partial(self.spool.append, LOG)
        """Takes an encoded log record behind the prefix of its scope."""
        self.shipper.start()

    def hold(self, keeper: Keeper) -> None:
        """From now on what the keeper holds outlives the process, and what it keeps is sent."""
        self.keeper = keeper
        if not self.spool.is_on_disk:
            keeper.connect(self.spool.append)
            return
        held = self._held = self._make_spool(open_frames=keeper.open_frames, holding=keeper)
        self._holding = Shipper(held, {}, teller=self._teller)
        held.read_by(self._holding.start)

        def define_scope(payload: bytes) -> None:
            self.spool.define_scope(payload)
            held.define_scope(payload)

        self.sink.connect(self.spool.append, define_scope)
        keeper.connect(
            self.spool.append, held.append, held.place, held.verdicts, held.wake, when_kept=self.shipper.look_for_left
        )
        self._holding.start()

    def look(self) -> None:
        """Has what waits for other processes sent, as far as they have decided."""
        if self.keeper is not None:
            self.keeper.look()

    def release(self) -> None:
        """Has what is held sent: nobody decides on it here any more."""
        if self.keeper is not None:
            self.keeper.release()

    def append_metrics(self, payload: bytes) -> None:
        """Takes a ResourceMetrics message, which says itself who has sent it."""
        self.spool.append(METRICS, payload)

    def close(self) -> None:
        """Leaves what is not acknowledged to the next process."""
        if self._holding is not None and self._held is not None:
            self._holding.stop()
            self._held.close()
        if self.keeper is not None and self.keeper.verdicts is not None:
            self.keeper.verdicts.close()
        self.spool.close()
        self.shipper.tell_rest()


def flush_outboxes(outboxes: list[Outbox], timeout: float) -> bool:
    """Sends all that was recorded before; whether it was acknowledged within the timeout (s)."""
    for outbox in outboxes:
        outbox.look()
    return flush_all([outbox.shipper for outbox in outboxes], timeout)


def stop_outboxes(outboxes: list[Outbox], timeout: float) -> bool:
    """Sends what is left, within one deadline (s), and leaves the rest to the next process."""
    for outbox in outboxes:
        outbox.release()
    try:
        return stop_all([outbox.shipper for outbox in outboxes], timeout)
    finally:
        for outbox in outboxes:
            outbox.close()


def fingerprint(service: str, signal: Signal, destination: Destination) -> bytes:
    """Names service, server and credentials without telling the credentials: only its like adopts what is left.

    Where no server is named, the other settings say nothing.
    """
    known: tuple[object, ...] = (service, signal)
    if destination.endpoint is not None:
        known += _address(destination)
    return hashlib.pbkdf2_hmac("sha256", repr(known).encode("utf-8", "replace"), b"otel_ia spool", _STRETCHING)[:16]


def _address(destination: Destination) -> tuple[object, ...]:
    return (
        destination.protocol,
        destination.endpoint,
        destination.insecure,
        tuple(sorted(destination.headers.items())),
        destination.certificate,
        destination.client_certificate,
    )
