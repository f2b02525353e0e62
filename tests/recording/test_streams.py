"""What is said of a stream: when its first item came, its items a second, and what its items come to."""

import asyncio
import functools
import gc
import logging
import pickle
import weakref
from dataclasses import dataclass
from typing import NamedTuple

import pytest
from receiver import plain

import otel_ia
from otel_ia import SettingError, monitor
from otel_ia.testing import record


@dataclass
class Usage:
    input_tokens: int
    output_tokens: int


class Pair(NamedTuple):
    first: int
    last: int


class Model:
    """As a model of pydantic's."""

    def model_dump(self):
        return {"input_tokens": 3, "details": {"cached": 1}}


def last_usage(usage, chunk):
    return chunk[1] or usage


@monitor(reduce=last_usage)
def answer():
    yield "Hel", None
    yield "lo", Usage(12, 2)
    yield ".", None


def reduced(reduce, items=(1, 2, 3)):
    """The attributes of a stream of these items."""

    @monitor("stream", reduce=reduce)
    def stream():
        yield from items

    with record() as seen:
        assert list(stream()) == list(items)
    attributes = seen.span("stream").attributes
    return {name: attributes[name] for name in attributes if not name.startswith(("code.", "ia.stream.items"))} | {
        "items": attributes["ia.stream.items"]
    }


def consumed(kind, stream):
    """Takes all, leaves after the second, or stops it at its first step with an exception."""
    for number, _ in enumerate(stream):
        if kind == "left" and number == 1:
            break


@pytest.mark.parametrize("kind", ["whole", "left"])
def test_an_event_tells_when_the_first_item_came(telemetry, kind):
    @monitor
    def count():
        yield from range(5)

    stream = count()
    consumed(kind, stream)
    stream.close()
    span = telemetry.span("count")
    (event,) = span.events
    assert (event.name, dict(event.attributes)) == ("ia.stream.first_item", {})
    waited = span.attributes["ia.stream.time_to_first_item"]
    assert 0 <= event.time - span.start - waited * 1e9 < 5e6
    assert span.attributes["ia.stream.rate"] >= span.attributes["ia.stream.items"] / span.seconds
    assert span.attributes["ia.stream.rate"] < 1e9


def test_a_stream_without_items_has_no_event_and_no_rate(telemetry):
    @monitor
    def empty():
        yield from ()

    list(empty())
    span = telemetry.span("empty")
    assert span.events == []
    assert "ia.stream.rate" not in span.attributes


@pytest.mark.parametrize(
    ("items", "seconds", "own"),
    [(1, 0, False), (127, 0, False), (128, 0, False), (3, 0.06, False), (3, 0, True)],
    ids=["one", "127", "128", "slow", "with an attribute of its own"],
)
def test_what_is_delivered_says_the_same_whichever_way_the_span_goes(receiver, items, seconds, own):
    from opentelemetry import trace

    @monitor
    def count():
        if own:
            trace.get_current_span().set_attribute("mine", 1)
        for number in range(items):
            if number == 1 and seconds:
                import time

                time.sleep(seconds)
            yield number

    with otel_ia.configure(endpoint=receiver.endpoint):
        list(count())  # the first one is announced
        list(count())
    assert len(receiver.spans) == 2
    for span in receiver.spans:
        said = plain(span.attributes)
        assert said["ia.stream.items"] == items
        assert said["ia.stream.rate"] > 0
        (event,) = span.events
        assert event.name == "ia.stream.first_item"
        assert span.start_time_unix_nano <= event.time_unix_nano <= span.end_time_unix_nano
        assert len(said) == len(span.attributes)


def test_a_span_that_was_delivered_shows_its_event_to_whoever_kept_it(receiver):
    from opentelemetry import trace

    kept = []

    @monitor
    def count():
        kept.append(trace.get_current_span())
        yield 1

    with otel_ia.configure(endpoint=receiver.endpoint):
        list(count())
        list(count())
    for span, sent in zip(kept, receiver.spans, strict=True):
        assert [(event.name, event.timestamp) for event in span.events] == [
            ("ia.stream.first_item", sent.events[0].time_unix_nano)
        ]


def test_where_spans_have_no_events_the_first_item_is_none(receiver):
    @monitor
    def count():
        yield 1

    with otel_ia.configure(endpoint=receiver.endpoint, span_event_count_limit=0):
        list(count())
        list(count())
    assert [len(span.events) for span in receiver.spans] == [0, 0]


def test_the_last_usage_of_a_stream_is_on_its_span(telemetry):
    assert [text for text, _ in answer()] == ["Hel", "lo", "."]
    attributes = telemetry.span("answer").attributes
    assert attributes["ia.stream.summary.input_tokens"] == 12
    assert attributes["ia.stream.summary.output_tokens"] == 2


@pytest.mark.parametrize(
    ("reduce", "said"),
    [
        (lambda total, item: (total or 0) + item, {"ia.stream.summary": 6}),
        (lambda _, item: {"gen_ai.usage.output_tokens": item}, {"gen_ai.usage.output_tokens": 3}),
        (lambda _, item: Pair(1, item), {"ia.stream.summary.first": 1, "ia.stream.summary.last": 3}),
        (
            lambda _, item: Model(),
            {"ia.stream.summary.input_tokens": 3, "ia.stream.summary.details": "{'cached': 1}"},
        ),
        (lambda _, item: object(), {"ia.stream.summary": "<object>"}),
        (lambda _, item: None, {}),
    ],
    ids=["sum", "mapping", "named tuple", "model", "object", "nothing"],
)
def test_a_summary_becomes_attributes(reduce, said):
    found = reduced(reduce)
    assert {name: found[name] for name in found if "summary" in name or "gen_ai" in name} == said


@pytest.mark.parametrize("kind", ["whole", "left", "closed", "dropped", "thrown at"])
def test_a_summary_is_there_however_the_stream_ends(telemetry, kind):
    stream = answer()
    if kind == "whole":
        list(stream)
    else:
        next(stream)
        next(stream)
        if kind == "thrown at":
            with pytest.raises(ZeroDivisionError):
                stream.throw(ZeroDivisionError)
        elif kind == "closed":
            stream.close()
        del stream
    assert telemetry.span("answer").attributes["ia.stream.summary.output_tokens"] == 2


def test_a_function_that_raises_leaves_the_stream_alone_and_is_told_once(telemetry, caplog):
    def breaks_on_two(total, item):
        if item == 2:
            raise RuntimeError("no")
        return (total or 0) + item

    found = reduced(breaks_on_two)
    reduced(breaks_on_two)
    assert (found["ia.stream.summary"], found["items"]) == (4, 3)
    (told,) = [entry for entry in caplog.records if entry.name == "otel_ia"]
    place = f"{__file__}:{breaks_on_two.__code__.co_firstlineno}"
    assert told.levelno == logging.WARNING
    assert f"breaks_on_two at {place} raised RuntimeError and was given no more of that item" in told.getMessage()


def test_functions_of_one_name_that_raise_are_each_told_of(telemetry, caplog):
    for broken in (lambda _, item: item.missing, lambda _, item: item["missing"]), (lambda _, item: int("x" * item),):
        for reduce in broken:
            reduced(reduce)
            reduced(reduce)
    raised = [entry.getMessage().partition(" raised ")[2].split()[0] for entry in caplog.records]
    assert raised == ["AttributeError", "TypeError", "ValueError"]


class Unkind:
    """To be asked for a summary; it cannot even be asked for its name."""

    def __getattr__(self, name):
        raise RuntimeError(name) if name == "__qualname__" else AttributeError(name)

    def __call__(self, summary, item):
        raise KeyError("a secret")


@pytest.mark.parametrize(
    ("reduce", "named"),
    [
        (functools.partial(lambda more, summary, item: 1 / 0, 3), "<lambda> at "),
        (Unkind(), "Unkind raised KeyError"),
        (Unkind().__call__, "Unkind.__call__ at "),
        (max, "max raised TypeError"),
    ],
    ids=["partial", "object", "method", "builtin"],
)
def test_whatever_raises_is_named_and_its_message_kept_back(telemetry, caplog, reduce, named):
    reduced(reduce)
    told = " ".join(entry.getMessage() for entry in caplog.records)
    assert named in told
    assert "secret" not in told


def test_a_summary_is_bounded_and_without_secrets(receiver):
    large = {"note": "x" * 1_000_000, "api_key": "k-12345", **{f"n{number}": number for number in range(500)}}

    @monitor("stream", reduce=lambda _, item: large)
    def stream():
        yield 1

    with otel_ia.configure(endpoint=receiver.endpoint):
        list(stream())
    said = plain(receiver.span("stream").attributes)
    assert len([name for name in said if name in large]) == 32
    assert "code.function.name" in said
    assert "k-12345" not in str(said)
    assert max(len(str(value)) for value in said.values()) <= 16_384


def test_a_summary_that_cannot_be_read_leaves_the_stream_alone():
    class Broken:
        def model_dump(self):
            raise RuntimeError("no")

    assert reduced(lambda _, item: Broken())["items"] == 3


def test_no_item_is_kept_beyond_the_summary(telemetry):
    class Item:
        pass

    @monitor(reduce=lambda count, item: (count or 0) + 1)
    def stream():
        for _ in range(2):
            item = Item()
            references.append(weakref.ref(item))
            yield item
            del item

    references = []
    gc.disable()
    try:
        flow = stream()
        for item in flow:
            del item
            assert len(references) == 1 or references[0]() is None
        assert [reference() for reference in references] == [None, None]
    finally:
        gc.enable()


def test_what_is_sent_and_thrown_reaches_the_body(telemetry):
    @monitor(reduce=lambda all_of_them, item: f"{all_of_them or ''}{item}")
    def echo():
        given = yield "a"
        try:
            yield given
        except ValueError as error:
            yield f"{error}"
        return "end"

    stream = echo()
    assert next(stream) == "a"
    assert stream.send("b") == "b"
    assert stream.throw(ValueError("c")) == "c"
    with pytest.raises(StopIteration) as stopped:
        next(stream)
    assert stopped.value.value == "end"
    assert next(span for span in telemetry.spans if span.name.endswith("echo")).attributes["ia.stream.summary"] == "abc"


def test_an_async_stream_is_reduced_too(telemetry):
    @monitor("stream", reduce=last_usage)
    async def stream():
        yield "a", None
        await asyncio.sleep(0)
        yield "b", Usage(1, 2)
        yield "c", None

    async def consume(count):
        flow = stream()
        async for _ in flow:
            count -= 1
            if not count:
                break
        await flow.aclose()

    for count in (9, 2):
        asyncio.run(consume(count))
    assert [span.attributes["ia.stream.summary.output_tokens"] for span in telemetry.spans] == [2, 2]
    assert [span.outcome for span in telemetry.spans] == ["ok", "closed_early"]
    assert [[event.name for event in span.events] for span in telemetry.spans] == [["ia.stream.first_item"]] * 2


def test_without_a_provider_nothing_is_reduced():
    def never(_summary, _item):
        raise AssertionError

    @monitor(reduce=never)
    def stream():
        yield 1

    assert list(stream()) == [1]


def test_methods_and_partials_are_reduced(telemetry):
    class Client:
        @monitor("answer", reduce=lambda _, item: item)
        def answer(self):
            yield 5

        @staticmethod
        @monitor("static", reduce=lambda _, item: item)
        def static():
            yield 6

    list(Client().answer())
    list(Client.static())
    assert [span.attributes["ia.stream.summary"] for span in telemetry.spans] == [5, 6]


def test_a_reduced_callable_can_be_pickled(telemetry):
    assert [text for text, _ in pickle.loads(pickle.dumps(answer))()] == ["Hel", "lo", "."]
    assert telemetry.span("answer").attributes["ia.stream.summary.input_tokens"] == 12


@pytest.mark.parametrize("wrong", [5, "sum"])
def test_what_is_no_function_is_refused(wrong):
    with pytest.raises(SettingError, match=r"monitor: reduce = .* is not a function of a summary and an item"):
        monitor(reduce=wrong)


def test_a_coroutine_function_is_refused():
    async def reduce(_summary, _item):
        pass

    with pytest.raises(SettingError, match="reduce"):
        monitor(reduce=reduce)


def test_a_block_has_nothing_to_reduce():
    with pytest.raises(SettingError, match="a block has no items"), monitor("block", reduce=max):
        pass


@pytest.mark.parametrize(
    "wrong", [lambda item: item, len, lambda total, item, more: total], ids=["one", "len", "three"]
)
def test_a_function_that_cannot_take_a_summary_and_an_item_is_refused(wrong):
    with pytest.raises(SettingError, match=r"monitor: reduce = .* is not a function of a summary and an item"):
        monitor(reduce=wrong)


def test_only_generators_can_be_reduced():
    reducing = monitor(reduce=max)
    with pytest.raises(TypeError, match="generator functions"):
        reducing(lambda: 1)
    with pytest.raises(TypeError, match="no whole class"):
        reducing(Usage)
