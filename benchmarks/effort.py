"""How much work a run of the benchmarks does."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Counts of one run; times in seconds."""

    rounds: int
    """Rounds of calls timed in one thread."""
    calls: int
    """Calls in each of them."""
    deliveries: int
    """Processes of each side that deliver `spans` spans."""
    spans: int
    trials: int
    """Trials in the search for the SDK's highest rate, each `trial_time` long."""
    trial_time: float
    latency_time: float
    patience: float
    """How long the last spans are waited for there: the SDK's batches wait 5 s."""
    processes: int
    """Whole processes of each side that only import something."""
    configured: int
    """Whole processes of each side that are configured and weighed."""
    outages: int
    """Processes that record `outage_spans` spans while nothing answers."""
    outage_spans: int


FULL: Final = Effort(
    rounds=43,
    calls=500,
    deliveries=5,
    spans=100_000,
    trials=7,
    trial_time=10,
    latency_time=30,
    patience=5.5,
    processes=40,
    configured=9,
    outages=3,
    outage_spans=1_000_000,
)
QUICK: Final = Effort(
    rounds=13,
    calls=200,
    deliveries=1,
    spans=10_000,
    trials=3,
    trial_time=1,
    latency_time=6,
    patience=5.5,
    processes=5,
    configured=3,
    outages=1,
    outage_spans=50_000,
)
