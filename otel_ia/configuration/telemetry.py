"""The handle that `configure` returns."""

import time
from collections.abc import Callable, Sequence
from typing import Self

from otel_ia.configuration.settings import Settings
from otel_ia.delivery.sender import Sender


class Telemetry:
    """One configuration in effect, until `shutdown` or the next `configure`; usable as `with`."""

    def __init__(self, settings: Settings, senders: Sequence[Sender], undo: Callable[[], None]) -> None:
        self.settings = settings
        self._senders = tuple(senders)
        self._undo: Callable[[], None] | None = undo

    @property
    def is_active(self) -> bool:
        """Whether this configuration is still in effect."""
        return self._undo is not None

    def flush(self, timeout: float = 10.0) -> bool:
        """Sends what has been recorded so far; whether all of it was handed over within `timeout` seconds."""
        return _all_within(timeout, [sender.flush() for sender in self._senders])

    def shutdown(self, timeout: float | None = None) -> bool:
        """Takes the configuration back and sends what is left; whether that ended within `timeout` seconds.

        From then on nothing is recorded until the next `configure`. The default timeout is the setting `exit_timeout`.
        """
        undo, self._undo = self._undo, None
        if undo is None:
            return True
        undo()
        waits = [sender.shutdown() for sender in self._senders]
        return _all_within(self.settings.exit_timeout if timeout is None else timeout, waits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()


def _all_within(timeout: float, waits: Sequence[Callable[[float], bool]]) -> bool:
    deadline = time.monotonic() + timeout
    ended = [wait(max(0.0, deadline - time.monotonic())) for wait in waits]
    return all(ended)
