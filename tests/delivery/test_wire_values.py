"""Values that OpenTelemetry's own encoder leaves out, or fails a batch for, arrive, and all beside them arrives."""

import enum
import threading
import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, Status, StatusCode
from threads import meanwhile

from otel_ia.delivery.wire.attributes import KNOWN_KEYS, SPAN, encode_attributes
from otel_ia.delivery.wire.logs import encode_log_record
from otel_ia.delivery.wire.requests import encode_request, encode_resource, encode_scope
from otel_ia.delivery.wire.spans import encode_event, encode_readable_span, encode_span, static_span
from otel_ia.delivery.wire.values import NESTED_ITEM_LIMIT


def python(value):
    """The AnyValue as Python values: an empty one is `None`, an array a list, a kvlist a dict."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    content = getattr(value, kind)
    if kind == "array_value":
        return [python(item) for item in content.values]
    if kind == "kvlist_value":
        return {item.key: python(item.value) for item in content.values}
    return content


def arrived(value):
    """The value after its way over the wire, where its neighbours arrived too."""
    span = trace_pb2.Span.FromString(encode_attributes({"before": 1, "value": value, "after": 2}, SPAN))
    found = {item.key: python(item.value) for item in span.attributes}
    assert list(found) == ["before", "value", "after"]
    assert (found["before"], found["after"]) == (1, 2)
    return found["value"]


class Silent:
    def __repr__(self):
        raise ValueError


class EndlessAttributes:
    def __getattr__(self, name):
        return self


class UnhashableKind(type):
    __hash__ = None


class OfUnhashableKind(metaclass=UnhashableKind):
    pass


class Shade(enum.Enum):
    DARK = object()


class BrokenSequence(Sequence):
    def __len__(self):
        raise RuntimeError

    def __getitem__(self, index):
        raise RuntimeError


class EndlessSequence(Sequence):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return index


class BrokenMapping(Mapping):
    def __len__(self):
        return 1

    def __iter__(self):
        raise KeyError

    def __getitem__(self, key):
        raise KeyError


class LyingText(str):
    __slots__ = ()

    def encode(self, *_):
        raise ValueError

    def __len__(self):
        raise ValueError

    def __str__(self):
        raise ValueError


class LyingInteger(int):
    def __index__(self):
        raise ValueError

    def __lt__(self, other):
        raise ValueError

    __ge__ = __le__ = __gt__ = __lt__


class LyingList(list):
    def __iter__(self):
        raise ValueError


class LyingDict(dict):
    def items(self):
        raise ValueError


@pytest.mark.parametrize(
    ("value", "rendering"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("\ud83d\ude42", "🙂"),
        (1 << 63, "9223372036854775808"),
        (-(1 << 63) - 1, "-9223372036854775809"),
        (1 << 5_000, "<int of 5001 bits>"),
        ([1, 1 << 70, "\udfff"], [1, "1180591620717411303424", "\ufffd"]),
        ({"a\ud800": 1, ("t", 1): 2, b"octets": 3}, {"a\ufffd": 1, "('t', 1)": 2, "octets": 3}),
        ({1, 2}, [1, 2]),
        ({"deep": [{3.5}]}, {"deep": [[3.5]]}),
        (Shade.DARK, "Shade.DARK"),
        (Path("/srv/app"), "/srv/app"),
        (1j, "1j"),
        (object(), "<object>"),
        (int, "int"),
        (LyingText("own"), "own"),
        (LyingText("\ud800" * 20_000), "\ufffd" * 20_000),
        (LyingInteger(7), 7),
        (LyingInteger(1 << 64), "18446744073709551616"),
        (LyingList([1]), [1]),
        (LyingDict(a=1), {"a": 1}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_without_an_otlp_form_gets_a_legal_rendering(value, rendering):
    assert arrived(value) == rendering


@pytest.mark.parametrize(
    "kind", [Silent, EndlessAttributes, OfUnhashableKind, BrokenSequence, BrokenMapping, threading.Lock, Exception]
)
def test_an_object_becomes_the_name_of_its_class(kind):
    value = kind()
    assert arrived(value).endswith(f"{type(value).__qualname__}>")


def test_a_sequence_without_end_is_cut():
    assert arrived(EndlessSequence())[-1] == NESTED_ITEM_LIMIT - 1


def test_containers_that_hold_themselves_are_marked_where_they_do():
    items = [1]
    items.append(items)
    assert arrived(items) == [1, "[…]"]
    mapping = {"items": items}
    mapping["itself"] = mapping
    assert arrived(mapping) == {"items": [1, "[…]"], "itself": "{…}"}


def test_a_container_that_stands_twice_is_written_twice():
    shared = [1]
    assert arrived([shared, shared]) == [[1], [1]]


@pytest.mark.parametrize("place", ["span", "event", "link"])
@pytest.mark.parametrize(("wrap", "mark"), [(lambda inner: [inner], "[…]"), (lambda inner: {"k": inner}, "{…}")])
@pytest.mark.parametrize("depth", [32, 48, 49, 60, 500])
def test_a_value_too_deep_is_marked_where_it_ends_and_its_request_parses(place, wrap, mark, depth):
    value = "innermost"
    for _ in range(depth):
        value = wrap(value)
    span = ReadableSpan(
        "deep",
        CONTEXT,
        resource=Resource({}),
        attributes={"k": value} if place == "span" else None,
        events=[Event("event", {"k": value})] if place == "event" else (),
        links=[Link(CONTEXT, {"k": value})] if place == "link" else (),
    )
    found = sent(span)
    (holder,) = {"span": [found], "event": found.events, "link": found.links}[place]
    content = python(holder.attributes[0].value)
    while not isinstance(content, str):
        (content,) = content.values() if isinstance(content, dict) else content
    assert content == (mark if depth >= 48 or mark == "{…}" else "innermost")


def test_a_few_shared_lists_do_not_unfold_to_billions():
    value = ["x"] * 10
    for _ in range(30):
        value = [value] * 10
    assert len(encode_attributes({"k": value}, SPAN)) < 20 * NESTED_ITEM_LIMIT


CONTEXT = SpanContext(1, 2, is_remote=False)
HOSTILE = [
    "\ud800",
    1 << 80,
    object(),
    Silent(),
    BrokenSequence(),
    OfUnhashableKind(),
    LyingText("lie"),
    b"\xff",
    None,
    -1,
    1.5,
    [Silent()],
]


def sent(span):
    """The span after its way in a request with another one."""
    beside = ReadableSpan("beside", CONTEXT, resource=Resource({}))
    request = encode_request(
        {encode_resource(span.resource): {encode_scope(): [encode_readable_span(span), encode_readable_span(beside)]}}
    )
    found, other = ExportTraceServiceRequest.FromString(request).resource_spans[0].scope_spans[0].spans
    assert other.name == "beside"
    return found


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: type(value).__name__)
def test_a_span_arrives_whatever_stands_in_its_parts(value):
    status = Status(StatusCode.ERROR)
    status._description = value
    span = ReadableSpan(
        value,
        CONTEXT,
        resource=Resource({}),
        attributes={"good": 1, "value": value},
        events=[Event(value, {"value": value}, 5), Event("late", timestamp=value)],
        links=[Link(CONTEXT, {"value": value}), Link(SpanContext(1 << 200, -5, is_remote=False))],
        kind=value,
        status=status,
        start_time=value,
        end_time=7,
    )
    found = sent(span)
    assert [item.key for item in found.attributes] == ["good", "value"]
    assert (len(found.events), len(found.links)) == (2, 2)
    assert found.end_time_unix_nano == 7
    assert found.status.code == trace_pb2.Status.STATUS_CODE_ERROR


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: type(value).__name__)
def test_a_log_record_arrives_whatever_stands_in_its_parts(value):
    record = LogRecord(
        timestamp=value,
        observed_timestamp=5,
        severity_text=value,
        severity_number=value,
        body=value,
        attributes={"good": 1, "value": value},
        event_name=value,
    )
    found = logs_pb2.LogRecord.FromString(encode_log_record(ReadableLogRecord(record, Resource({}))))
    assert [item.key for item in found.attributes] == ["good", "value"]
    assert found.observed_time_unix_nano == 5


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: type(value).__name__)
def test_a_call_sites_span_arrives_whatever_stands_in_its_parts(value):
    data = encode_span(static_span(value, attributes={"s": value}), value, value, value, value, 9, {"d": value})
    found = trace_pb2.Span.FromString(data + encode_event(value, value))
    assert [item.key for item in found.attributes] == ["s", "d"]
    assert (len(found.trace_id), len(found.span_id), found.end_time_unix_nano) == (16, 8, 9)


@pytest.mark.parametrize(
    "key",
    ["\ud800", "", "k" * 100_000, 1, None, b"k", (1, 2), LyingText("k"), Silent()],
    ids=lambda key: type(key).__name__,
)
def test_an_attribute_arrives_whatever_its_key(key):
    for _ in range(2):  # new, then known
        span = trace_pb2.Span.FromString(encode_attributes({"before": 1, key: "v", "after": 2}, SPAN))
        assert [python(item.value) for item in span.attributes] == [1, "v", 2]


@pytest.mark.parametrize("attributes", [None, {}, BrokenMapping(), 5, "text"])
def test_what_is_no_mapping_has_no_attributes(attributes):
    assert encode_attributes(attributes, SPAN) == b""


def test_more_keys_than_are_kept_all_arrive():
    mapping = {f"key{number}": number for number in range(3 * KNOWN_KEYS)}
    span = trace_pb2.Span.FromString(encode_attributes(mapping, SPAN))
    assert {item.key: item.value.int_value for item in span.attributes} == mapping


def test_keys_that_never_repeat_do_not_fill_the_memory():
    tracemalloc.start()
    try:
        for number in range(20_000):
            encode_attributes({f"{number:0200d}": 1}, SPAN)
        assert tracemalloc.get_traced_memory()[0] < 2_000_000
    finally:
        tracemalloc.stop()


def test_attributes_that_another_thread_changes_meanwhile_do_not_raise():
    mapping = {f"key{number}": number for number in range(50)}

    def change(number):
        mapping[f"key{number % 200}"] = number
        mapping.pop(f"key{(number + 100) % 200}", None)

    with meanwhile(change):
        for _ in range(2_000):
            trace_pb2.Span.FromString(encode_attributes(mapping, SPAN))


anything = st.recursive(
    st.one_of(
        st.text(st.characters(), max_size=20),
        st.integers(-(1 << 100), 1 << 100),
        st.floats(),
        st.binary(max_size=20),
        st.sampled_from([None, True, object(), Shade.DARK, 1j]),
        st.builds(Silent),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.text(st.characters(), max_size=5), st.integers()), inner, max_size=4),
        st.frozensets(st.integers(), max_size=3),
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None, database=None)
@given(anything)
def test_any_object_arrives_and_so_do_its_neighbours(value):
    arrived(value)
