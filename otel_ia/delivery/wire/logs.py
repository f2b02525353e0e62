"""Log records as OTLP LogRecord messages."""

import struct
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord

from otel_ia.delivery.wire.attributes import LOG_RECORD, encode_attributes
from otel_ia.delivery.wire.primitives import MASK_32, MASK_64, count, delimited, text, within
from otel_ia.delivery.wire.values import MESSAGE_LEVELS, SHORT_TEXT, TEXT_STARTS, encode_value

_BODY_LEVELS: Final = MESSAGE_LEVELS - 4
_KNOWN_SEVERITIES: Final = 64
_pack: Final = struct.Struct("<BQBQBI").pack
_latest: tuple[int, int, int, str | None, bytes] = (0, 0, 0, None, b"")
_known_severities: Final[dict[tuple[int, str], bytes]] = {}


def encode_log(  # noqa: PLR0913 - a log record's parts
    timestamp: int | None,
    observed_timestamp: int | None,
    severity_number: int,
    severity_text: str | None,
    body: Any,
    attributes: Mapping[str, Any] | None = None,
    trace_id: int = 0,
    span_id: int = 0,
    flags: int = 0,
    further: bytes = b"",
    before: bytes = b"",
) -> bytes:
    """A LogRecord message. Times are nanoseconds since 1970; ids and a severity of 0 are absent.

    `further` joins `encode_event_name` and `encode_dropped_attributes`, where a record has them; `before` is what the
    message is to stand behind.
    """
    try:
        head = _pack(9, timestamp, 0x59, observed_timestamp, 0x45, flags)
    except struct.error:  # a part that is none, or a time that is absent
        times = within(timestamp, MASK_64), within(observed_timestamp, MASK_64)
        head = _pack(9, times[0], 0x59, times[1], 0x45, within(flags, MASK_32))
    # What the last line had and this one has again, and a short text, each without a call: 300 of 900 ns.
    span, trace, number, name, standing = _latest
    if span is not span_id or trace is not trace_id or number is not severity_number or name is not severity_text:
        standing = _standing(trace_id, span_id, severity_number, severity_text)
    if type(body) is str and body.isascii() and len(body) < SHORT_TEXT:
        encoded = TEXT_STARTS[len(body)] + body.encode()
    else:
        encoded = encode_value(body, _BODY_LEVELS)
    return b"".join(
        (
            before,
            head,
            standing,
            b"\x2a",
            encoded,
            encode_attributes(attributes, LOG_RECORD) if attributes is not None else b"",
            further,
        )
    )


def encode_event_name(name: str) -> bytes:
    """What makes a log record an event, as a field of it."""
    return delimited(b"\x62", text(name))


def encode_dropped_attributes(number: int) -> bytes:
    """How many of a log record's attributes went over a limit, as a field of it."""
    return count(b"\x38", number)


def encode_log_record(record: ReadableLogRecord | ReadWriteLogRecord) -> bytes:
    """The LogRecord message of any log record of the SDK."""
    parts = record.log_record
    further = encode_dropped_attributes(record.dropped_attributes)
    if parts.event_name is not None:
        further += encode_event_name(parts.event_name)
    return encode_log(
        parts.timestamp,
        parts.observed_timestamp,
        getattr(parts.severity_number, "value", 0),
        parts.severity_text,
        parts.body,
        parts.attributes,
        parts.trace_id,
        parts.span_id,
        parts.trace_flags,
        further,
    )


def _standing(trace_id: int, span_id: int, number: int, name: str | None) -> bytes:
    """Ids and severity as fields; kept for the next line, which comes most often of the same span."""
    global _latest  # noqa: PLW0603 - one place for the process, replaced at once
    pieces = [_severity(number, name)]
    if trace := within(trace_id, (1 << 128) - 1):
        pieces.append(b"\x4a\x10" + trace.to_bytes(16, "big"))
    if span := within(span_id, MASK_64):
        pieces.append(b"\x52\x08" + span.to_bytes(8, "big"))
    encoded = b"".join(pieces)
    if type(trace_id) is type(span_id) is type(number) is int and (name is None or type(name) is str):
        _latest = (span_id, trace_id, number, name, encoded)
    return encoded


def _severity(number: int, name: str | None) -> bytes:
    if type(name) is not str or type(number) is not int or len(name) > _KNOWN_SEVERITIES:
        return count(b"\x10", number) + (delimited(b"\x1a", text(name)) if name is not None else b"")
    known = _known_severities.get((number, name))
    if known is None:
        if len(_known_severities) >= _KNOWN_SEVERITIES:
            _known_severities.clear()
        known = _known_severities[number, name] = count(b"\x10", number) + delimited(b"\x1a", text(name))
    return known
