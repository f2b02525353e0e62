"""Calls of the fast call site: what arrives in the sink, and what is current meanwhile."""

import gc
import logging
import random
import sys
import weakref
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, sampling
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, set_span_in_context

from otel_ia import clock
from otel_ia.recording import current
from otel_ia.recording.callsite import CallSite, LateCallSite
from otel_ia.recording.description import Description
from otel_ia.recording.functions import monitor_function
from otel_ia.recording.places import Place
from otel_ia.sdk.home import TracingState
from otel_ia.sdk.provider import TracerProvider
from otel_ia.sdk.tracer import Tracer

from .sinks import KeptSpans, attributes_of

PLACE = Place("app.models", "predict", "/srv/app/models.py", 120)
FIXED = {
    "code.function.name": "app.models.predict",
    "code.file.path": "/srv/app/models.py",
    "code.line.number": 120,
    "model": "resnet",
}


def description(**changes: Any) -> Description:
    given: dict[str, Any] = {"name": "predict", "attributes": {"model": "resnet"}, "log": None, "slow_after": None}
    return Description(place=PLACE, **(given | changes))


@pytest.fixture
def site(tracer: Tracer) -> CallSite:
    return tracer.call_site(description())


def test_a_call_arrives_with_what_is_fixed_at_its_site(site: CallSite, sink: KeptSpans) -> None:
    for _ in range(2):
        assert monitor_function(lambda: 5, site)() == 5
    first, second = sink.messages
    assert first.name == second.name == "predict"
    assert attributes_of(first) == attributes_of(second) == FIXED
    assert first.trace_id != second.trace_id
    assert first.span_id != second.span_id
    assert first.start_time_unix_nano <= first.end_time_unix_nano <= second.start_time_unix_nano
    assert first.flags == 0x100
    assert sink.of_scopes == ["otel_ia", "otel_ia"]


def test_calls_below_are_children_by_whichever_way_they_were_opened(
    site: CallSite, tracer: Tracer, sink: KeptSpans
) -> None:
    outer_site = tracer.call_site(description(name="outer"))

    def below() -> None:
        monitor_function(lambda: None, site)()
        with tracer.start_as_current_span("block"):
            monitor_function(lambda: None, site)()

    for _ in range(2):
        sink.messages.clear()
        monitor_function(below, outer_site)()
        first, second, block, outer = sink.messages
        assert {message.trace_id for message in sink.messages} == {outer.trace_id}
        assert first.parent_span_id == block.parent_span_id == outer.span_id
        assert second.parent_span_id == block.span_id
        assert outer.parent_span_id == b""


def test_a_remote_parent_and_its_trace_state_go_on(site: CallSite, sink: KeptSpans) -> None:
    context = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("vendor", "1")]))
    token = current.attach(set_span_in_context(NonRecordingSpan(context)))

    def below() -> None:
        flags = trace.get_current_span().get_span_context().trace_flags
        assert flags == 1, "the parent's ids are not said to be random"
        monitor_function(lambda: None, site)()

    for _ in range(2):
        monitor_function(below, site)()
    current.reset(token)
    inner, outer = sink.messages[2:]
    assert (outer.trace_id, outer.parent_span_id) == ((7).to_bytes(16, "big"), (8).to_bytes(8, "big"))
    assert outer.flags == 0x300
    assert inner.flags == 0x100
    assert inner.trace_state == outer.trace_state == "vendor=1"


def test_attributes_and_events_of_the_call_come_along_and_replace_the_sites(site: CallSite, sink: KeptSpans) -> None:
    def predict() -> None:
        span = trace.get_current_span()
        span.set_attribute("model", "vit")
        span.set_attribute("batch", 32)
        span.add_event("half", {"done": 16})
        assert isinstance(span, ReadableSpan)
        assert list(span.attributes or {}) == [*list(FIXED)[:3], "model", "batch"]

    for _ in range(2):
        monitor_function(predict, site)()
        message = sink.messages[-1]
        assert attributes_of(message) == FIXED | {"model": "vit", "batch": 32}
        assert [event.name for event in message.events] == ["half"]
        assert message.start_time_unix_nano <= message.events[0].time_unix_nano <= message.end_time_unix_nano


def test_an_error_is_on_the_span_that_saw_it_first(site: CallSite, tracer: Tracer, sink: KeptSpans) -> None:
    error = ValueError("no such model")

    def fail() -> None:
        raise error

    outer = tracer.call_site(description(name="outer"))
    for _ in range(2):
        sink.messages.clear()
        with pytest.raises(ValueError, match="no such model") as caught:
            monitor_function(monitor_function(fail, site), outer)()
        assert caught.value is error
        error.__traceback__ = None
        inner_message, outer_message = sink.messages
        assert [event.name for event in inner_message.events] == ["exception"]
        assert not outer_message.events
        for message in sink.messages:
            assert attributes_of(message) == FIXED | {"ia.outcome": "error", "error.type": "ValueError"}
            assert (message.status.code, message.status.message) == (2, "no such model")
            assert message.end_time_unix_nano >= message.start_time_unix_nano
        assert outer_message.start_time_unix_nano <= inner_message.start_time_unix_nano
        assert inner_message.end_time_unix_nano <= outer_message.end_time_unix_nano


def test_a_span_that_the_user_ended_is_ended_once_and_silently(
    site: CallSite, sink: KeptSpans, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        monitor_function(lambda: trace.get_current_span().end(), site)()
    assert sink.names == ["predict", "predict"]
    assert not caplog.records


def test_a_renamed_call_has_its_new_name_and_keeps_its_attributes(site: CallSite, sink: KeptSpans) -> None:
    for _ in range(2):
        monitor_function(lambda: trace.get_current_span().update_name("other"), site)()
        assert sink.messages[-1].name == "other"
        assert attributes_of(sink.messages[-1]) == FIXED


def test_without_a_state_nothing_is_opened_and_a_state_that_comes_takes_effect_at_once(sink: KeptSpans) -> None:
    provider = TracerProvider()
    tracer = provider.get_tracer("otel_ia")
    assert isinstance(tracer, Tracer)
    site = tracer.call_site(description())
    assert site.open() is None
    with provider.install(TracingState([], resource=Resource.get_empty(), sink=sink)):
        monitor_function(lambda: None, site)()
        other = KeptSpans()
        with provider.install(TracingState([], resource=Resource.get_empty(), sink=other)):
            monitor_function(lambda: None, site)()
            monitor_function(lambda: None, site)()
    assert site.open() is None
    assert (sink.names, other.names) == (["predict"], ["predict"] * 2)


def test_a_call_that_is_not_sampled_records_nothing_and_its_children_are_of_its_trace(sink: KeptSpans) -> None:
    provider = TracerProvider()
    state = TracingState([], resource=Resource.get_empty(), sampler=sampling.DEFAULT_OFF, sink=sink)
    with provider.install(state):
        tracer = provider.get_tracer("otel_ia")
        assert isinstance(tracer, Tracer)
        site = tracer.call_site(description())
        seen: list[SpanContext] = []

        def look() -> None:
            seen.append(trace.get_current_span().get_span_context())
            span = tracer.start_span("by the API")
            seen.append(span.get_span_context())
            assert not span.is_recording()
            if len(seen) < 4:
                monitor_function(look, site)()

        monitor_function(look, site)()
    assert len({context.trace_id for context in seen}) == 1
    assert all(context.is_valid and not context.trace_flags.sampled for context in seen)
    assert not sink.happened


@pytest.mark.parametrize(
    ("sampler", "arrives"),
    [
        (sampling.ALWAYS_ON, True),
        (sampling.ALWAYS_OFF, False),
        (sampling.TraceIdRatioBased(1.0), True),
        (sampling.ParentBasedTraceIdRatio(0.0), False),
        (sampling.StaticSampler(sampling.Decision.RECORD_ONLY), False),
    ],
)
def test_every_sampler_is_heeded(sampler: sampling.Sampler, arrives: bool, sink: KeptSpans) -> None:
    provider = TracerProvider()
    with provider.install(TracingState([], resource=Resource.get_empty(), sampler=sampler, sink=sink)):
        tracer = provider.get_tracer("otel_ia")
        assert isinstance(tracer, Tracer)
        site = tracer.call_site(description())
        for _ in range(2):
            monitor_function(lambda: monitor_function(lambda: None, site)(), site)()
    assert len(sink.messages) == (4 if arrives else 0)
    assert all(attributes_of(message) == FIXED for message in sink.messages)


def test_ids_of_the_users_generator_are_taken_and_ours_do_not_follow_the_users_seed(sink: KeptSpans) -> None:
    def ids(**options: Any) -> list[bytes]:
        provider = TracerProvider()
        with provider.install(TracingState([], resource=Resource.get_empty(), sink=sink, **options)):
            tracer = provider.get_tracer("otel_ia")
            assert isinstance(tracer, Tracer)
            site = tracer.call_site(description())
            sink.messages.clear()
            random.seed(42)
            monitor_function(lambda: None, site)()
            tracer.start_span("x").end()
        return [message.trace_id for message in sink.messages]

    assert ids(id_generator=RandomIdGenerator()) == ids(id_generator=RandomIdGenerator())
    assert not set(ids()) & set(ids())


def test_limits_hold_for_what_is_fixed_at_the_site_too(sink: KeptSpans) -> None:
    provider = TracerProvider()
    limits = SpanLimits(max_span_attributes=2, max_span_attribute_length=3)
    with provider.install(TracingState([], resource=Resource.get_empty(), span_limits=limits, sink=sink)):
        tracer = provider.get_tracer("otel_ia")
        assert isinstance(tracer, Tracer)
        site = tracer.call_site(description())
        for _ in range(2):
            monitor_function(lambda: trace.get_current_span().set_attribute("batch", 32), site)()
    for message in sink.messages:
        assert attributes_of(message) == {"model": "res", "batch": 32}
        assert message.dropped_attributes_count == 3


def test_processors_are_told_of_calls(provider: TracerProvider, site: CallSite, sink: KeptSpans) -> None:
    told: list[str] = []

    class Told(SpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            told.append(f"start {span.name} {parent_context}")

        def on_end(self, span: ReadableSpan) -> None:
            told.append(f"end {span.name} {len(span.attributes or {})}")

    provider.add_span_processor(Told())
    for _ in range(2):
        monitor_function(lambda: None, site)()
    assert told == ["start predict None", "end predict 4"] * 2
    assert sink.names == ["predict"] * 2


def test_what_fails_in_a_processor_of_the_users_never_reaches_a_monitored_call(
    provider: TracerProvider, site: CallSite
) -> None:
    class Broken(SpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            raise OSError("start")

        def on_end(self, span: ReadableSpan) -> None:
            raise OSError("end")

    provider.add_span_processor(Broken())
    assert monitor_function(lambda: 5, site)() == 5
    with pytest.raises(ValueError, match="own"):
        monitor_function(lambda: (_ for _ in ()).throw(ValueError("own")), site)()


def test_log_lines_and_slow_calls_are_those_of_any_other_call_site(
    tracer: Tracer, sink: KeptSpans, caplog: pytest.LogCaptureFixture
) -> None:
    site = tracer.call_site(description(log=logging.INFO, slow_after=0.0))
    with caplog.at_level(logging.INFO, "app.models"):
        monitor_function(lambda: None, site)()
    said = [record.getMessage().partition(" in ")[0].partition(":")[0] for record in caplog.records]
    assert said == ["predict started", "predict was slow", "predict finished"]
    assert attributes_of(sink.messages[0]) == FIXED | {"ia.slow": True}
    assert [event.name for event in sink.messages[0].events] == ["ia.slow"]


def test_lines_are_written_where_nothing_is_recorded(caplog: pytest.LogCaptureFixture) -> None:
    tracer = TracerProvider().get_tracer("otel_ia")
    assert isinstance(tracer, Tracer)
    with caplog.at_level(logging.INFO, "app.models"):
        monitor_function(lambda: None, tracer.call_site(description(log=logging.INFO)))()
    assert len(caplog.records) == 2


def test_a_call_where_the_recursion_limit_is_near_is_told_of_later(site: CallSite, sink: KeptSpans) -> None:
    def descend() -> None:
        monitored()

    monitored = monitor_function(descend, site)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        with pytest.raises(RecursionError):
            monitored()
    finally:
        sys.setrecursionlimit(limit)
    monitor_function(lambda: None, site)()
    ids = {message.span_id for message in sink.messages}
    assert len(ids) == len(sink.messages)
    parents = {message.parent_span_id for message in sink.messages} - {b""}
    assert parents <= ids
    assert len(ids) > 100


def test_a_clock_that_is_set_back_makes_no_call_negative_or_wild(
    site: CallSite, tracer: Tracer, sink: KeptSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = 3_600_000_000_000
    wall = iter([10 * hours, hours, 20 * hours, 2 * hours])
    monkeypatch.setattr(clock, "wall", lambda: next(wall))
    monitor_function(lambda: tracer.start_span("inner").end(), site)()
    tracer.start_span("given", start_time=5).end()
    inner, outer, given = sink.messages
    assert (outer.start_time_unix_nano, inner.start_time_unix_nano) == (10 * hours, hours)
    for message in (inner, outer):
        assert 0 <= message.end_time_unix_nano - message.start_time_unix_nano < hours
    assert given.start_time_unix_nano == 5
    assert 20 * hours <= given.end_time_unix_nano < 21 * hours


def test_a_call_at_a_time_before_all_times_arrives(
    site: CallSite, sink: KeptSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "wall", lambda: -3_600_000_000_000)
    monitor_function(lambda: None, site)()
    (message,) = sink.messages
    assert (message.start_time_unix_nano, message.end_time_unix_nano) == (0, 0)


def test_a_call_leaves_no_cycle_for_the_collector(site: CallSite) -> None:
    monitor_function(lambda: None, site)()
    gc.collect()
    gc.disable()
    try:
        spans: list[weakref.ref[Any]] = []
        monitor_function(lambda: spans.append(weakref.ref(trace.get_current_span())), site)()
        assert spans[0]() is None
    finally:
        gc.enable()


def test_a_site_goes_through_pickle_as_one_that_needs_only_the_api(site: CallSite) -> None:
    made, arguments = site.__reduce__()  # type: ignore[misc]
    assert made is LateCallSite
    assert arguments == (description(),)
