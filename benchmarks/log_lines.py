"""What a log line costs with ids, and exported, over the same line without: `python -m benchmarks.log_lines`.

Every line is written inside a recorded span. With ids: a handler that formats `trace_id` and `span_id`, over the same
handler without them. Exported: over a handler that drops the line; ours has it free of secrets, encoded and in a spool
on disk when the call returns, OpenTelemetry's handler has made its record and exports nothing. Rounds of all sides
alternate; each figure is of the differences between neighbouring rounds.
"""

import io
import logging
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from opentelemetry.sdk import _logs as sdk_logs
from opentelemetry.sdk._logs import LoggingHandler, LogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import Tracer

from otel_ia.configuration.effect import collect_records
from otel_ia.delivery.spooling.frames import LOG
from otel_ia.delivery.spooling.spool import Spool
from otel_ia.redaction import make_redactor
from otel_ia.sdk.home import TracingState
from otel_ia.sdk.log_sink import LogSink
from otel_ia.sdk.provider import TracerProvider
from otel_ia.sdk.sink import SpoolSink

RESOURCE = Resource({"service.name": "benchmark"})
COUNT = 500
ROUNDS = 60
PLAIN = logging.Formatter("%(levelname)s %(name)s %(message)s")
WITH_IDS = logging.Formatter("%(levelname)s %(name)s %(message)s %(trace_id)s %(span_id)s")

Side = Callable[[], float]


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


def write_lines() -> None:
    logger = logging.getLogger("app.models")
    for number in range(COUNT):
        logger.info("scored %d words of %s", number, "lexicon")


def side(tracer: Tracer, handler: logging.Handler, *processors: LogRecordProcessor, with_ours: bool = False) -> Side:
    """One round of lines to this handler, inside a span; with `otel_ia` in effect or without."""

    def run() -> float:
        with ExitStack() as changes:
            changes.enter_context(heard_by(handler))
            if with_ours:
                changes.callback(collect_records(processors, RESOURCE))
            with tracer.start_as_current_span("request"):
                begin = time.thread_time_ns()
                write_lines()
                taken = time.thread_time_ns() - begin
        if isinstance(handler, logging.StreamHandler):
            handler.stream.seek(0)
            handler.stream.truncate()
        return taken / COUNT / 1e3

    return run


def measure(sides: list[Side], after: Callable[[], None]) -> list[list[float]]:
    """Microseconds of a line, by side, of all rounds but the first three."""
    rounds = []
    for _ in range(ROUNDS):
        rounds.append([run() for run in sides])
        after()
    return [list(column) for column in zip(*rounds[3:], strict=True)]


def main() -> None:
    logging.getLogger("app.models").setLevel(logging.INFO)
    with ExitStack() as closing:
        directory = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        kept = Kept(directory)
        provider = TracerProvider()
        closing.callback(provider.install(TracingState([], resource=RESOURCE)))
        spans = provider.get_tracer("benchmark")
        closing.callback(kept.spool.close)

        plain, with_ids = measure(
            [side(spans, formatting(PLAIN)), side(spans, formatting(WITH_IDS), with_ours=True)], kept.acknowledge
        )
        low, middle, high = statistics.quantiles([mine - other for mine, other in zip(with_ids, plain, strict=True)])
        name = "log line with ids"
        base = statistics.median(plain)
        sys.stdout.write(f"{name:34s} {middle:+6.2f} µs  ({low:+.2f} to {high:+.2f})  over {base:.2f} µs\n")

        dropped, ours, theirs = measure(
            [
                side(spans, Dropping()),
                side(spans, Dropping(), kept.sink, with_ours=True),
                side(spans, handler_of_the_sdk()),
            ],
            kept.acknowledge,
        )
        mine = [one - base for one, base in zip(ours, dropped, strict=True)]
        other = [one - base for one, base in zip(theirs, dropped, strict=True)]
        low, middle, high = statistics.quantiles([one / two for one, two in zip(mine, other, strict=True)])
        name = "log line exported through OTLP"
        added = f"{statistics.median(mine):6.2f} of {statistics.median(other):6.2f} µs"
        sys.stdout.write(f"{name:34s} {middle:6.3f} x  ({low:.3f}-{high:.3f})   {added}\n")


if __name__ == "__main__":
    main()
