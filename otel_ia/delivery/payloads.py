"""What the payload of a SPAN, START or LOG frame is: the id of its scope as a varint, then the message."""

from typing import Final

from otel_ia.delivery.spooling.frames import LOG, SPAN, START
from otel_ia.delivery.wire.primitives import varint
from otel_ia.delivery.wire.spans import SPAN_ID

_HEAD: Final = 28
"""Where a Span message goes on behind its two ids."""
_PARENT: Final = b"\x22\x08"
_START: Final = 0x39
_END: Final = 0x41
_LOG_TIME: Final = 0x09


def make_payload(scope_id: int, message: bytes) -> bytes:
    """The payload of a message; a SCOPE frame's is made in the same way, of what `encode_scope` gave."""
    return varint(scope_id) + message


def split_payload(payload: bytes) -> tuple[int, bytes]:
    """Scope id and message. Raises IndexError when it is none."""
    first = payload[0]
    if first < 128:  # noqa: PLR2004 - a varint of one byte
        return first, payload[1:]
    scope_id, shift, at = first & 127, 7, 1
    while (byte := payload[at]) > 127:  # noqa: PLR2004 - a varint that goes on
        scope_id |= (byte & 127) << shift
        shift += 7
        at += 1
    return scope_id | byte << shift, payload[at + 1 :]


def span_key(payload: bytes) -> bytes:
    """The span id in the payload of a START or SPAN frame."""
    return split_payload(payload)[1][SPAN_ID]


def time_of(kind: int, payload: bytes) -> int | None:
    """When a span ended or, still open, began, or a log record was written: ns since 1970; None if unknown."""
    if kind not in {SPAN, START, LOG}:
        return None
    message = split_payload(payload)[1]
    if kind == LOG:
        return _fixed(message, 0, _LOG_TIME) or None
    start_at = _HEAD + 10 if message[_HEAD : _HEAD + 2] == _PARENT else _HEAD
    return _fixed(message, start_at + 9, _END) or _fixed(message, start_at, _START) or None


def _fixed(message: bytes, at: int, tag: int) -> int:
    if message[at : at + 1] != bytes((tag,)):
        return 0
    return int.from_bytes(message[at + 1 : at + 9], "little")
