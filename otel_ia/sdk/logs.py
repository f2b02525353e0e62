"""The process's one logger provider, whose state is swapped inside it like the tracer provider's."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

from opentelemetry import _logs
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk import _logs as sdk_logs
from opentelemetry.sdk._logs import LogRecordProcessor, SynchronousMultiLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.util.types import Attributes

from otel_ia.guard import guarded
from otel_ia.sdk.bound import BoundOnRecords
from otel_ia.sdk.entries import Entry, TakesEntries
from otel_ia.sdk.stack import Stack
from otel_ia.undo import Undo

Takers: TypeAlias = tuple[Callable[[Entry], None], ...]

KNOWN_LOGGERS: Final = 1_000
"""Loggers of the SDK that are kept by name; when one more comes, it starts anew."""


class LoggingState:
    """What the logger provider does while this state is on top."""

    def __init__(
        self,
        processors: Sequence[LogRecordProcessor],
        *,
        resource: Resource,
        is_shown: bool = False,
        is_printed: bool = False,
    ) -> None:
        self.processors = tuple(processors)
        self.resource = resource
        self.is_shown = is_shown
        """Whether the console shows the records written inside a span."""
        self.is_printed = is_printed
        """Whether the console shows each record as a line."""
        self.local_takers = takers_of(one for one in processors if getattr(one, "is_local", False))
        """What writes here, on the console or to a file: what we say of ourselves goes there too."""


class LoggerProvider(sdk_logs.LoggerProvider):
    """A logger provider for life: hands on while a state is installed, is a no-op while there is none."""

    def __init__(self) -> None:
        super().__init__(resource=Resource.get_empty(), shutdown_on_exit=False)
        self._states: Stack[LoggingState] = Stack(self._refresh)
        self._added: list[LogRecordProcessor] = []
        self.current: LoggingState | None = None
        self.inner: sdk_logs.LoggerProvider | None = None
        self.takers: Takers = ()
        """The processors that are content with entries."""
        self.others: sdk_logs.LoggerProvider | None = None
        """The processors that are not, behind a provider of their own."""
        self.tell_listener: Callable[..., None] | None = None
        """Is told with each change whether there is any processor: `hears=…`."""
        self._loggers_of_others: dict[str, _logs.Logger] = {}

    def install(self, state: LoggingState, *, above_all: bool = False) -> Undo:
        """Puts the state on top, where it stays until the returned undo; `above_all` keeps it above later ones."""
        return self._states.push(state, above_all=above_all)

    def _refresh(self, state: LoggingState | None) -> None:
        processors = (*state.processors, *self._added) if state is not None else ()
        others = [one for one in processors if not isinstance(one, TakesEntries)]
        self.inner = _provider_of((BoundOnRecords(), *processors), state.resource) if state is not None else None
        self.others = _provider_of(others, state.resource) if state is not None and others else None
        self.takers = takers_of(processors)
        self._loggers_of_others = {}
        self.current = state
        if self.tell_listener is not None:
            self.tell_listener(hears=self.hears)

    @property
    def hears(self) -> bool:
        """Whether there is any processor."""
        return bool(self.takers) or self.others is not None

    def emit_to_others(self, entry: Entry) -> None:
        """Hands a record to the processors that want the SDK's own."""
        others, known = self.others, self._loggers_of_others
        if others is None:
            return
        logger = known.get(entry.logger)
        if logger is None:
            if len(known) >= KNOWN_LOGGERS:
                known.clear()
            logger = known[entry.logger] = others.get_logger(entry.logger)
        logger.emit(
            LogRecord(
                timestamp=entry.time,
                observed_timestamp=entry.observed,
                severity_number=SeverityNumber(entry.severity),
                severity_text=entry.level,
                body=entry.body,
                attributes=entry.attributes,
            )
        )

    @property
    def resource(self) -> Resource:
        return self.current.resource if self.current is not None else Resource.get_empty()

    def get_logger(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> _logs.Logger:
        return Logger(self, name, version, schema_url, attributes)

    def add_log_record_processor(self, log_record_processor: LogRecordProcessor) -> None:
        self._added.append(log_record_processor)
        self._refresh(self.current)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self.inner is None or self.inner.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Shuts down the processors that others added; states are taken away by their own undo."""
        for processor in self._added:
            processor.shutdown()
        self._added.clear()
        self._refresh(self.current)


def takers_of(processors: Iterable[LogRecordProcessor]) -> Takers:
    """What takes entries among the processors, none of which keeps them from the next by failing."""
    found = [one.take for one in processors if isinstance(one, TakesEntries)]
    # one alone stands in the guard of whoever calls it: 200 ns
    return tuple(map(guarded, found)) if len(found) > 1 else tuple(found)


def _provider_of(processors: Iterable[LogRecordProcessor], resource: Resource) -> sdk_logs.LoggerProvider:
    joined = SynchronousMultiLogRecordProcessor()  # type: ignore[no-untyped-call]
    for processor in processors:
        joined.add_log_record_processor(processor)
    return sdk_logs.LoggerProvider(resource, shutdown_on_exit=False, multi_log_record_processor=joined)


class Logger(_logs.Logger):
    """A logger for life: hands each record to the provider's current state."""

    def __init__(
        self, provider: LoggerProvider, name: str, version: str | None, schema_url: str | None, attributes: Attributes
    ) -> None:
        super().__init__(name, version, schema_url, attributes)
        self._provider = provider
        self._scope = (name, version, schema_url, attributes)
        self._seen: sdk_logs.LoggerProvider | None = None
        self._logger: _logs.Logger = _logs.NoOpLogger(name)

    def emit(self, record: _logs.LogRecord | None = None, **parts: Any) -> None:
        self._current().emit(record, **parts) if record is not None else self._current().emit(**parts)

    def enabled(self, **about: Any) -> bool:
        return self._current().enabled(**about)

    def _current(self) -> _logs.Logger:
        inner = self._provider.inner
        if inner is not self._seen:
            self._logger = inner.get_logger(*self._scope) if inner is not None else _logs.NoOpLogger(self._scope[0])
            self._seen = inner
        return self._logger


provider: Final = LoggerProvider()
"""The process's logger provider; made OpenTelemetry's global one by the first `install_logging`."""


def install_logging(state: LoggingState, *, above_all: bool = False) -> Undo:
    """Makes the state take effect in our logger provider; returns the undo.

    Another library's global logger provider stays what it is: it goes on serving its own users and handlers, and the
    standard library's records come to us through our own handler.
    """
    # by name, for the class is not public; it stands for "none set yet"
    if type(_logs.get_logger_provider()).__name__ == "ProxyLoggerProvider":
        _logs.set_logger_provider(provider)
    return provider.install(state, above_all=above_all)
