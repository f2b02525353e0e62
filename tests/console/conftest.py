"""A program under the console: the real SDK providers, with times and ids set by the test."""

import io
import itertools
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import IdGenerator, Span, TracerProvider
from opentelemetry.trace import Status, StatusCode, use_span

from otel_ia.console import console_processors
from otel_ia.guard import raise_failures

MIDNIGHT = 1_700_006_400_000_000_000
"""2023-11-15 00:00:00 UTC in nanoseconds."""
DEFAULT = "the stream that the console takes by itself"


class CountedIds(IdGenerator):
    def __init__(self):
        self._next = itertools.count(1)

    def generate_trace_id(self):
        return 0x4BF92F3577B34DA6A3CE929D0E0E0000 + next(self._next)

    def generate_span_id(self):
        return next(self._next)


class Program:
    """Something that records spans and log lines; `at` and `until` are milliseconds since midnight."""

    def __init__(self, stream=None, *, service="digits", **settings):
        self.stream = io.StringIO() if stream is None else stream
        self.spans, self.logs = console_processors(None if stream == DEFAULT else self.stream, **settings)
        resource = Resource({"service.name": service} if service else {})
        self.tracers = TracerProvider(resource=resource, id_generator=CountedIds(), shutdown_on_exit=False)
        self.tracers.add_span_processor(self.spans)
        self.loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
        self.loggers.add_log_record_processor(self.logs)
        self.tracer = self.tracers.get_tracer("program")
        self.logger = self.loggers.get_logger("program")

    def start(self, name, at=0.0, **settings) -> Span:
        return self.tracer.start_span(name, start_time=round(MIDNIGHT + at * 1e6), **settings)

    def end(self, span, until=1.0):
        span.end(end_time=round(MIDNIGHT + until * 1e6))

    @contextmanager
    def span(self, name, at=0.0, until=1.0, **attributes) -> Iterator[Span]:
        with use_span(self.start(name, at, attributes=attributes), record_exception=False) as span:
            try:
                yield span
            except Exception as error:
                span.record_exception(error)
                span.set_status(Status(StatusCode.ERROR, str(error)))
                span.set_attribute("error.type", type(error).__qualname__)
                raise
            finally:
                self.end(span, until)

    def log(self, message, at=0.0, severity=SeverityNumber.INFO, **attributes):
        record = LogRecord(
            timestamp=round(MIDNIGHT + at * 1e6), body=message, severity_number=severity, attributes=attributes
        )
        self.logger.emit(record)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def tree(self) -> list[str]:
        """The printed lines, without headers."""
        return [line for line in self.text.splitlines() if not line.startswith("─ ")]

    @property
    def names(self) -> list[str]:
        """Guides, name and count of each printed line, or the level of a log line."""
        return [re.match(r"[│├└─ ]*(?:[✗▲] )?\S*(?: ×[\d,]+)?", line).group() for line in self.tree]

    def shutdown(self):
        self.tracers.shutdown()
        self.loggers.shutdown()


@pytest.fixture
def start_program() -> Iterator[Callable[..., Program]]:
    """Starts programs, and shuts them down in the end."""
    started = []

    def start(stream=None, **settings) -> Program:
        started.append(Program(stream, **settings))
        return started[-1]

    yield start
    for program in started:
        program.shutdown()


@pytest.fixture
def program(start_program) -> Program:
    return start_program()


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch) -> Iterator[None]:
    """UTC, no terminal settings, and failures of the console raised instead of swallowed."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    undo = raise_failures()
    yield
    undo()
    monkeypatch.undo()
    time.tzset()
