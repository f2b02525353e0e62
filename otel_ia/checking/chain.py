"""What is to be checked: how each signal is configured to leave this process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from otel_ia.delivery.shipping.destination import Destination, Signal
from otel_ia.sdk.outbox import Outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One configuration. `destinations` has all signals, `outboxes` those that are sent.

    `unwanted` are the signals that the configuration says are not to be sent, by exporters without `otlp`. `collect`
    makes what is only sent now and then, as metrics are, be sent now. `process` is the one that configured it.
    """

    service: str
    process: int
    is_active: bool
    is_disabled: bool
    destinations: Mapping[Signal, Destination]
    outboxes: Mapping[Signal, Outbox]
    unwanted: frozenset[Signal]
    sampler: str
    collect: Callable[[], None]
