"""What became of what the shipper sent, in numbers."""

from dataclasses import dataclass, field

from otel_ia.delivery.shipping.destination import Signal


@dataclass(slots=True, kw_only=True)
class Shipped:
    """Counted up by the shipper alone, to be read by anyone; a forked child begins with new ones."""

    delivered: dict[Signal, int] = field(default_factory=lambda: {"traces": 0, "logs": 0, "metrics": 0})
    """Spans, log records, and exports of metrics."""
    rejected: dict[Signal, int] = field(default_factory=lambda: {"traces": 0, "logs": 0, "metrics": 0})
    """What a server that accepted the request did not take: spans, log records, data points."""
    set_aside: dict[Signal, int] = field(default_factory=lambda: {"traces": 0, "logs": 0, "metrics": 0})
    """What the server refused for good."""
    retried: int = 0
    """Requests that came to nothing and were sent again."""
    requests: int = 0
    bytes_sent: int = 0
    """Before compression."""
    lag: float = 0.0
    """Seconds from the end of the oldest span or log record of the last batch to its delivery."""
