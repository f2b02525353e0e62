"""What a collector says in the protobuf of its answer, of which three fields are of interest."""

from collections.abc import Iterator

_VARINT, _FIXED_64, _DELIMITED, _FIXED_32 = 0, 1, 2, 5
_LONGEST_TEXT = 200
_RETRY_INFO = b"google.rpc.RetryInfo"


def read_partial_success(body: bytes) -> tuple[int, str]:
    """How many spans, log records or data points an Export…ServiceResponse says were rejected, and why."""
    rejected, message = 0, ""
    for number, value in _fields(body):
        if number == 1 and isinstance(value, bytes):
            for inner, content in _fields(value):
                if inner == 1 and isinstance(content, int) and content < 1 << 63:
                    rejected = content
                elif inner == 2 and isinstance(content, bytes):  # noqa: PLR2004 - the field's number
                    message = _text(content)
    return rejected, message


def read_status(body: bytes) -> tuple[str, float | None]:
    """The message of a google.rpc.Status, and the seconds after which its RetryInfo wants the request again."""
    message, delay = "", None
    for number, value in _fields(body):
        if number == 2 and isinstance(value, bytes):  # noqa: PLR2004 - the field's number
            message = _text(value)
        elif number == 3 and isinstance(value, bytes):  # noqa: PLR2004 - the field's number
            detail = dict(_fields(value))
            name, content = detail.get(1, b""), detail.get(2, b"")
            if isinstance(name, bytes) and name.endswith(_RETRY_INFO) and isinstance(content, bytes):
                delay = _duration(dict(_fields(content)).get(1, b""))
    return message, delay


def _duration(message: int | bytes) -> float | None:
    if not isinstance(message, bytes):
        return None
    parts = dict(_fields(message))
    seconds, nanoseconds = parts.get(1, 0), parts.get(2, 0)
    if not isinstance(seconds, int) or not isinstance(nanoseconds, int) or seconds >= 1 << 63:
        return None
    return seconds + nanoseconds / 1e9


def _text(content: bytes) -> str:
    text = content[: 4 * _LONGEST_TEXT].decode(errors="replace")[:_LONGEST_TEXT]
    return "".join(character if character.isprintable() else " " for character in text)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field, up to the first byte that is none."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value: int | bytes
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
        elif kind in {_FIXED_64, _FIXED_32, _DELIMITED}:
            size = {_FIXED_64: 8, _FIXED_32: 4}.get(kind, 0)
            if kind == _DELIMITED:
                size, at = _varint(message, at)
            value = message[at : at + size]
            at += size
        else:
            return
        if at > len(message):
            return
        yield tag >> 3, value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 64:  # noqa: PLR2004 - a varint's most bits
        byte = message[at]
        value |= (byte & 127) << shift
        shift += 7
        at += 1
        if byte < 128:  # noqa: PLR2004 - the last group
            return value, at
    return 0, len(message) + 1
