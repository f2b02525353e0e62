"""How long many spans took, in bounded memory."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

_BUCKETS_PER_E: Final = 300
"""Buckets grow by a third of a percent, and a percentile is at most so much too high."""


@dataclass(slots=True, eq=False)
class Durations:
    """A histogram of durations in nanoseconds; count, total and longest are exact."""

    count: int = 0
    total: int = 0
    longest: int = -1
    buckets: Counter[int] = field(default_factory=Counter)

    def add(self, duration: int) -> bool:
        """Counts one; true if none so far was as long."""
        self.count += 1
        self.total += duration
        self.buckets[math.ceil(math.log(duration) * _BUCKETS_PER_E) if duration > 0 else -1] += 1
        if duration <= self.longest:
            return False
        self.longest = duration
        return True

    def absorb(self, other: "Durations") -> bool:
        """Counts all of another's; true if one of them is longer than any so far."""
        self.count += other.count
        self.total += other.total
        self.buckets.update(other.buckets)
        if other.longest <= self.longest:
            return False
        self.longest = other.longest
        return True

    def percentile(self, share: float) -> int:
        """The duration that `share` of them did not exceed (nearest rank)."""
        rank = math.ceil(share * self.count)
        for bucket in sorted(self.buckets):
            rank -= self.buckets[bucket]
            if rank <= 0:
                return min(self.longest, round(math.exp(bucket / _BUCKETS_PER_E))) if bucket >= 0 else 0
        return max(self.longest, 0)


@dataclass(slots=True, eq=False)
class Cover:
    """The part of a span during which at least one of its children ran, wherever they overlap.

    Children end in any order, so what ended while a sibling still runs waits in the burst; a burst ends with its last.
    """

    settled: int = 0
    settled_until: int = 0
    burst_started: int = 0
    burst_ended: int = -1

    def add(self, started: int, ended: int, *, sibling_runs: bool) -> None:
        if self.burst_ended < 0:
            self.burst_started, self.burst_ended = started, ended
        else:
            self.burst_started, self.burst_ended = min(self.burst_started, started), max(self.burst_ended, ended)
        if not sibling_runs:
            self.settled += max(0, self.burst_ended - max(self.burst_started, self.settled_until))
            self.settled_until = max(self.settled_until, self.burst_ended)
            self.burst_ended = -1

    def until(self, moment: int, *, running_since: int | None) -> int:
        """Nanoseconds covered up to `moment`, given the start of the oldest child that still runs."""
        if running_since is None and self.burst_ended < 0:
            return self.settled
        begun = self.burst_started if self.burst_ended >= 0 else moment
        if running_since is not None:
            begun = min(begun, running_since)
        return self.settled + max(0, moment - max(begun, self.settled_until))
