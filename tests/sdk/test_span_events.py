"""Events encoded when they are given are those that are kept until the span's end."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits

from otel_ia.redaction import Redactor, make_redactor
from otel_ia.sdk.home import TracingState
from otel_ia.sdk.provider import TracerProvider

from .sinks import KeptSpans

TOKEN = "Bearer abcdefgh12345678"
names = st.sampled_from(["finished", "", "\ud800", TOKEN, "n" * 300, 7, None]) | st.text(max_size=3)
keys = st.sampled_from(["model", "api_key", "", TOKEN, 7, None]) | st.text(max_size=3)
texts = st.sampled_from(["stop", TOKEN, "password=hunter2hunter2", "\ud800", "a" * 300]) | st.text(max_size=3)
values = (
    texts
    | st.sampled_from([1 << 70, -(1 << 63), 1_024, b"\xff", None, float("nan")])
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.lists(texts, max_size=2)
)
attributes = st.none() | st.dictionaries(keys, values, max_size=4)
limits = st.builds(
    SpanLimits,
    max_events=st.sampled_from([None, 0, 2]),
    max_event_attributes=st.sampled_from([None, 0, 2]),
    max_attribute_length=st.sampled_from([None, 0, 5]),
)


def sent(redactor: Redactor | None, span_limits: SpanLimits, events: list[tuple[Any, Any]]) -> SpanMessage:
    """The last of three spans that were given the same, so that all has been seen before."""
    sink = KeptSpans()
    provider = TracerProvider()
    state = TracingState([], resource=Resource.get_empty(), sink=sink, redactor=redactor, span_limits=span_limits)
    with provider.install(state):
        for _ in range(3):
            span = provider.get_tracer("library").start_span("x")
            for name, own in events:
                span.add_event(name, own)
            span.end()
    message = sink.messages[-1]
    for event in message.events:
        event.time_unix_nano = 0
    return message


def kept_as_it_is(_path: str, value: object) -> object:
    return value


@given(limits, st.lists(st.tuples(names, attributes), max_size=4))
def test_an_event_arrives_alike_whichever_way_it_went(span_limits: SpanLimits, events: list[tuple[Any, Any]]) -> None:
    at_once = sent(make_redactor(), span_limits, events)
    at_the_end = sent(make_redactor(callback=kept_as_it_is), span_limits, events)
    assert at_once.SerializeToString().find(b"hunter2") < 0
    assert [event.SerializeToString() for event in at_once.events] == [
        event.SerializeToString() for event in at_the_end.events
    ]
    assert at_once.dropped_events_count == at_the_end.dropped_events_count


class Key:
    """Can be a key of a dictionary, and cannot be looked up again."""

    def __init__(self) -> None:
        self.asked = 0

    def __hash__(self) -> int:
        self.asked += 1
        if self.asked > 1:
            raise OSError("no hash")
        return 1


def test_a_key_that_cannot_be_looked_up_harms_nobody() -> None:
    message = sent(make_redactor(), SpanLimits(), [("e", {"fine": 1}), ("e", {Key(): 1, "fine": 1})])
    assert [event.attributes[-1].key for event in message.events] == ["fine", "fine"]


def test_what_changes_after_the_event_is_not_in_it() -> None:
    sink = KeptSpans()
    provider = TracerProvider()
    with provider.install(TracingState([], resource=Resource.get_empty(), sink=sink, redactor=make_redactor())):
        for _ in range(3):
            span = provider.get_tracer("library").start_span("x")
            own: dict[str, Any] = {"step": 1, "names": ["a"]}
            span.add_event("e", own)
            own["step"] = 2
            own["names"].append("b")
            span.end()
            (event,) = span.events  # type: ignore[attr-defined]
            assert dict(event.attributes) == {"step": 1, "names": ("a",)}
    (event,) = sink.messages[-1].events
    assert event.attributes[0].value.int_value == 1
    assert len(event.attributes[1].value.array_value.values) == 1
