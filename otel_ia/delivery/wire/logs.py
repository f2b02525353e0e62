"""Log records as OTLP LogRecord messages."""

import struct
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord

from otel_ia.delivery.wire.attributes import LOG_RECORD, encode_attributes
from otel_ia.delivery.wire.primitives import MASK_32, MASK_64, count, delimited, text, within
from otel_ia.delivery.wire.values import MESSAGE_LEVELS, encode_value

_BODY_LEVELS: Final = MESSAGE_LEVELS - 4
_KNOWN_SEVERITIES: Final = 64
_pack_alone: Final = struct.Struct("<BQBQBI").pack
_pack_in_span: Final = struct.Struct("<BQBQBI2s16s2s8s").pack
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
) -> bytes:
    """A LogRecord message. Times are nanoseconds since 1970; ids and a severity of 0 are absent.

    `further` joins `encode_event_name` and `encode_dropped_attributes`, where a record has them.
    """
    return b"".join(
        (
            _head(timestamp, observed_timestamp, trace_id, span_id, flags),
            _severity(severity_number, severity_text),
            b"\x2a",
            encode_value(body, _BODY_LEVELS),
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


def _head(timestamp: int | None, observed: int | None, trace_id: int, span_id: int, flags: int) -> bytes:
    try:
        if trace_id and span_id:
            ids = (b"\x4a\x10", trace_id.to_bytes(16, "big"), b"\x52\x08", span_id.to_bytes(8, "big"))
            return _pack_in_span(9, timestamp, 0x59, observed, 0x45, flags, *ids)
        if not trace_id and not span_id:
            return _pack_alone(9, timestamp, 0x59, observed, 0x45, flags)
    except (AttributeError, OverflowError, TypeError, struct.error):  # parts that are none, or a time that is absent
        pass
    times = within(timestamp, MASK_64), within(observed, MASK_64)
    pieces = [_pack_alone(9, times[0], 0x59, times[1], 0x45, within(flags, MASK_32))]
    if number := within(trace_id, (1 << 128) - 1):
        pieces.append(b"\x4a\x10" + number.to_bytes(16, "big"))
    if number := within(span_id, MASK_64):
        pieces.append(b"\x52\x08" + number.to_bytes(8, "big"))
    return b"".join(pieces)


def _severity(number: int, name: str | None) -> bytes:
    if type(name) is not str or type(number) is not int or len(name) > _KNOWN_SEVERITIES:
        return count(b"\x10", number) + (delimited(b"\x1a", text(name)) if name is not None else b"")
    known = _known_severities.get((number, name))
    if known is None:
        if len(_known_severities) >= _KNOWN_SEVERITIES:
            _known_severities.clear()
        known = _known_severities[number, name] = count(b"\x10", number) + delimited(b"\x1a", text(name))
    return known
