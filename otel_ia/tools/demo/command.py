"""The subcommand `demo`: its options, what it sets up, and what it prints at the end."""

import argparse
import asyncio
import importlib
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Literal

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from otel_ia import Telemetry, configure
from otel_ia.configuration.endpoints import mask_url
from otel_ia.configuration.resolution import resolve
from otel_ia.configuration.settings import Settings
from otel_ia.tools.demo.summary import SpanMemory, find_failed, find_named, find_slowest, stages, table

EPOCHS: Final = 5
LEAST_REQUESTS: Final = 4
JAEGER: Final = "http://localhost:16686"
NEEDS_SCIKIT_LEARN: Final = 'otel-ia: the demo needs scikit-learn: python -m pip install "otel_ia[demo]"'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `otel-ia demo`."""
    parser.add_argument("--endpoint", metavar="URL", help="OTLP collector to send to; default: as in the environment")
    parser.add_argument("--protocol", choices=("http/protobuf", "grpc"), help="how to speak to it")
    parser.add_argument("--jaeger", metavar="URL", default=JAEGER, help="where Jaeger's pages are (%(default)s)")
    parser.add_argument("--requests", metavar="N", type=_number_of_requests, default=40, help="to serve (%(default)s)")
    parser.add_argument("--seed", metavar="N", type=_seed, default=7, help="of all that is random (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """What `otel-ia demo` does with its parsed options; returns the exit status."""
    try:
        importlib.import_module("sklearn")
    except ModuleNotFoundError:
        print(NEEDS_SCIKIT_LEARN, file=sys.stderr)
        return 2
    with (
        _hear_exporters() as exporters,
        _configured(endpoint=arguments.endpoint, protocol=arguments.protocol) as telemetry,
    ):
        spans = _remember_spans()
        accuracy, held_out = _learn_and_serve(requests=arguments.requests, seed=arguments.seed)
        was_sent = telemetry.shutdown() and not exporters.have_failed
    print(f"\n{accuracy:.1%} of {held_out} held-out digits read right (seed {arguments.seed})\n")
    if not spans:
        print("No span was recorded: OTEL_SDK_DISABLED or the sampler says so.")
        return 0
    print(table(stages(spans)))
    destination = _destination(telemetry.settings)
    if destination is None:
        print("\nTo see this in Jaeger: otel-ia demo --endpoint http://localhost:4318")
    elif was_sent:
        _print_addresses(spans, jaeger=arguments.jaeger.rstrip("/"))
    else:
        print(f"\notel-ia: {destination} did not take all of it", file=sys.stderr)
    return 0


def _learn_and_serve(*, requests: int, seed: int) -> tuple[float, int]:
    """The accuracy that was measured, and on how many digits."""
    from otel_ia.tools.demo.digits import split_digits
    from otel_ia.tools.demo.serving import serve
    from otel_ia.tools.demo.traffic import make_uploads
    from otel_ia.tools.demo.training import train

    learn, test = split_digits(seed=seed)
    model, accuracy = train(learn, test, epochs=_with_progress_bar(range(1, EPOCHS + 1)), seed=seed)
    asyncio.run(serve(model, make_uploads(test, count=requests, seed=seed)))
    return accuracy, len(test.labels)


def _configured(*, endpoint: str | None, protocol: Literal["http/protobuf", "grpc"] | None) -> Telemetry:
    settings = resolve({"endpoint": endpoint, "protocol": protocol}).settings
    goes_nowhere = settings.traces.endpoint is None and settings.traces_exporter is None and settings.console is None
    return configure(
        endpoint=endpoint,
        protocol=protocol,
        console=True if goes_nowhere else None,
        service_name=settings.service_name or "otel-ia-demo",
        log_level=logging.INFO if settings.log_level is None else settings.log_level,
    )


def _destination(settings: Settings) -> object:
    """Where the spans went, without secrets; `None` where they were not sent."""
    is_sent = settings.traces_exporter is None or "otlp" in settings.traces_exporter
    return mask_url(settings.traces.endpoint) if is_sent else None


def _remember_spans() -> Sequence[ReadableSpan]:
    """The spans that end from now on; none where the SDK is disabled."""
    memory = SpanMemory()
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.add_span_processor(memory)
    return memory.spans


class _Exporters(logging.Handler):
    """Hears, in place of the terminal, what OpenTelemetry's exporters log: an error when they give something up."""

    have_failed = False

    def emit(self, record: logging.LogRecord) -> None:
        self.have_failed |= record.levelno >= logging.ERROR


@contextmanager
def _hear_exporters() -> Iterator[_Exporters]:
    logger, exporters = logging.getLogger("opentelemetry"), _Exporters()
    logger.addHandler(exporters)
    try:
        yield exporters
    finally:
        logger.removeHandler(exporters)


def _with_progress_bar(epochs: Sequence[int]) -> Iterable[int]:
    if not sys.stderr.isatty():
        return epochs
    from rich.console import Console
    from rich.progress import track

    return track(epochs, "Training", console=Console(stderr=True), transient=True)


def _print_addresses(spans: Sequence[ReadableSpan], *, jaeger: str) -> None:
    found = {"failed": find_failed(spans), "slow": find_slowest(spans), "training": find_named(spans, name="training")}
    print("\nIn Jaeger:")
    for name, root in found.items():
        context = root.get_span_context() if root is not None else None
        if context is not None:
            print(f"  {name:<10}{jaeger}/trace/{context.trace_id:032x}")


def _number_of_requests(text: str) -> int:
    if not text.isdecimal() or int(text) < LEAST_REQUESTS:
        raise argparse.ArgumentTypeError(f"{text!r} is not {LEAST_REQUESTS} or more; one of them fails, one is slow")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {2**32 - 1}")
    return int(text)
