"""The process's one logger provider, whose state is swapped inside it like the tracer provider's."""

from collections.abc import Sequence
from typing import Any, Final

from opentelemetry import _logs
from opentelemetry.sdk import _logs as sdk_logs
from opentelemetry.sdk._logs import LogRecordProcessor, SynchronousMultiLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.util.types import Attributes

from otel_ia.sdk.bound import BoundOnRecords
from otel_ia.sdk.stack import Stack, Undo


class LoggingState:
    """What the logger provider does while this state is on top."""

    def __init__(self, processors: Sequence[LogRecordProcessor], *, resource: Resource, is_shown: bool = False) -> None:
        self.processors = tuple(processors)
        self.resource = resource
        self.is_shown = is_shown
        """Whether the console shows the records written inside a span."""


class LoggerProvider(sdk_logs.LoggerProvider):
    """A logger provider for life: hands on while a state is installed, is a no-op while there is none."""

    def __init__(self) -> None:
        super().__init__(resource=Resource.get_empty(), shutdown_on_exit=False)
        self._states: Stack[LoggingState] = Stack(self._refresh)
        self._added: list[LogRecordProcessor] = []
        self.current: LoggingState | None = None
        self.inner: sdk_logs.LoggerProvider | None = None

    def install(self, state: LoggingState, *, above_all: bool = False) -> Undo:
        """Puts the state on top, where it stays until the returned undo; `above_all` keeps it above later ones."""
        return self._states.push(state, above_all=above_all)

    def _refresh(self, state: LoggingState | None) -> None:
        inner = None
        if state is not None:
            processors = SynchronousMultiLogRecordProcessor()  # type: ignore[no-untyped-call]
            for processor in (BoundOnRecords(), *state.processors, *self._added):
                processors.add_log_record_processor(processor)
            inner = sdk_logs.LoggerProvider(
                state.resource, shutdown_on_exit=False, multi_log_record_processor=processors
            )
        self.current, self.inner = state, inner

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
        if self.inner is not None:
            self.inner.add_log_record_processor(log_record_processor)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self.inner is None or self.inner.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Shuts down the processors that others added; states are taken away by their own undo."""
        for processor in self._added:
            processor.shutdown()
        self._added.clear()


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
