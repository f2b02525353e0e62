"""The handle that `configure` returns."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, Self

from otel_ia.configuration.settings import Settings
from otel_ia.configuration.stats import Stats, take_stats

if TYPE_CHECKING:
    from otel_ia.redaction import Redactor
    from otel_ia.sdk.outbox import Outbox


class Processor(Protocol):
    """What span and log record processors have in common."""

    def force_flush(self, timeout_millis: int = ...) -> bool: ...
    def shutdown(self) -> None: ...


class Telemetry:
    """One configuration in effect, until `shutdown` or the next `configure`; usable as `with`."""

    def __init__(
        self,
        settings: Settings,
        outboxes: Sequence["Outbox"],
        processors: Sequence[Processor],
        undo: Callable[[], None],
        *,
        redactor: "Redactor | None" = None,
    ) -> None:
        self.settings = settings
        self._outboxes = list(outboxes)
        self._processors = list(processors)
        self._undo: Callable[[], None] | None = undo
        self._redactor = redactor

    @property
    def is_active(self) -> bool:
        """Whether this configuration is still in effect."""
        return self._undo is not None

    def stats(self) -> Stats:
        """What has become of what this configuration recorded, so far; after `shutdown` too."""
        return take_stats(self._outboxes, self._redactor)

    def flush(self, timeout: float = 10.0) -> bool:
        """Sends what has been recorded so far; whether the collector acknowledged it within `timeout` seconds."""
        from otel_ia.sdk.outbox import flush_outboxes

        end = time.monotonic() + timeout
        flushed = [processor.force_flush(_milliseconds_to(end)) for processor in self._processors]
        return flush_outboxes(self._outboxes, max(0.0, end - time.monotonic())) and all(flushed)

    def shutdown(self, timeout: float | None = None) -> bool:
        """Takes the configuration back and sends what is left; whether that ended within `timeout` seconds.

        From then on nothing is recorded until the next `configure`. The default timeout is the setting `exit_timeout`.
        """
        from otel_ia.sdk.outbox import stop_outboxes

        undo, self._undo = self._undo, None
        if undo is None:
            return True
        end = time.monotonic() + (self.settings.exit_timeout if timeout is None else timeout)
        undo()
        for processor in self._processors:
            processor.shutdown()
        return stop_outboxes(self._outboxes, max(0.0, end - time.monotonic()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()


def _milliseconds_to(end: float) -> int:
    return max(0, int((end - time.monotonic()) * 1e3))
