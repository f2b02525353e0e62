"""What a log line costs with ids, and exported, over the same line without: `python -m benchmarks.log_lines`.

Every line is written inside a recorded span. With ids: a handler that formats `trace_id` and `span_id`, over the same
handler without them. Exported: over a handler that drops the line; ours has it free of secrets, encoded and in a spool
on disk when the call returns, OpenTelemetry's handler has made its record and exports nothing. Rounds of all sides
alternate; each figure is of the differences between neighbouring rounds. CPU of the calling thread.
"""

import io
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from opentelemetry.sdk import _logs as sdk_logs
from opentelemetry.sdk._logs import LoggingHandler, LogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import Tracer

from benchmarks.effort import FULL, Effort
from benchmarks.rows import Goal, Row, row_of
from benchmarks.table import print_rows
from otel_ia.configuration.effect import collect_records
from otel_ia.delivery.spooling.frames import LOG
from otel_ia.delivery.spooling.spool import Spool
from otel_ia.redaction import make_redactor
from otel_ia.sdk.home import TracingState
from otel_ia.sdk.log_sink import LogSink
from otel_ia.sdk.provider import TracerProvider
from otel_ia.sdk.sink import SpoolSink

RESOURCE: Final = Resource({"service.name": "benchmark"})
WARMING: Final = 3
"""Rounds that are left out."""
_WITH_IDS: Final = Goal(of="ours", required=1.0e-6)
ADDED: Final = "what is added, beside the line without it"
_EXPORTED: Final = Goal(of="ratio", required=0.60)
PLAIN: Final = logging.Formatter("%(levelname)s %(name)s %(message)s")
WITH_IDS: Final = logging.Formatter("%(levelname)s %(name)s %(message)s %(trace_id)s %(span_id)s")

Side = Callable[[int], float]
"""Writes so many lines; the seconds of one."""


class Dropping(logging.Handler):
    """Takes records and does nothing with them."""

    def emit(self, record: logging.LogRecord) -> None:
        pass


class Ignoring(LogRecordProcessor):
    """What stands behind OpenTelemetry's handler: an export that is free."""

    def on_emit(self, log_record: object) -> None:
        pass

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the processor's signature
        return True


class Kept:
    """A spool for log records and the sink in front of it."""

    def __init__(self, directory: Path) -> None:
        sink = SpoolSink()
        self.spool = Spool(
            fingerprint=b"benchmark",
            identity=lambda: b"",
            directory=directory,
            open_frames=sink.open_frames,
            tell=print,
        )
        sink.connect(self.spool.append, self.spool.define_scope)
        self.sink = LogSink(sink, partial(self.spool.append, LOG), make_redactor())

    def acknowledge(self) -> None:
        """What the shipper does, on another thread in a real program."""
        self.spool.prepare()
        while (batch := self.spool.read(8 << 20, 100_000)) is not None:
            batch.acknowledge()


def formatting(formatter: logging.Formatter) -> logging.Handler:
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(formatter)
    return handler


def handler_of_the_sdk() -> logging.Handler:
    provider = sdk_logs.LoggerProvider(RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(Ignoring())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # moved to a package of its own, alike
        return LoggingHandler(logger_provider=provider)


@contextmanager
def heard_by(*handlers: logging.Handler) -> Iterator[None]:
    root = logging.getLogger()
    before, root.handlers[:] = list(root.handlers), handlers
    try:
        yield
    finally:
        root.handlers[:] = before


def write_lines(count: int) -> None:
    logger = logging.getLogger("app.models")
    for number in range(count):
        logger.info("scored %d words of %s", number, "lexicon")


def side(tracer: Tracer, handler: logging.Handler, *processors: LogRecordProcessor, with_ours: bool = False) -> Side:
    """One round of lines to this handler, inside a span; with `otel_ia` in effect or without."""

    def run(count: int) -> float:
        with ExitStack() as changes:
            changes.enter_context(heard_by(handler))
            if with_ours:
                changes.callback(collect_records(processors, RESOURCE))
            with tracer.start_as_current_span("request"):
                begin = time.thread_time_ns()
                write_lines(count)
                taken = time.thread_time_ns() - begin
        if isinstance(handler, logging.StreamHandler):
            handler.stream.seek(0)
            handler.stream.truncate()
        return taken / count / 1e9

    return run


def alternate(sides: list[Side], after: Callable[[], None], effort: Effort) -> list[list[float]]:
    """What a line took each side, round by round."""
    rounds = []
    for _ in range(effort.rounds):
        rounds.append([run(effort.calls) for run in sides])
        after()
    return rounds[min(WARMING, effort.rounds - 1) :]


def measure(effort: Effort) -> Iterator[Row]:
    """One row for what ids add to a line of plain logging, beside that line; one for what exporting it adds."""
    with ExitStack() as closing:
        closing.enter_context(at_info())
        kept = Kept(Path(closing.enter_context(tempfile.TemporaryDirectory())))
        closing.callback(kept.spool.close)
        provider = TracerProvider()
        closing.callback(provider.install(TracingState([], resource=RESOURCE)))
        spans = provider.get_tracer("benchmark")

        plain, with_ids = side(spans, formatting(PLAIN)), side(spans, formatting(WITH_IDS), with_ours=True)
        rounds = [(mine - base, base) for base, mine in alternate([plain, with_ids], kept.acknowledge, effort)]
        yield row_of("ids on a log line, over plain logging", rounds, goal=_WITH_IDS, note=ADDED)

        dropped, ours = side(spans, Dropping()), side(spans, Dropping(), kept.sink, with_ours=True)
        theirs = side(spans, handler_of_the_sdk())
        rounds = [
            (mine - base, other - base)
            for base, mine, other in alternate([dropped, ours, theirs], kept.acknowledge, effort)
        ]
        yield row_of("log line exported, over one dropped", rounds, goal=_EXPORTED)


@contextmanager
def at_info() -> Iterator[None]:
    logger = logging.getLogger("app.models")
    before = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)


if __name__ == "__main__":
    print_rows(measure(FULL))
