"""Spans that may not live to their end: announced when they begin, and to whom they belong after a fork."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from otel_ia import clock
from otel_ia.delivery.spooling.frames import SPAN, START
from otel_ia.delivery.spooling.spool import Spool
from otel_ia.recording.description import Description
from otel_ia.recording.functions import monitor_function
from otel_ia.recording.places import Place
from otel_ia.sdk.home import KNOWN_NAMES, LONG_CALL, TracingState
from otel_ia.sdk.outlet import SinkProcessor
from otel_ia.sdk.provider import TracerProvider
from otel_ia.sdk.sink import SpoolSink
from otel_ia.sdk.tracer import Tracer

from .sinks import KeptSpans

DESCRIPTION = Description("predict", Place("app", "predict", "/app.py", 1), {}, None, None)


def take(nanoseconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The monotonic clock goes on by so much at each reading."""
    begin, readings = time.perf_counter_ns(), iter(range(1_000_000))
    monkeypatch.setattr(clock, "monotonic", lambda: begin + nanoseconds * next(readings))


def call_of(tracer: Tracer, *, by_site: bool) -> Callable[[], object]:
    if by_site:
        return monitor_function(lambda: None, tracer.call_site(DESCRIPTION))
    return lambda: tracer.start_span("predict").end()


@pytest.mark.parametrize("by_site", [True, False])
def test_the_first_call_is_announced_and_those_after_a_long_one(
    tracer: Tracer, sink: KeptSpans, monkeypatch: pytest.MonkeyPatch, by_site: bool
) -> None:
    call = call_of(tracer, by_site=by_site)
    announced, silent = ["begun", "settled", "ended"], ["ended"]
    expected = []
    for step, is_announced in [
        (5, True),
        (5, False),
        (LONG_CALL + 1, False),
        (LONG_CALL + 1, True),
        (5, True),
        (5, False),
    ]:
        take(step, monkeypatch)
        call()
        expected += announced if is_announced else silent
    assert [what for what, _ in sink.happened] == expected


def test_what_is_announced_is_the_span_as_far_as_it_is_known(tracer: Tracer, sink: KeptSpans) -> None:
    with tracer.start_as_current_span("outer", kind=trace.SpanKind.SERVER, attributes={"k": 1}) as outer:
        pass
    (message,) = sink.announced
    assert message.name == "outer"
    assert message.kind == SpanMessage.SPAN_KIND_SERVER
    assert message.attributes[0].key == "k"
    assert message.span_id == outer.get_span_context().span_id.to_bytes(8, "big")
    assert message.end_time_unix_nano == 0


def test_names_that_never_come_again_are_not_all_announced(tracer: Tracer, sink: KeptSpans) -> None:
    for number in range(3 * KNOWN_NAMES):
        tracer.start_span(f"GET /users/{number}").end()
    assert len(sink.announced) == KNOWN_NAMES
    assert len(sink.messages) == 3 * KNOWN_NAMES


def test_the_spool_holds_an_open_span_until_it_ends_and_writes_it_again_at_each_segment(tmp_path: Path) -> None:
    sink = SpoolSink()
    spool = Spool(
        fingerprint=b"test", identity=lambda: b"me", directory=tmp_path, open_frames=sink.open_frames, tell=pytest.fail
    )
    sink.connect(spool.append, spool.define_scope)
    provider = TracerProvider()
    with provider.install(TracingState([], resource=Resource.get_empty(), sink=sink)):
        tracer = provider.get_tracer("library")
        span = tracer.start_span("long")
        ((kind, payload),) = sink.open_frames()
        assert kind == START
        assert SpanMessage.FromString(payload[1:]).name == "long"
        for _ in range(2_000):
            tracer.start_span("x" * 300).end()
            spool.prepare()
        span.end()
        assert sink.open_frames() == []
        names = []
        while (batch := spool.read()) is not None:
            assert batch.scopes
            names += [SpanMessage.FromString(payload[1:]).name for kind, payload in batch.frames if kind == SPAN]
            batch.acknowledge()
    spool.close()
    assert names == ["x" * 300] * 2_000 + ["long"]


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def in_child(work: Callable[[], Any]) -> str:
    """What `repr` makes of the result, in a forked child."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writable, repr(work()).encode())
        except BaseException as error:
            os.write(writable, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


@needs_fork
def test_a_child_ends_no_span_of_its_parent_and_records_its_own(sink: KeptSpans) -> None:
    ended: list[str] = []

    class Ended(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            ended.append(span.name)

    provider = TracerProvider()
    resource = Resource({"service.instance.id": "parent", "process.pid": os.getpid(), "k": "v"})
    with provider.install(TracingState([Ended()], resource=resource, sink=sink)):
        tracer = provider.get_tracer("library")
        assert isinstance(tracer, Tracer)
        call = monitor_function(lambda: None, tracer.call_site(DESCRIPTION))
        open_in_parent = tracer.start_span("of the parent")
        call_in_parent = tracer.call_site(DESCRIPTION).open()
        assert call_in_parent is not None

        def work() -> Any:
            sink.happened.clear()
            call_in_parent.close()
            open_in_parent.end()
            call()
            with provider.get_tracer("another").start_as_current_span("of the child"):
                pass
            attributes = dict(provider.resource.attributes)
            is_new = attributes.pop("service.instance.id") != "parent" and attributes.pop("process.pid") == os.getpid()
            return [name for what, name in sink.happened if what == "ended"], ended, is_new, attributes

        expected = ["predict", "of the child"]
        assert in_child(work) == repr((expected, expected, True, {"k": "v"}))
        assert provider.resource is resource
        open_in_parent.end()
    assert ended == ["of the parent"]


@needs_fork
def test_a_child_forgets_what_is_open_in_its_parent_and_draws_other_ids(tmp_path: Path) -> None:
    sink = SpoolSink()
    provider = TracerProvider()
    with provider.install(TracingState([], resource=Resource.get_empty(), sink=sink)):
        tracer = provider.get_tracer("library")
        span = tracer.start_span("of the parent")

        def work() -> Any:
            return len(sink.open_frames()), tracer.start_span("x").get_span_context().trace_id

        first, second = in_child(work), in_child(work)
        mine = repr((1, tracer.start_span("x").get_span_context().trace_id))
        span.end()
    assert first.startswith("(0, ")
    assert len({first, second, mine}) == 3


@needs_fork
def test_behind_another_librarys_provider_it_is_the_same() -> None:
    sink = KeptSpans()
    provider = sdk_trace.TracerProvider(shutdown_on_exit=False, resource=Resource.get_empty())
    provider.add_span_processor(SinkProcessor(sink))
    tracer = provider.get_tracer("library", "1")
    tracer.start_span("first").end()
    tracer.start_span("first").end()
    span = tracer.start_span("of the parent")

    def work() -> Any:
        sink.happened.clear()
        span.end()
        tracer.start_span("of the child").end()
        return sink.happened

    assert in_child(work) == repr([(what, "of the child") for what in ("begun", "settled", "ended")])
    span.end()
    assert [what for what, name in sink.happened if name == "first"] == ["begun", "settled", "ended", "ended"]
    assert sink.names == ["first", "first", "of the parent"]
    assert sink.of_scopes == ["library"] * 3
