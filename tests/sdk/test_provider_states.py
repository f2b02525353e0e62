"""The provider that lasts: what libraries that hold on to it and to its tracers find."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from otel_ia.sdk.home import TracingState
from otel_ia.sdk.provider import TracerProvider

EMPTY = Resource.get_empty()


class Told(SpanProcessor):
    """Remembers what it was told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.contexts: list[object] = []
        self.is_shut_down = False
        self.is_flushed = True

    def on_start(self, span: sdk_trace.Span, parent_context: Any = None) -> None:
        self.told.append(("start", span.name))
        self.contexts.append(parent_context)
        span.set_attribute("of", "the processor")

    def _on_ending(self, span: sdk_trace.Span) -> None:
        assert not span.is_recording()
        self.told.append(("ending", span.name))

    def on_end(self, span: ReadableSpan) -> None:
        assert not isinstance(span, trace.Span)
        self.told.append(("end", span.name))

    def shutdown(self) -> None:
        self.is_shut_down = True

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self.is_flushed

    @property
    def ended(self) -> list[str]:
        return [name for what, name in self.told if what == "end"]


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    made = TracerProvider()
    with made.install(TracingState([], resource=Resource({"service.name": "below"}))):
        yield made


def state(*processors: SpanProcessor, **options: Any) -> TracingState:
    return TracingState(processors, resource=options.pop("resource", EMPTY), **options)


def test_it_answers_for_the_state_on_top(provider: TracerProvider) -> None:
    other = state(resource=Resource({"service.name": "other"}), sampler=ALWAYS_OFF)
    tracer = provider.get_tracer("library")
    assert isinstance(tracer, sdk_trace.Tracer)
    with provider.install(other):
        assert provider.resource.attributes["service.name"] == "other"
        assert provider.sampler is ALWAYS_OFF
        assert provider.id_generator is other.id_generator
        assert tracer.sampler is ALWAYS_OFF
        assert tracer.resource is other.resource
    assert provider.resource.attributes["service.name"] == "below"
    assert tracer.resource.attributes["service.name"] == "below"


def test_one_scope_has_one_tracer(provider: TracerProvider) -> None:
    assert provider.get_tracer("a", "1") is provider.get_tracer("a", "1")
    assert provider.get_tracer("a", "1") is not provider.get_tracer("a", "2")
    assert provider.get_tracer("a", attributes={"k": [1, 2]}) is not provider.get_tracer("a")


def test_a_tracer_without_a_name_is_handed_out_with_an_error(
    provider: TracerProvider, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        tracer = provider.get_tracer("")
    assert "missing module name" in caplog.text
    assert tracer.start_span("x").is_recording()


def test_a_disabled_sdk_hands_out_tracers_that_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", " True ")
    assert isinstance(TracerProvider().get_tracer("x"), trace.NoOpTracer)


def test_a_span_knows_its_scope_and_resource(provider: TracerProvider) -> None:
    tracer = provider.get_tracer("library", "1.2", "https://example.org/1", {"k": "v"})
    span = tracer.start_span("x")
    assert isinstance(span, ReadableSpan)
    scope = span.instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version, scope.schema_url) == ("library", "1.2", "https://example.org/1")
    assert dict(scope.attributes or {}) == {"k": "v"}
    assert span.resource is provider.resource


def test_processors_are_told_of_start_ending_and_end_with_the_context_that_was_given(provider: TracerProvider) -> None:
    told = Told()
    provider.add_span_processor(told)
    tracer = provider.get_tracer("library")
    context = trace.set_span_in_context(trace.INVALID_SPAN)
    tracer.start_span("one", context).end()
    tracer.start_span("two").end()
    assert told.told == [(what, name) for name in ("one", "two") for what in ("start", "ending", "end")]
    assert told.contexts == [context, None]


def test_processors_of_others_stay_over_every_change_of_state(provider: TracerProvider) -> None:
    theirs = Told()
    provider.add_span_processor(theirs)
    tracer = provider.get_tracer("library")
    tracer.start_span("one").end()
    with provider.install(state(), above_all=True):
        tracer.start_span("two").end()
    tracer.start_span("three").end()
    assert theirs.ended == ["one", "two", "three"]
    assert provider.force_flush()
    theirs.is_flushed = False
    assert not provider.force_flush()
    provider.shutdown()
    assert theirs.is_shut_down


def test_a_processor_added_while_a_span_is_open_is_told_of_its_end(provider: TracerProvider) -> None:
    span = provider.get_tracer("library").start_span("open")
    told = Told()
    provider.add_span_processor(told)
    span.end()
    assert told.ended == ["open"]


def test_a_span_open_over_a_change_of_state_ends_where_it_began(provider: TracerProvider) -> None:
    first, second = Told(), Told()
    tracer = provider.get_tracer("library")
    with provider.install(state(first)):
        span = tracer.start_span("over")
        with provider.install(state(second)):
            span.end()
        after_the_undo = tracer.start_span("late")
    after_the_undo.end()
    assert first.ended == ["over", "late"]
    assert second.ended == []


def test_limits_of_the_state_hold(provider: TracerProvider) -> None:
    with provider.install(state(span_limits=SpanLimits(max_span_attributes=1))):
        span = provider.get_tracer("library").start_span("x", attributes={"a": 1, "b": 2})
        assert isinstance(span, ReadableSpan)
        assert dict(span.attributes or {}) == {"b": 2}
        assert span.dropped_attributes == 1


def test_without_a_state_the_parent_goes_through_and_nothing_is_recorded(provider: TracerProvider) -> None:
    tracer = TracerProvider().get_tracer("library")
    context = trace.SpanContext(1, 2, is_remote=True, trace_flags=trace.TraceFlags(1))
    parent = trace.set_span_in_context(trace.NonRecordingSpan(context))
    span = tracer.start_span("x", parent)
    assert not span.is_recording()
    assert span.get_span_context() == context
    with tracer.start_as_current_span("y"):
        assert not trace.get_current_span().get_span_context().is_valid
    below = provider.get_tracer("library").start_span("z")
    assert tracer.start_span("x", trace.set_span_in_context(below)).get_span_context() == below.get_span_context()


def test_exporters_of_others_work_with_what_processors_are_given(provider: TracerProvider) -> None:
    memory, text = InMemorySpanExporter(), io.StringIO()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=text)))
    tracer = provider.get_tracer("library")
    with (
        tracer.start_as_current_span("outer") as outer,
        pytest.raises(ZeroDivisionError),
        tracer.start_as_current_span("inner", attributes={"k": [1, 2]}) as inner,
    ):
        inner.add_link(outer.get_span_context(), {"why": "test"})
        print(1 // 0)
    spans = memory.get_finished_spans()
    assert [span.name for span in spans] == ["inner", "outer"]
    assert spans[0].parent == spans[1].context
    assert spans[0].status.description == "ZeroDivisionError: integer division or modulo by zero"
    assert "print(1 // 0)" in (spans[0].events[0].attributes or {})["exception.stacktrace"]  # type: ignore[operator]
    assert len(encode_spans(spans).resource_spans[0].scope_spans[0].spans) == 2
    assert [json.loads(part + "}")["name"] for part in text.getvalue().split("\n}\n")[:-1]] == ["inner", "outer"]


def test_a_processor_that_raises_raises_in_the_call_that_told_it(provider: TracerProvider) -> None:
    class Broken(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            raise OSError(span.name)

    with provider.install(state(Broken(), sampler=ALWAYS_ON)), pytest.raises(OSError, match="told"):
        provider.get_tracer("library").start_span("told").end()
