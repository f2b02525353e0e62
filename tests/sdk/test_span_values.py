"""Whatever is set on a span: it is copied when it is set, it arrives, and the user's call is untouched."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, StatusCode, Tracer

from .sinks import KeptSpans, attributes_of


def attributes_in(span: Span) -> dict[str, Any]:
    assert isinstance(span, ReadableSpan)
    return dict(span.attributes or {})


def test_a_list_that_changes_later_does_not_change_the_attribute(tracer: Tracer) -> None:
    given, mapping = [1, 2], {"inner": [1]}
    span = tracer.start_span("x", attributes={"start": given})
    attributes = {"many": given}
    span.set_attribute("one", given)
    span.set_attributes(attributes)
    span.set_attribute("mapping", mapping)  # type: ignore[arg-type]
    span.add_event("e", {"list": given})
    given.append(3)
    mapping["inner"].append(2)
    attributes["more"] = [1]
    assert attributes_in(span) == {"start": (1, 2), "one": (1, 2), "many": (1, 2), "mapping": {"inner": (1,)}}
    assert isinstance(span, ReadableSpan)
    assert dict(span.events[0].attributes or {}) == {"list": (1, 2)}


class Raising:
    def __str__(self) -> str:
        raise OSError("no text")

    __repr__ = __str__


class RaisingSequence(Sequence[Any]):
    def __len__(self) -> int:
        raise OSError("no length")

    def __getitem__(self, index: Any) -> Any:
        raise OSError("no item")


class RaisingMapping(Mapping[str, Any]):
    def __len__(self) -> int:
        raise OSError("no length")

    def __iter__(self) -> Any:
        raise OSError("no keys")

    def __getitem__(self, key: str) -> Any:
        raise OSError("no item")


class Text(str):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise OSError("no comparison")

    def __hash__(self) -> int:
        raise OSError("no hash")


class Disguised:
    @property
    def __class__(self) -> Any:
        raise OSError("no class")


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)
HOSTILE: dict[str, Any] = {
    "an object whose text raises": Raising(),
    "a list of them": [Raising(), 1],
    "a sequence that raises": RaisingSequence(),
    "a mapping that raises": RaisingMapping(),
    "a list that holds itself": CIRCLE,
    "a lone surrogate": "\ud800",
    "a huge integer": 1 << 4_000,
    "a text that cannot be compared": Text("t"),
    "an object without a class": Disguised(),
    "a set": {1, 2},
    "bytes": b"\xff",
    "nothing": None,
    "a function": print,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_values_and_their_spans_arrive(tracer: Tracer, sink: KeptSpans, name: str) -> None:
    value = HOSTILE[name]  # pytest would look into it
    span = tracer.start_span(
        "x", attributes={"start": value}, links=[Link(SpanContext(1, 2, is_remote=False), {"k": value})]
    )
    span.set_attribute("one", value)
    span.set_attributes({"many": value, "fine": 1})
    span.set_attribute("after", 1)
    span.add_event("e", {"k": value, "fine": 1})
    span.add_link(SpanContext(1, 2, is_remote=False), {"k": value})
    span.end()
    (message,) = sink.messages
    assert {"start", "one", "many", "fine", "after"} == set(attributes_of(message))
    assert [pair.key for pair in message.events[0].attributes] == ["k", "fine"]
    assert len(message.links) == 2


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_arguments_harm_nobody(tracer: Tracer, sink: KeptSpans, name: str) -> None:
    value = HOSTILE[name]
    span = tracer.start_span(value, attributes=value if type(value) is not Text else None)
    span.set_attribute(value, 1)
    span.set_attributes(value)
    span.set_attributes({"fine": 1})
    span.add_event(value, value if type(value) is not Text else None)
    span.add_event("timed", None, value if type(value) is int else None)
    span.update_name(value)
    span.set_status(value, value)
    span.set_status(StatusCode.ERROR, value)
    span.end()
    (message,) = sink.messages
    assert attributes_of(message)["fine"] == 1
    assert message.status.code == StatusCode.ERROR.value


def test_arrays_arrive_as_their_shape_and_never_their_contents(tracer: Tracer) -> None:
    numpy = pytest.importorskip("numpy")
    span = tracer.start_span("x")
    span.set_attribute("array", numpy.zeros((32, 784)))
    span.set_attribute("number", numpy.float32(0.5))
    span.set_attribute("arrays", [numpy.zeros(3)])
    assert attributes_in(span).pop("arrays") == ("ndarray(shape=(3,), dtype=float64, device=cpu)",)
    assert {key: value for key, value in attributes_in(span).items() if key != "arrays"} == {
        "array": "ndarray(shape=(32, 784), dtype=float64, device=cpu)",
        "number": 0.5,
    }


@pytest.mark.parametrize("error", [Raising(), "text", 5])
def test_an_exception_without_a_text_is_recorded(tracer: Tracer, sink: KeptSpans, error: Any) -> None:
    class Unprintable(Exception):
        def __str__(self) -> str:
            raise OSError("no text")

    with pytest.raises(Unprintable), tracer.start_as_current_span("block"):
        raise Unprintable(error)
    with pytest.raises(Unprintable), tracer.start_span("with"):
        raise Unprintable(error)
    for message in sink.messages:
        assert message.status.message == "Unprintable: <unprintable Unprintable>"
        assert message.events[0].name == "exception"


def test_after_the_end_everything_is_ignored_with_the_sdks_warning(
    tracer: Tracer, sink: KeptSpans, caplog: pytest.LogCaptureFixture
) -> None:
    span = tracer.start_span("x")
    span.end(5)
    before = attributes_in(span)
    span.set_attribute("k", 1)
    span.set_attributes({"k": 1})
    span.add_event("e")
    span.add_link(SpanContext(1, 2, is_remote=False))
    span.update_name("y")
    span.set_status(StatusCode.OK)
    span.end(6)
    assert isinstance(span, ReadableSpan)
    assert (attributes_in(span), span.events, span.links, span.name, span.end_time) == (before, (), (), "x", 5)
    assert span.status.status_code is StatusCode.UNSET
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("opentelemetry.sdk.trace", "Setting attribute on ended span."),
        ("opentelemetry.sdk.trace", "Setting attribute on ended span."),
        ("opentelemetry.sdk.trace", "Tried calling _add_event on an ended span."),
        ("opentelemetry.sdk.trace", "Tried calling _add_link on an ended span."),
        ("opentelemetry.sdk.trace", "Tried calling update_name on an ended span."),
        ("opentelemetry.sdk.trace", "Tried calling set_status on an ended span."),
        ("opentelemetry.sdk.trace", "Calling end() on an ended span."),
    ]
    assert sink.names == ["x"]


def test_threads_that_end_a_span_at_once_end_it_once(tracer: Tracer, sink: KeptSpans) -> None:
    logging.getLogger("opentelemetry.sdk.trace").setLevel(logging.ERROR)
    try:
        for _ in range(50):
            span = tracer.start_span("x")
            gate = threading.Barrier(8)

            def end(span: Span = span, gate: threading.Barrier = gate) -> None:
                gate.wait()
                span.set_attribute("k", 1)
                span.end()

            threads = [threading.Thread(target=end) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        logging.getLogger("opentelemetry.sdk.trace").setLevel(logging.NOTSET)
    assert len(sink.messages) == len({message.span_id for message in sink.messages}) == 50


def test_a_parent_that_is_no_span_context_is_refused_as_by_the_sdk(tracer: Tracer) -> None:
    from opentelemetry.trace import set_span_in_context

    wrong: Any = "no context"
    with pytest.raises(TypeError, match="parent_span_context"):
        tracer.start_span("x", set_span_in_context(NonRecordingSpan(wrong)))


def test_a_message_is_what_was_set(tracer: Tracer, sink: KeptSpans) -> None:
    tracer.start_span("x", attributes={"a": "ü", "b": 1, "c": 0.5, "d": True}).end()
    assert attributes_of(sink.messages[0]) == {"a": "ü", "b": 1, "c": 0.5, "d": True}
    assert isinstance(sink.messages[0], SpanMessage)


class Endless(Sequence[Any]):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: Any) -> Any:
        return index


def unfolding() -> list[Any]:
    value: list[Any] = ["x"] * 10
    for _ in range(30):
        value = [value] * 10
    return value


LARGE: dict[str, Any] = {
    "a long list": list(range(1_000_000)),
    "a long text in a list": ["x" * 50_000_000],
    "lists of texts": [["x" * 1_000] * 1_000] * 1_000,
    "lists that unfold": unfolding(),
    "a range": range(1 << 60),
    "octets that can be changed": bytearray(10_000_000),
    "a mapping": dict.fromkeys(map(str, range(1_000_000)), 0),
    "a sequence without an end": Endless(),
}


@pytest.mark.parametrize("name", LARGE)
def test_of_a_large_value_the_beginning_is_taken_soon(
    tracer: Tracer, sink: KeptSpans, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    value = LARGE[name]
    began = time.perf_counter()
    span = tracer.start_span("x", attributes={"start": value})
    span.set_attribute("value", value)
    span.add_event("event", {"value": value})
    span.end()
    assert time.perf_counter() - began < 1.5
    assert len(sink.messages[0].attributes) == 2
    assert sink.messages[0].ByteSize() < 20_000_000
    assert [record.getMessage() for record in caplog.records] == ["Attribute value has too many items, truncating."] * 3


def test_of_a_large_mapping_of_attributes_the_end_is_taken_soon(tracer: Tracer, sink: KeptSpans) -> None:
    logging.getLogger("opentelemetry.attributes").setLevel(logging.ERROR)
    try:
        given = {str(number): number for number in range(500_000)}
        began = time.perf_counter()
        span = tracer.start_span("x", attributes=given)
        span.set_attributes(given)
        span.add_event("event", given)
        span.end()
        assert time.perf_counter() - began < 1.5
    finally:
        logging.getLogger("opentelemetry.attributes").setLevel(logging.NOTSET)
    assert attributes_of(sink.messages[0]) == {str(number): number for number in range(499_872, 500_000)}
    assert sink.messages[0].dropped_attributes_count == 2 * 500_000 - 128
    assert sink.messages[0].events[0].dropped_attributes_count == 500_000 - 128


class KindWithoutHash(type):
    __hash__ = None  # type: ignore[assignment]


def test_values_of_a_kind_that_cannot_be_looked_up_arrive(tracer: Tracer, sink: KeptSpans) -> None:
    value: Any = KindWithoutHash("Odd", (), {})()
    span = tracer.start_span("x", attributes={"start": value})
    span.set_attribute("one", value)
    span.set_attributes({"many": [value]})
    span.add_event("event", {"value": value})
    span.end()
    assert len(sink.messages[0].attributes) == 3
