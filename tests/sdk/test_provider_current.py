"""Spans that are current: for a block, for a function, for a coroutine."""

import asyncio
import contextvars
from collections.abc import Iterator

import pytest
from opentelemetry import context as api
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from otel_ia.recording import current
from otel_ia.sdk.home import TracingState
from otel_ia.sdk.provider import TracerProvider


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exported: InMemorySpanExporter) -> Iterator[trace.Tracer]:
    provider = TracerProvider()
    with provider.install(TracingState([SimpleSpanProcessor(exported)], resource=Resource.get_empty())):
        yield provider.get_tracer("library")


def names(exported: InMemorySpanExporter) -> list[str]:
    return [span.name for span in exported.get_finished_spans()]


def test_the_context_is_the_apis_own() -> None:
    token = current.attach(api.set_value("key", "value"))
    assert api.get_value("key") == "value"
    assert current.get_current() is api.get_current()
    current.reset(token)
    assert api.get_value("key") is None
    span = trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=False))
    made = current.context_of(span, api.set_value("key", "value"))
    assert trace.get_current_span(made) is span
    assert api.get_value("key", made) == "value"
    assert type(made) is api.Context


def test_a_token_of_another_context_is_refused_as_by_the_variable_itself() -> None:
    token = contextvars.copy_context().run(current.attach, api.Context())
    with pytest.raises(ValueError, match="different Context"):
        current.reset(token)


def test_a_block_is_current_until_it_ends(tracer: trace.Tracer, exported: InMemorySpanExporter) -> None:
    with tracer.start_as_current_span("outer") as outer:
        assert trace.get_current_span() is outer
        with tracer.start_as_current_span("inner") as inner:
            assert trace.get_current_span() is inner
        assert trace.get_current_span() is outer
    assert names(exported) == ["inner", "outer"]
    inner_span, outer_span = exported.get_finished_spans()
    assert inner_span.parent == outer_span.context


def test_what_else_is_in_the_context_stays_there(tracer: trace.Tracer) -> None:
    token = api.attach(api.set_value("key", "value"))
    with tracer.start_as_current_span("outer"):
        assert api.get_value("key") == "value"
    api.detach(token)


def test_a_block_need_not_end_its_span(tracer: trace.Tracer, exported: InMemorySpanExporter) -> None:
    with tracer.start_as_current_span("kept", end_on_exit=False) as span:
        pass
    assert span.is_recording()
    span.end()
    assert names(exported) == ["kept"]


@pytest.mark.parametrize(("records", "sets"), [(True, True), (True, False), (False, True), (False, False)])
def test_an_exception_is_recorded_as_far_as_it_was_asked_for(
    tracer: trace.Tracer, exported: InMemorySpanExporter, records: bool, sets: bool
) -> None:
    error = KeyError("k")
    with (
        pytest.raises(KeyError) as caught,
        tracer.start_as_current_span("x", record_exception=records, set_status_on_exception=sets),
    ):
        raise error
    assert caught.value is error
    (span,) = exported.get_finished_spans()
    assert len(span.events) == records
    assert span.status.status_code is (StatusCode.ERROR if sets else StatusCode.UNSET)
    with pytest.raises(KeyError), tracer.start_span("y", record_exception=records, set_status_on_exception=sets):
        raise error
    *_, span = exported.get_finished_spans()
    assert len(span.events) == records
    assert span.status.description == ("KeyError: 'k'" if sets else None)


@pytest.mark.parametrize("kind", [GeneratorExit, KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_is_no_error_is_not_recorded_by_a_block(
    tracer: trace.Tracer, exported: InMemorySpanExporter, kind: type[BaseException]
) -> None:
    with pytest.raises(kind), tracer.start_as_current_span("x"):
        raise kind
    (span,) = exported.get_finished_spans()
    assert not span.events
    assert span.status.status_code is StatusCode.UNSET


def test_it_decorates_functions_and_coroutine_functions(tracer: trace.Tracer, exported: InMemorySpanExporter) -> None:
    @tracer.start_as_current_span("function", attributes={"k": 1})
    def double(number: int) -> int:
        """Twice as much."""
        return 2 * number

    @tracer.start_as_current_span("coroutine")
    async def double_later(number: int) -> int:
        await asyncio.sleep(0)
        assert trace.get_current_span().is_recording()
        return double(number)

    assert double(2) == 4
    assert double(3) == 6
    assert asyncio.run(double_later(4)) == 8
    assert double.__doc__ == "Twice as much."
    assert names(exported) == ["function", "function", "function", "coroutine"]
    assert exported.get_finished_spans()[2].parent == exported.get_finished_spans()[3].context


def test_a_block_that_ends_in_another_context_disturbs_nobody(
    tracer: trace.Tracer, exported: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    block = tracer.start_as_current_span("x")
    contextvars.copy_context().run(block.__enter__)
    block.__exit__(None, None, None)
    assert names(exported) == ["x"]
    assert not caplog.records
