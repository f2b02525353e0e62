"""The handle that `configure` returns."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, Self

from otel_ia.configuration.levels import Output, OutputLevels, set_logger_level
from otel_ia.configuration.numbers import log_level
from otel_ia.configuration.parsing import Given
from otel_ia.configuration.settings import Settings
from otel_ia.configuration.stats import Stats, take_stats

if TYPE_CHECKING:
    from otel_ia.checking.chain import Chain
    from otel_ia.checking.report import Report
    from otel_ia.delivery.shipping.destination import Signal
    from otel_ia.outputs.losses import Losses
    from otel_ia.redaction import Redactor
    from otel_ia.sdk.outbox import Outbox


class Processor(Protocol):
    """What span and log record processors have in common."""

    def force_flush(self, timeout_millis: int = ...) -> bool: ...
    def shutdown(self) -> None: ...


class Telemetry:
    """One configuration in effect, until `shutdown` or the next `configure`; usable as `with`."""

    def __init__(  # noqa: PLR0913 - what a configuration consists of
        self,
        settings: Settings,
        outboxes: Sequence["Outbox"],
        processors: Sequence[Processor],
        undo: Callable[[], None],
        *,
        redactor: "Redactor | None" = None,
        levels: OutputLevels | None = None,
        losses: "Losses | None" = None,
    ) -> None:
        self.settings = settings
        self._outboxes = list(outboxes)
        self._processors = list(processors)
        self._undo: Callable[[], None] | None = undo
        self._redactor = redactor
        self._process = os.getpid()
        self._levels = levels or OutputLevels()
        self._losses = losses
        self._changed_levels = ExitStack()

    @property
    def is_active(self) -> bool:
        """Whether this configuration is still in effect."""
        return self._undo is not None

    def stats(self) -> Stats:
        """What has become of what this configuration recorded, so far; after `shutdown` too."""
        return take_stats(self._outboxes, self._redactor, self._losses)

    def set_level(self, level: int | str, *, logger: str = "", output: Output | None = None) -> Callable[[], None]:
        """Sets the lowest level of a logger and those below it, by default of all; returns the undo.

        With `output` it is the lowest level of what goes to the `console`, to the `file` or out as `otlp` instead.
        `shutdown` takes back what was not taken back before. Raises SettingError where there is no such level.
        """
        number = log_level(Given(name="level", value=level, source="set_level"))
        if not self.is_active:
            return lambda: None
        undo = set_logger_level(logger, number) if output is None else self._levels.set(output, number)
        self._changed_levels.callback(undo)
        return undo

    def flush(self, timeout: float = 10.0) -> bool:
        """Sends what has been recorded so far; whether the collector acknowledged it within `timeout` seconds."""
        from otel_ia.sdk.outbox import flush_outboxes

        end = time.monotonic() + timeout
        flushed = [processor.force_flush(_milliseconds_to(end)) for processor in self._processors]
        return flush_outboxes(self._outboxes, max(0.0, end - time.monotonic())) and all(flushed)

    def check(self, *, timeout: float = 10.0, jaeger: str | None = None, prometheus: str | None = None) -> "Report":
        """Sends one span, one log record and one metric point, and tells what became of each, and why not.

        Acknowledged by the collector and, where the address of a query API is given, read back: each within `timeout`
        seconds, in which the caller waits: in an event loop give it a thread. What cannot be delivered waits in the
        spool like anything else.

        Args:
            timeout: seconds for the acknowledgement, and again for each reading back.
            jaeger: where to ask Jaeger for the span, such as `http://localhost:16686`.
            prometheus: where to ask Prometheus for the point, such as `http://localhost:9090`.
        """
        from otel_ia.checking.check import check

        return check(self._chain(), timeout=timeout, jaeger=jaeger, prometheus=prometheus)

    def _chain(self) -> "Chain":
        from otel_ia.checking.chain import Chain

        settings = self.settings
        exporters: dict[Signal, tuple[str, ...] | None] = {
            "traces": settings.traces_exporter,
            "logs": settings.logs_exporter,
            "metrics": settings.metrics_exporter,
        }
        sampler = settings.sampler
        return Chain(
            service=settings.service_name or "unknown_service",
            process=self._process,
            is_active=self.is_active,
            is_disabled=settings.disabled,
            destinations={"traces": settings.traces, "logs": settings.logs, "metrics": settings.metrics},
            outboxes={outbox.signal: outbox for outbox in self._outboxes},
            unwanted=frozenset(name for name, given in exporters.items() if given is not None and "otlp" not in given),
            sampler=f"{sampler}, {settings.sampler_arg:g}" if isinstance(sampler, str) else sampler.get_description(),
            collect=self._collect,
        )

    def _collect(self) -> None:
        for processor in self._processors:
            processor.force_flush()

    def shutdown(self, timeout: float | None = None) -> bool:
        """Takes the configuration back and sends what is left; whether that ended within `timeout` seconds.

        From then on nothing is recorded until the next `configure`. The default timeout is the setting `exit_timeout`.
        """
        from otel_ia.sdk.outbox import stop_outboxes

        undo, self._undo = self._undo, None
        if undo is None:
            return True
        end = time.monotonic() + (self.settings.exit_timeout if timeout is None else timeout)
        self._changed_levels.close()
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
