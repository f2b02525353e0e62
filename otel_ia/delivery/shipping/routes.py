"""How it stands with one destination: whether it took the last request, and when the next may be tried."""

import time
from dataclasses import dataclass

from otel_ia.delivery.shipping.answers import Answer
from otel_ia.delivery.shipping.pace import Pace
from otel_ia.delivery.shipping.transport import Transport


@dataclass(slots=True)
class Route:
    """A destination and what became of the last tries. `retry_at` is a moment of `time.monotonic`."""

    transport: Transport
    failures: int = 0
    retry_at: float = 0.0
    is_asked_to_wait: bool = False
    trouble: str = ""
    """Why the last request came to nothing; empty when it did not."""

    def fail(self, answer: Answer, pace: Pace) -> None:
        """Puts off the next try."""
        self.failures += 1
        self.trouble = answer.reason
        self.is_asked_to_wait = answer.retry_after is not None
        self.retry_at = time.monotonic() + pace.delay(self.failures, answer.retry_after)

    def succeed(self) -> None:
        """The next request may go at once."""
        self.failures = 0
        self.retry_at = 0.0
        self.is_asked_to_wait = False
        self.trouble = ""

    def hasten(self) -> None:
        """Tries again at once, unless the server has asked to be left alone."""
        if not self.is_asked_to_wait:
            self.retry_at = 0.0
