"""The provider that lasts: what libraries that hold on to it and to its tracers find."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from otel_ia.sdk.stack import Stack
from otel_ia.sdk.tracing import TracerProvider, TracingState, install_tracing
from otel_ia.testing import Recording, record


class Ended(SpanProcessor):
    def __init__(self) -> None:
        self.names: list[str] = []
        self.is_shut_down = False

    def on_end(self, span: ReadableSpan) -> None:
        self.names.append(span.name)

    def shutdown(self) -> None:
        self.is_shut_down = True


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    with record():
        found = trace.get_tracer_provider()
        assert isinstance(found, TracerProvider)
        yield found


def test_it_is_an_sdk_provider_and_its_tracers_are_sdk_tracers(provider: TracerProvider) -> None:
    assert isinstance(provider, sdk_trace.TracerProvider)
    assert isinstance(provider.get_tracer("library"), sdk_trace.Tracer)


def test_it_answers_for_the_state_on_top(provider: TracerProvider) -> None:
    state = TracingState([], resource=Resource({"service.name": "other"}), sampler=ALWAYS_OFF)
    with install_tracing(state, above_all=True):
        assert provider.resource.attributes["service.name"] == "other"
        assert provider.sampler is ALWAYS_OFF
        assert provider.id_generator is state.id_generator
        tracer = provider.get_tracer("library")
        assert isinstance(tracer, sdk_trace.Tracer)
        assert tracer.sampler is ALWAYS_OFF
        assert tracer.resource is state.resource
    assert provider.resource.attributes["service.name"] == "test"


def test_one_scope_has_one_tracer(provider: TracerProvider) -> None:
    assert provider.get_tracer("a", "1") is provider.get_tracer("a", "1")
    assert provider.get_tracer("a", "1") is not provider.get_tracer("a", "2")
    assert provider.get_tracer("a", attributes={"k": [1, 2]}) is not provider.get_tracer("a")


def test_scopes_keep_name_version_schema_and_attributes(telemetry: Recording) -> None:
    ended: list[ReadableSpan] = []

    class Keep(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            ended.append(span)

    state = TracingState([Keep()], resource=Resource.get_empty(), sampler=ALWAYS_ON)
    with install_tracing(state, above_all=True):
        trace.get_tracer("library", "1.2", schema_url="https://example.org/1", attributes={"k": "v"}).start_span(
            "x"
        ).end()
    scope = ended[0].instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version, scope.schema_url) == ("library", "1.2", "https://example.org/1")
    assert dict(scope.attributes or {}) == {"k": "v"}
    assert telemetry.spans == []


def test_processors_of_others_stay_over_every_change_of_state(provider: TracerProvider) -> None:
    theirs = Ended()
    provider.add_span_processor(theirs)
    tracer = provider.get_tracer("library")
    tracer.start_span("one").end()
    with install_tracing(TracingState([], resource=Resource.get_empty()), above_all=True):
        tracer.start_span("two").end()
    tracer.start_span("three").end()
    assert theirs.names == ["one", "two", "three"]
    assert provider.force_flush()
    provider.shutdown()
    assert theirs.is_shut_down


def test_a_span_open_over_a_change_of_state_ends_where_it_began(provider: TracerProvider) -> None:
    first, second = Ended(), Ended()
    with install_tracing(TracingState([first], resource=Resource.get_empty()), above_all=True):
        span = trace.get_tracer("library").start_span("over")
        with install_tracing(TracingState([second], resource=Resource.get_empty()), above_all=True):
            span.end()
    assert first.names == ["over"]
    assert second.names == []


def test_limits_of_the_state_hold(provider: TracerProvider) -> None:
    state = TracingState([], resource=Resource.get_empty(), span_limits=SpanLimits(max_span_attributes=1))
    with install_tracing(state, above_all=True):
        span = trace.get_tracer("library").start_span("x", attributes={"a": 1, "b": 2})
        assert isinstance(span, sdk_trace.Span)
        assert dict(span.attributes or {}) == {"b": 2}


def test_without_a_state_the_parent_goes_through_and_nothing_is_recorded() -> None:
    with record():
        pass
    context = trace.SpanContext(1, 2, is_remote=True, trace_flags=trace.TraceFlags(1))
    parent = trace.set_span_in_context(trace.NonRecordingSpan(context))
    span = trace.get_tracer("library").start_span("x", parent)
    assert not span.is_recording()
    assert span.get_span_context() == context


def test_a_stack_tells_each_change_of_its_top_once() -> None:
    told: list[str | None] = []
    stack: Stack[str] = Stack(told.append)
    first = stack.push("first")
    above = stack.push("above", above_all=True)
    second = stack.push("second")
    first()
    first()
    above()
    with stack.push("third"):
        pass
    second()
    assert told == ["first", "above", "second", "third", "second", None]
