"""What a monitored call costs, beside the same work with the plain SDK: `python -m benchmarks.calls`.

Our side is complete when the call returns: its span is free of secrets, encoded and in a spool on disk. The SDK's side
has a sampler and no exporter, as if delivery were free. Rounds of the two sides alternate; each ratio is of two
neighbouring rounds. A typical span has four attributes fixed at its call site, four of its own and an event with two.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON, Sampler

from otel_ia import monitor
from otel_ia.delivery.spooling.spool import Spool
from otel_ia.recording.callsite import CallSite, Description
from otel_ia.recording.functions import monitor_function
from otel_ia.recording.generators import monitor_generator_function
from otel_ia.recording.places import Place
from otel_ia.redaction import make_redactor
from otel_ia.sdk.provider import TracerProvider, TracingState
from otel_ia.sdk.sink import SpoolSink
from otel_ia.sdk.tracer import Tracer

COUNT = 500
ROUNDS = 40
RESOURCE = Resource({"service.name": "benchmark"})
PLACE = Place("app.models", "predict", "/srv/app/models.py", 120)
FIXED: dict[str, Any] = {
    "code.function.name": "app.models.predict",
    "code.file.path": "/srv/app/models.py",
    "code.line.number": 120,
    "ia.model.name": "resnet-50",
}


class Ours:
    """A provider of ours, its spool, and call sites in it."""

    def __init__(self, directory: Path, sampler: Sampler = DEFAULT_ON) -> None:
        sink = SpoolSink()
        self.spool = Spool(
            fingerprint=b"benchmark",
            identity=lambda: b"",
            directory=directory,
            open_frames=sink.open_frames,
            tell=sys.stderr.write,
        )
        sink.connect(self.spool.append, self.spool.define_scope)
        self.provider = TracerProvider()
        self.provider.install(TracingState([], resource=RESOURCE, sampler=sampler, sink=sink, redactor=make_redactor()))
        tracer = self.provider.get_tracer("benchmark")
        assert isinstance(tracer, Tracer)
        self.tracer = tracer

    def site(self, **attributes: Any) -> CallSite:
        return self.tracer.call_site(Description("predict", PLACE, attributes, None, None))

    def acknowledge(self) -> None:
        """What the shipper does, on another thread in a real program."""
        self.spool.prepare()
        while (batch := self.spool.read(8 << 20, 100_000)) is not None:
            batch.acknowledge()


def sdk_tracer(sampler: Sampler = DEFAULT_ON) -> trace.Tracer:
    provider = sdk_trace.TracerProvider(sampler=sampler, resource=RESOURCE, shutdown_on_exit=False)
    return provider.get_tracer("benchmark")


def nothing() -> None:
    pass


def fail() -> None:
    raise ValueError("no such model")


def ten() -> Iterator[int]:
    yield from range(10)


def describe(number: int, span: Any) -> None:
    span.set_attribute("gen_ai.response.id", f"chatcmpl-{number:08d}")
    span.set_attribute("gen_ai.usage.output_tokens", number % 4_000)
    span.set_attribute("ia.score", number / 7)
    span.set_attribute("ia.cached", number % 2 == 0)
    span.add_event("finished", {"ia.stream.items": number % 500, "gen_ai.response.finish_reason": "stop"})


def with_the_sdk(tracer: trace.Tracer) -> Callable[[], object]:
    def call() -> None:
        with tracer.start_as_current_span("predict"):
            pass

    return call


def typical(number: int = 123_456) -> None:
    describe(number, trace.get_current_span())


def typical_of_the_sdk(tracer: trace.Tracer) -> Callable[[], object]:
    def call() -> None:
        with tracer.start_as_current_span("predict", attributes=FIXED) as span:
            describe(123_456, span)

    return call


def raising(function: Callable[[], object]) -> Callable[[], object]:
    def call() -> None:
        try:  # noqa: SIM105 - `suppress` would be a part of what is measured
            function()
        except ValueError:
            pass

    return call


def raising_of_the_sdk(tracer: trace.Tracer) -> Callable[[], object]:
    @tracer.start_as_current_span("predict")
    def call() -> None:
        fail()

    return raising(call)


def block() -> None:
    with monitor("predict"):
        pass


def exhausting(function: Callable[[], Iterator[int]]) -> Callable[[], object]:
    def call() -> None:
        for _ in function():
            pass

    return call


def stepping_with_the_sdk(tracer: trace.Tracer) -> Callable[[], object]:
    def steps() -> Iterator[int]:
        with tracer.start_as_current_span("predict"):
            yield from range(10)

    return exhausting(steps)


def inside(tracer: trace.Tracer, call: Callable[[], object]) -> Callable[[], object]:
    """The rounds run inside a span: what is measured is a child."""

    def rounds() -> None:
        with tracer.start_as_current_span("request"):
            repeat(call)

    return rounds


def repeat(call: Callable[[], object]) -> None:
    for _ in range(COUNT):
        call()


def seconds(operation: Callable[[], object]) -> float:
    begin = time.thread_time_ns()
    operation()
    return (time.thread_time_ns() - begin) / 1e9


def compare(name: str, ours: Callable[[], object], theirs: Callable[[], object], after: Callable[[], None]) -> None:
    """Prints the median ratio, its quartiles and what the median round takes for each call."""
    rounds = []
    for _ in range(ROUNDS):
        rounds.append((seconds(ours), seconds(theirs)))
        after()
    del rounds[:3]
    low, middle, high = statistics.quantiles([mine / other for mine, other in rounds], n=4)
    mine, other = (statistics.median(side) / COUNT * 1e6 for side in zip(*rounds, strict=True))
    sys.stdout.write(f"{name:34s} {middle:6.3f} x  ({low:.3f}-{high:.3f})   {mine:6.2f} of {other:6.2f} µs\n")
    sys.stdout.flush()


def main() -> None:
    with ExitStack() as closing:
        directory = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        ours, unsampled, disabled = Ours(directory), Ours(directory, ALWAYS_OFF), TracerProvider()
        closing.callback(ours.spool.close)
        sdk = sdk_tracer()
        site = ours.site()
        trace.set_tracer_provider(ours.provider)
        monitored = monitor_function(nothing, site)
        plain = with_the_sdk(sdk)

        def row(name: str, mine: Callable[[], object], theirs: Callable[[], object]) -> None:
            compare(name, lambda: repeat(mine), lambda: repeat(theirs), ours.acknowledge)

        row("monitored call, root", monitored, plain)
        compare("monitored call, child", inside(ours.tracer, monitored), inside(sdk, plain), ours.acknowledge)
        row("monitored call, block", block, plain)
        row(
            "typical span",
            monitor_function(typical, ours.site(**{"ia.model.name": "resnet-50"})),
            typical_of_the_sdk(sdk),
        )
        row("raising call", raising(monitor_function(fail, site)), raising_of_the_sdk(sdk))
        row("generator of 10 items", exhausting(monitor_generator_function(ten, site)), stepping_with_the_sdk(sdk))
        row("not sampled", monitor_function(nothing, unsampled.site()), with_the_sdk(sdk_tracer(ALWAYS_OFF)))
        tracer = disabled.get_tracer("benchmark")
        assert isinstance(tracer, Tracer)
        off = tracer.call_site(Description("predict", PLACE, {}, None, None))
        row("no state installed", monitor_function(nothing, off), with_the_sdk(trace.NoOpTracer()))
        row("start_as_current_span", with_the_sdk(ours.tracer), plain)


if __name__ == "__main__":
    main()
