"""Protobuf's numbers, texts and fields as bytes (https://protobuf.dev/programming-guides/encoding/)."""

import sys
from typing import Final

from otel_ia import values
from otel_ia.guard import guarded

MASK_32: Final = (1 << 32) - 1
MASK_64: Final = (1 << 64) - 1


def long_varint(number: int) -> bytes:
    """The number, from 0 up to 64 bits, in groups of seven bits."""
    groups = bytearray()
    while number > 127:  # noqa: PLR2004 - the largest group
        groups.append(number & 127 | 128)
        number >>= 7
    groups.append(number)
    return bytes(groups)


VARINTS: Final = tuple(long_varint(number) for number in range(1_024))


def varint(number: int) -> bytes:
    """The same from a table where the number is small."""
    return VARINTS[number] if number < 1_024 else long_varint(number)  # noqa: PLR2004 - the table's length


def tag(number: int, wire_type: int) -> bytes:
    """What stands before a field: its number, how it is written (0 varint, 1 and 5 eight and four bytes, 2 length)."""
    return varint(number << 3 | wire_type)


def delimited(start: bytes, content: bytes) -> bytes:
    """A field of bytes, text or a message: its tag, the length, the content."""
    return b"".join((start, varint(len(content)), content))


def text(value: object) -> bytes:
    """UTF-8 of a text field: lone surrogates as U+FFFD, nothing for `None`, a legal text for what is none."""
    if type(value) is str:
        try:
            return value.encode()
        except UnicodeEncodeError:
            return values.text(value, sys.maxsize).encode()
    if value is None:
        return b""
    if issubclass(type(value), str):
        return values.text(value, sys.maxsize).encode()  # type: ignore[arg-type]
    return str(legal(value)).encode()


def count(start: bytes, value: object) -> bytes:
    """A field of 32 bits, kept within them; nothing for 0 or what is no number."""
    number = within(value, MASK_32)
    return start + varint(number) if number else b""


def within(value: object, largest: int) -> int:
    """The integer, kept between 0 and the largest; 0 for what is none."""
    return min(max(int.__int__(value), 0), largest) if issubclass(type(value), int) else 0  # type: ignore[arg-type]


def legal(value: object) -> values.Value:
    """The value as `otel_ia.values` renders it, or `<module.Class>` where that has nothing to carry."""
    rendered = _rendered(value)
    return f"<{values.qualified_name(type(value))}>" if rendered is None else rendered


_rendered: Final = guarded(ours=False)(values.legal)  # a metaclass's `__hash__` is the user's code
