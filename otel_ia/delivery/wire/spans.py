"""Spans as OTLP Span messages.

A message is the concatenation of its fields, in any order; a later single value replaces an earlier one. So what is
fixed at a call site is encoded once and joined to what differs, and a span left open is closed by appending to it.

Every message begins `0a 10`, sixteen bytes of trace id, `12 08`, eight bytes of span id: they are read without parsing.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

from otel_ia import semconv
from otel_ia.delivery.wire.attributes import EVENT, LINK, SPAN, encode_attributes
from otel_ia.delivery.wire.primitives import MASK_64, count, delimited, tag, text, varint, within

TRACE_ID: Final = slice(2, 18)
"""Where the trace id stands in a Span message."""
SPAN_ID: Final = slice(20, 28)
"""Where the span id stands in a Span message."""
REMOTE_PARENT: Final = tag(16, 5) + (0x300).to_bytes(4, "little")
"""The `flags` of a span whose parent is in another process; joined to a span, it replaces those of a local parent."""
ABANDONED_MESSAGE: Final = "the process ended before this call did"

_LOCAL_PARENT: Final = tag(16, 5) + (0x100).to_bytes(4, "little")
_UNSET: Final = StatusCode.UNSET
_UNSET_STATUS: Final = b"\x7a\x00"
_LINK_TO_REMOTE: Final = tag(6, 5) + (0x300).to_bytes(4, "little")
_LINK_TO_LOCAL: Final = tag(6, 5) + (0x100).to_bytes(4, "little")
_KNOWN_NAMES: Final = 1_024
_KNOWN_NAME_LENGTH: Final = 256

_pack_root: Final = struct.Struct("<2s16s2s8sBQBQ").pack
_pack_child: Final = struct.Struct("<2s16s2s8s2s8sBQBQ").pack
_pack_event: Final = struct.Struct("<BQB").pack
_EVENT_SIZE: Final = 10
"""Bytes of an event beside its name and attributes."""
_pack_short_event: Final = struct.Struct("<BBBQB").pack
_SHORT: Final = 128
"""Bytes whose number takes one."""
_KINDS: Final = {kind: count(b"\x30", kind.value + 1) for kind in SpanKind}
_INTERNAL: Final = SpanKind.INTERNAL
_INTERNAL_KIND: Final = _KINDS[SpanKind.INTERNAL]
_known_names: Final[dict[str, bytes]] = {}


@dataclass(frozen=True, slots=True)
class StaticSpan:
    """What the spans of a call site have in common, encoded once by `static_span`."""

    attributes: dict[str, Any]
    keys: frozenset[str]
    bare: bytes
    """All but the attributes."""
    whole: bytes


def static_span(
    name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Mapping[str, Any] | None = None
) -> StaticSpan:
    """Name, kind and attributes of a call site, for `encode_span`; the parent is local and the status unset."""
    kept = dict(attributes or {})
    bare = b"".join((_name(name), _kind(kind), _LOCAL_PARENT, _UNSET_STATUS))
    return StaticSpan(kept, frozenset(kept), bare, bare + encode_attributes(kept, SPAN))


def encode_span(  # noqa: PLR0913 - keywords add a tenth to a bare span
    static: StaticSpan,
    trace_id: int,
    span_id: int,
    parent_span_id: int | None,
    start: int,
    end: int,
    attributes: dict[str, Any] | None = None,
    further: bytes = b"",
) -> bytes:
    """A Span message. Times are nanoseconds since 1970; `end` is 0 while the span is open.

    An attribute replaces the call site's of the same key. `further` joins, in any order, what only some spans have:
    `encode_event`, `encode_link`, `encode_status`, `encode_trace_state`, `encode_dropped`, `REMOTE_PARENT`.
    """
    head = _head(trace_id, span_id, parent_span_id, start, end)
    if not attributes:
        return b"".join((head, static.whole, further))
    if static.keys.isdisjoint(attributes):
        return b"".join((head, static.whole, encode_attributes(attributes, SPAN), further))
    kept = {key: value for key, value in static.attributes.items() if key not in attributes}
    return b"".join((head, static.bare, encode_attributes(kept | attributes, SPAN), further))


def encode_event(name: str, timestamp: int, attributes: Mapping[str, Any] | None = None, dropped: int = 0) -> bytes:
    """An event as a field of a Span; `dropped` counts its lost attributes."""
    encoded = encode_attributes(attributes, EVENT) if attributes is not None else b""
    return join_event(encode_event_name(name), timestamp, encoded + count(b"\x20", dropped))


def encode_event_name(name: str) -> bytes:
    """An event's name as `join_event` takes it."""
    encoded = text(name)
    return varint(len(encoded)) + encoded


def join_event(named: bytes, timestamp: int, encoded: bytes) -> bytes:
    """An event of which the name and the attributes are encoded."""
    size = _EVENT_SIZE + len(named) + len(encoded)
    try:
        if size < _SHORT:
            return _pack_short_event(0x5A, size, 9, timestamp, 0x12) + named + encoded
        head = _pack_event(9, timestamp, 0x12)
    except struct.error:
        head = _pack_event(9, within(timestamp, MASK_64), 0x12)
    return b"".join((b"\x5a", varint(size), head, named, encoded))


def encode_link(context: SpanContext, attributes: Mapping[str, Any] | None = None, dropped: int = 0) -> bytes:
    """A link as a field of a Span; `dropped` counts its lost attributes.

    As in OpenTelemetry's own encoder, the linked span's trace state is left out.
    """
    ids = b"\x0a\x10%b\x12\x08%b" % (_id(context.trace_id, 16), _id(context.span_id, 8))
    flags = _LINK_TO_REMOTE if context.is_remote else _LINK_TO_LOCAL
    encoded = encode_attributes(attributes, LINK)
    return delimited(b"\x6a", b"".join((ids, flags, encoded, count(b"\x28", dropped))))


def encode_status(code: StatusCode, description: str | None = None) -> bytes:
    """The status as a field of a Span."""
    if code is _UNSET and description is None:
        return _UNSET_STATUS
    message = text(description)
    return delimited(
        b"\x7a",
        (delimited(b"\x12", message) if message else b"")
        + count(b"\x18", code.value if type(code) is StatusCode else 0),
    )


def encode_trace_state(trace_state: Mapping[str, str] | None) -> bytes:
    """The W3C trace state as a field of a Span."""
    if not trace_state:
        return b""
    return delimited(b"\x1a", text(",".join([f"{key}={value}" for key, value in trace_state.items()])))


def encode_dropped(*, attributes: int = 0, events: int = 0, links: int = 0) -> bytes:
    """How many of a Span's attributes, events and links went over a limit, as its fields."""
    return count(b"\x50", attributes) + count(b"\x60", events) + count(b"\x70", links)


def end_abandoned(open_span: bytes, end: int) -> bytes:
    """The Span message of a process that died while it was open: an error, with the outcome `abandoned`."""
    return b"".join((open_span, b"\x41", within(end, MASK_64).to_bytes(8, "little"), _ABANDONED))


def encode_readable_span(span: ReadableSpan) -> bytes:
    """The Span message of any span of the SDK, ended or open."""
    context = span.get_span_context()
    parent = span.parent
    pieces = [
        _head(
            context.trace_id if context is not None else 0,
            context.span_id if context is not None else 0,
            parent.span_id if parent is not None else None,
            span.start_time,  # type: ignore[arg-type]
            span.end_time if span.end_time is not None else 0,
        ),
        _name(span.name),
        _kind(span.kind),
        REMOTE_PARENT if parent is not None and parent.is_remote else _LOCAL_PARENT,
        encode_attributes(span.attributes, SPAN),
    ]
    if context is not None and context.trace_state:
        pieces.append(encode_trace_state(context.trace_state))
    pieces += [
        encode_event(event.name, event.timestamp, event.attributes, event.dropped_attributes) for event in span.events
    ]
    pieces += [encode_link(link.context, link.attributes, link.dropped_attributes) for link in span.links]
    if (status := span.status) is not None:
        pieces.append(encode_status(status.status_code, status.description))
    if span.dropped_attributes or span.dropped_events or span.dropped_links:
        dropped = {"attributes": span.dropped_attributes, "events": span.dropped_events, "links": span.dropped_links}
        pieces.append(encode_dropped(**dropped))
    return b"".join(pieces)


def _head(trace_id: int, span_id: int, parent_span_id: int | None, start: int, end: int) -> bytes:
    try:
        trace = trace_id.to_bytes(16, "big")
        own = span_id.to_bytes(8, "big")
        if parent_span_id is None:
            return _pack_root(b"\x0a\x10", trace, b"\x12\x08", own, 0x39, start, 0x41, end)
        parent = parent_span_id.to_bytes(8, "big")
        return _pack_child(b"\x0a\x10", trace, b"\x12\x08", own, b"\x22\x08", parent, 0x39, start, 0x41, end)
    except (AttributeError, OverflowError, TypeError, struct.error):  # ids or times that are none
        parent = b"" if parent_span_id is None else b"\x22\x08" + _id(parent_span_id, 8)
        start, end = within(start, MASK_64), within(end, MASK_64)
        return b"\x0a\x10%b\x12\x08%b%b\x39%b\x41%b" % (
            _id(trace_id, 16),
            _id(span_id, 8),
            parent,
            start.to_bytes(8, "little"),
            end.to_bytes(8, "little"),
        )


def _id(value: int, size: int) -> bytes:
    return within(value, (1 << 8 * size) - 1).to_bytes(size, "big")


def _name(name: str) -> bytes:
    if type(name) is not str or len(name) > _KNOWN_NAME_LENGTH:
        return delimited(b"\x2a", text(name))
    known = _known_names.get(name)
    if known is None:
        if len(_known_names) >= _KNOWN_NAMES:
            _known_names.clear()
        known = _known_names[name] = delimited(b"\x2a", text(name))
    return known


def _kind(kind: object) -> bytes:
    # The hash of an enumeration's member is computed in Python; most spans are internal.
    return _INTERNAL_KIND if kind is _INTERNAL or not isinstance(kind, SpanKind) else _KINDS[kind]


_ABANDONED: Final = encode_status(StatusCode.ERROR, ABANDONED_MESSAGE) + encode_attributes(
    {semconv.OUTCOME: "abandoned"}, SPAN
)
