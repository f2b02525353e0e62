"""When things are done: how long frames gather, when a failed request is sent again, when the directory is searched."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Times in seconds."""

    linger: float = 0.15
    """How long the first frame of a batch waits for others."""
    first_retry: float = 1.0
    longest_retry: float = 30.0
    longest_retry_after: float = 300.0
    """More than this is taken for a clock that is wrong."""
    scan_every: float = 30.0
    tell_every: float = 60.0

    def delay(self, failures: int, retry_after: float | None) -> float:
        """How long to wait after so many failures in a row: as asked, else twice as long each time; never in step."""
        if retry_after is not None:
            return min(retry_after, self.longest_retry_after) * random.uniform(1, 1.1)  # noqa: S311 - no secret
        longest = min(self.longest_retry, self.first_retry * (1 << min(failures, 16)))
        return max(self.first_retry, longest * random.uniform(0.5, 1))  # noqa: S311 - no secret

    def until_next_look(self) -> float:
        """How long until a directory is tried again that another process or thread was just looking through."""
        return self.first_retry * random.uniform(0.1, 0.5)  # noqa: S311 - no secret

    def until_scan(self) -> float:
        """How long until the directory is looked through again: processes started together do not do it together."""
        return self.scan_every * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
