"""Any attribute value as an OTLP AnyValue.

Parses equal to what OpenTelemetry's own encoder makes, for every value it can encode. The others it leaves out, or
fails the whole batch for their sake; here each gets a legal rendering and costs nothing beside it:

| value | on the wire |
| --- | --- |
| text with a lone surrogate | U+FFFD in its place; a pair of them becomes the character it stands for |
| integer beyond 64 bits | text, as `otel_ia.values` writes it |
| set, enumeration, array, path, date, class, any other object | what `otel_ia.values.legal` makes of it |
| object of which that makes nothing | text `<module.Class>` |
| container that holds itself, or deeper than protobuf's 100 levels | text `[…]` or `{…}` in its place |
| containers inside one value, beyond 262,144 items together | the same |
| sequence or mapping of any class | read by its own methods, up to 262,144 items; where they raise, an object |
| key inside a mapping that is no text | its legal value's text |
"""

import itertools
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from otel_ia.delivery.wire.primitives import MASK_64, VARINTS, delimited, legal, long_varint, text, varint
from otel_ia.guard import guarded

MESSAGE_LEVELS: Final = 100
"""Messages inside messages, below the outermost one, that protobuf's parsers accept."""
NESTED_ITEM_LIMIT: Final = 262_144
"""Items of the containers inside one value: a few shared lists could unfold to billions."""
SHORT_TEXT: Final = 126
"""Bytes of a text from which on its value's length takes two bytes."""

# Each value starts with its length, as wherever it stands: in a key-value, an array, a log record's body.
TEXT_STARTS: Final = tuple(bytes((size + 2, 0x0A, size)) for size in range(SHORT_TEXT))
INTEGERS: Final = tuple(bytes((len(number) + 1, 0x18)) + number for number in VARINTS)
LONGEST_INTEGER: Final = 12
"""Bytes of an integer of 64 bits, with its start."""
TRUE: Final = b"\x02\x10\x01"
FALSE: Final = b"\x02\x10\x00"
pack_double: Final = struct.Struct("<d").pack
DOUBLE_START: Final = b"\x09\x21"
DOUBLE_SIZE: Final = 10
"""With its start."""

_NOTHING: Final = b"\x00"
_ARRAY_LEVELS: Final = 2
"""Messages from an array's value down to an item's."""
_MAPPING_LEVELS: Final = 3
"""Messages from a mapping's value down to an item's."""
_EMPTY_ARRAY: Final = b"\x02\x2a\x00"
_EMPTY_MAPPING: Final = b"\x02\x32\x00"


class _Walk:
    """One value's containers: those around the present one, and the items still allowed in those to come."""

    __slots__ = ("around", "left")

    def __init__(self, outermost: int) -> None:
        self.around: set[int] = set()
        self.left = NESTED_ITEM_LIMIT + outermost


def encode_value(value: Any, levels: int, walk: _Walk | None = None) -> bytes:  # noqa: PLR0911 - one for each type
    """The value as an AnyValue after its length; `levels` of messages may stand inside that."""
    kind = type(value)
    if kind is str:
        return encode_text(text(value))
    if kind is int:
        return encode_integer(value)
    if kind is float:
        return DOUBLE_START + pack_double(value)
    if kind is bool:
        return TRUE if value else FALSE
    if value is None:
        return _NOTHING
    if kind is list or kind is tuple:
        return _array(tuple(value), id(value), levels, walk)
    if kind is dict:
        return _mapping(list(value.items()), id(value), levels, walk)
    if kind is bytes:
        return _field(b"\x3a", value)
    return _unusual(value, levels, walk)


def encode_text(encoded: bytes) -> bytes:
    """The UTF-8 text as a value."""
    size = len(encoded)
    return TEXT_STARTS[size] + encoded if size < SHORT_TEXT else _field(b"\x0a", encoded)


def encode_integer(value: int) -> bytes:
    """The integer as a value; as text where it takes more than 64 bits."""
    if 0 <= value < 1_024:  # noqa: PLR2004 - the table's length
        return INTEGERS[value]
    if 0 <= value < 1 << 14:
        return bytes((3, 0x18, value & 127 | 128, value >> 7))
    if 0 <= value < 1 << 21:
        return bytes((4, 0x18, value & 127 | 128, value >> 7 & 127 | 128, value >> 14))
    if -(1 << 63) <= value < (1 << 63):
        number = long_varint(value & MASK_64)
        return b"%c\x18%b" % (len(number) + 1, number)
    return encode_text(text(legal(value)))


def _field(start: bytes, content: bytes) -> bytes:
    size = varint(len(content))
    return b"".join((varint(len(content) + len(size) + 1), start, size, content))


def _unusual(value: Any, levels: int, walk: _Walk | None) -> bytes:  # noqa: PLR0911 - one for each type
    kind = type(value)
    if issubclass(kind, str):
        return encode_text(text(value))
    if issubclass(kind, int):
        return encode_integer(int.__int__(value))
    if issubclass(kind, float):
        return DOUBLE_START + pack_double(float.__float__(value))
    if issubclass(kind, bytes):
        return _field(b"\x3a", bytes(memoryview(value)))
    if issubclass(kind, list):
        return _array(tuple(list.__iter__(value)), id(value), levels, walk)
    if issubclass(kind, tuple):
        return _array(tuple(tuple.__iter__(value)), id(value), levels, walk)
    if issubclass(kind, dict):
        return _mapping(list(dict.items(value)), id(value), levels, walk)
    if (items := _items(value)) is not None:
        return _array(items, id(value), levels, walk)
    if (pairs := _pairs(value)) is not None:
        return _mapping(pairs, id(value), levels, walk)
    return encode_value(legal(value), levels, walk)


@guarded(ours=False)
def _items(value: object) -> tuple[object, ...] | None:
    return tuple(itertools.islice(value, NESTED_ITEM_LIMIT)) if issubclass(type(value), Sequence) else None  # type: ignore[call-overload]


@guarded(ours=False)
def _pairs(value: object) -> list[tuple[object, object]] | None:
    if not issubclass(type(value), Mapping):
        return None
    return [(key, item) for key, item in itertools.islice(value.items(), NESTED_ITEM_LIMIT)]  # type: ignore[attr-defined]


def _array(items: tuple[object, ...], identity: int, levels: int, walk: _Walk | None) -> bytes:
    walk = _Walk(len(items)) if walk is None else walk
    if not items and levels > 0:
        return _EMPTY_ARRAY
    if levels < _ARRAY_LEVELS or not _enters(walk, identity, len(items)):
        return encode_text("[…]".encode())
    pieces: list[bytes] = []
    for item in items:
        pieces += (b"\x0a", encode_value(item, levels - _ARRAY_LEVELS, walk))
    walk.around.discard(identity)
    return _field(b"\x2a", b"".join(pieces))


def _mapping(pairs: list[tuple[Any, object]], identity: int, levels: int, walk: _Walk | None) -> bytes:
    walk = _Walk(len(pairs)) if walk is None else walk
    if not pairs and levels > 0:
        return _EMPTY_MAPPING
    if levels < _MAPPING_LEVELS or not _enters(walk, identity, len(pairs)):
        return encode_text("{…}".encode())
    pieces: list[bytes] = []
    for key, item in pairs:
        pieces.append(delimited(b"\x0a", encode_key(key) + encode_value(item, levels - _MAPPING_LEVELS, walk)))
    walk.around.discard(identity)
    return _field(b"\x32", b"".join(pieces))


def encode_key(key: object) -> bytes:
    """How a KeyValue begins: its key, then the tag of its value."""
    return delimited(b"\x0a", text(key if key is not None else "None")) + b"\x12"


def _enters(walk: _Walk, identity: int, size: int) -> bool:
    walk.left -= size
    if walk.left < 0 or identity in walk.around:
        return False
    walk.around.add(identity)
    return True
