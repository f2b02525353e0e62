"""Processors, samplers and exporters of the SDK's kind that a user adds beside ours, or had before."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision, Sampler, SamplingResult
from receiver import Receiver, plain

import otel_ia
from otel_ia import monitor


class Stamp(SpanProcessor):
    """Writes on each span, and notes what it was told of."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        span.set_attribute("stamped", "at start")
        self.told.append(f"start {span.name}")

    def on_end(self, span: ReadableSpan) -> None:
        assert span.attributes is not None
        self.told.append(f"end {span.name} {span.attributes['stamped']}")


class Drop(Sampler):
    """Drops what is called so, with all below it, and marks what it keeps."""

    def __init__(self, name: str) -> None:
        self.name = name

    def should_sample(
        self,
        parent_context: Any,
        trace_id: int,
        name: str,
        kind: Any = None,
        attributes: Any = None,
        *_: Any,
        **__: Any,
    ) -> SamplingResult:
        parent = trace.get_current_span(parent_context).get_span_context()
        if name == self.name or (parent.is_valid and not parent.trace_flags.sampled):
            return SamplingResult(Decision.DROP)
        return SamplingResult(Decision.RECORD_AND_SAMPLE, {**(attributes or {}), "sampled.by": "drop"})

    def get_description(self) -> str:
        return "Drop"


@monitor(attributes={"fixed": 1})
def infer() -> None:
    trace.get_current_span().set_attribute("own", "x")


def work() -> None:
    with monitor("request"), trace.get_tracer("library").start_as_current_span("library"):
        infer()


@pytest.fixture
def add() -> Iterator[Any]:
    """Adds processors to the global provider, and takes them away at the end."""
    yield lambda processor: trace.get_tracer_provider().add_span_processor(processor)  # type: ignore[attr-defined]
    trace.get_tracer_provider().shutdown()  # type: ignore[attr-defined]


def test_a_processor_is_told_of_every_span_and_what_it_writes_arrives(receiver: Receiver, add: Any) -> None:
    stamp = Stamp()
    with otel_ia.configure(endpoint=receiver.endpoint, console=False):
        add(stamp)
        work()
    assert stamp.told == [
        *("start request", "start library", "start infer"),
        *("end infer at start", "end library at start", "end request at start"),
    ]
    assert {span.name: plain(span.attributes)["stamped"] for span in receiver.spans} == dict.fromkeys(
        ["request", "library", "infer"], "at start"
    )


def test_exporters_get_what_we_deliver(receiver: Receiver, add: Any) -> None:
    memory, text = InMemorySpanExporter(), io.StringIO()
    with otel_ia.configure(endpoint=receiver.endpoint, console=False, service_name="shop"):
        add(BatchSpanProcessor(memory))
        add(SimpleSpanProcessor(ConsoleSpanExporter(out=text)))
        work()
        assert trace.get_tracer_provider().force_flush()  # type: ignore[attr-defined]
    theirs = {span.context.span_id: span for span in memory.get_finished_spans()}
    assert len(theirs) == len(receiver.spans) == 3
    for span in receiver.spans:
        other = theirs[int.from_bytes(span.span_id, "big")]
        assert (other.name, other.start_time, other.end_time) == (
            span.name,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
        )
        assert dict(other.attributes or {}) == plain(span.attributes)
        assert other.resource.attributes["service.name"] == "shop"
    printed = text.getvalue()
    assert [f'"name": "{name}"' in printed for name in ("request", "library", "infer")] == [True] * 3
    assert json.JSONDecoder().raw_decode(printed)[0]["attributes"]["own"] == "x"


def test_a_sampler_decides_and_what_it_adds_arrives(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, console=False, sampler=Drop("quiet")):
        work()
        with monitor("quiet"):
            work()
    assert sorted(span.name for span in receiver.spans) == ["infer", "library", "request"]
    assert {plain(span.attributes)["sampled.by"] for span in receiver.spans} == {"drop"}
    assert plain(receiver.span("infer").attributes)["fixed"] == 1


def test_a_sampler_that_records_without_sampling_shows_to_processors_alone(receiver: Receiver, add: Any) -> None:
    class OnlyRecord(Drop):
        def should_sample(self, *arguments: Any, **named: Any) -> SamplingResult:
            return SamplingResult(Decision.RECORD_ONLY)

    stamp = Stamp()
    with otel_ia.configure(endpoint=receiver.endpoint, console=False, sampler=OnlyRecord("")):
        add(stamp)
        work()
    assert len(stamp.told) == 6
    assert receiver.spans == []


@pytest.mark.parametrize("fails_in", ["on_start", "on_end"])
def test_a_processor_that_fails_costs_no_span(receiver: Receiver, add: Any, fails_in: str) -> None:
    def fail(self: Any, *_: Any) -> None:
        raise RuntimeError

    with otel_ia.configure(endpoint=receiver.endpoint, console=False, sampler=ALWAYS_ON):
        add(type("Broken", (SpanProcessor,), {fails_in: fail})())
        infer()
    assert [span.name for span in receiver.spans] == ["infer"]


def test_a_processor_that_fails_once_doubles_no_span(receiver: Receiver, add: Any) -> None:
    left = [RuntimeError()]

    class FailsOnce(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            if left:
                raise left.pop()

    with otel_ia.configure(endpoint=receiver.endpoint, console=False, sampler=ALWAYS_ON):
        add(FailsOnce())
        for _ in range(3):
            infer()
    assert [span.name for span in receiver.spans] == ["infer", "infer", "infer"]


BEFORE_US = """
import sys
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

theirs = InMemorySpanExporter()
provider = TracerProvider(resource=Resource({"service.name": "theirs"}), sampler=ParentBased(TraceIdRatioBased(0.5)))
provider.add_span_processor(SimpleSpanProcessor(theirs))
trace.set_tracer_provider(provider)

import otel_ia
from otel_ia import monitor

@monitor
def infer(number):
    with trace.get_tracer("library").start_as_current_span("library", attributes={"number": number}):
        pass

with otel_ia.configure(endpoint=sys.argv[1], console=False):
    for number in range(200):
        infer(number)
    assert trace.get_tracer_provider() is provider
print(*sorted(f"{span.context.span_id:016x}" for span in theirs.get_finished_spans()))
"""


def test_a_provider_that_was_there_before_keeps_its_sampler_exporters_and_resource(receiver: Receiver) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BEFORE_US, receiver.endpoint],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ids = done.stdout.split()
    assert sorted(span.span_id.hex() for span in receiver.spans) == ids
    assert 100 < len(ids) < 300
    assert {resource["service.name"] for resource in receiver.resources} == {"theirs"}
