"""How bytes get to a collector."""

from typing import Protocol

from otel_ia.delivery.shipping.answers import Answer
from otel_ia.delivery.shipping.destination import Destination, Signal


class Transport(Protocol):
    """A way to one destination, for one signal. `send` is called by one thread at a time, `close` by any."""

    @property
    def address(self) -> str:
        """Where it leads, as it may be told: no user name, password or query."""

    @property
    def is_answered(self) -> bool:
        """Whether the last `send` has an answer, or will return by itself as soon as its thread gets to run."""

    def send(self, body: bytes, timeout: float) -> Answer:
        """Sends an export request and waits for what becomes of it, at most this long (s). Never raises.

        No bytes are a request too, with nothing in it.
        """

    def close(self) -> None:
        """Lets go of the connection for good, and ends a `send` that waits. Idempotent; waits for nothing.

        An answer that has come is still taken: `send` returns it.
        """


def make_transport(signal: Signal, destination: Destination) -> Transport:
    """The transport of a destination that has an endpoint. Nothing is connected yet; gRPC is loaded if asked for."""
    if destination.protocol == "grpc":
        from otel_ia.delivery.shipping.transport_grpc import GrpcTransport

        return GrpcTransport(signal, destination)
    from otel_ia.delivery.shipping.transport_http import HttpTransport

    return HttpTransport(destination)
