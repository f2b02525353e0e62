"""Attribute mappings as repeated OTLP KeyValue fields."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from opentelemetry.attributes import BoundedAttributes

from otel_ia.delivery.wire.primitives import VARINTS, tag, varint
from otel_ia.delivery.wire.values import (
    FALSE,
    INTEGERS,
    MESSAGE_LEVELS,
    SHORT_TEXT,
    TEXT_HEADS,
    TRUE,
    encode_integer,
    encode_key,
    encode_text,
    encode_value,
    pack_double,
)
from otel_ia.guard import guarded

KNOWN_KEYS: Final = 1_024
"""Keys whose bytes are kept; when one more comes, it starts anew."""
_KNOWN_KEY_LENGTH: Final = 256


class Place:
    """Where in a request key-values stand: the field's number, and how many messages are around a value."""

    __slots__ = ("heads", "levels", "tag")

    def __init__(self, number: int, *, around: int) -> None:
        self.tag = tag(number, 2)
        self.heads = tuple(self.tag + size for size in VARINTS[:512])
        self.levels = MESSAGE_LEVELS - around


RESOURCE: Final = Place(1, around=4)
SCOPE: Final = Place(3, around=5)
SPAN: Final = Place(9, around=5)
EVENT: Final = Place(3, around=6)
LINK: Final = Place(4, around=6)
LOG_RECORD: Final = Place(6, around=5)

_known_keys: Final[dict[str, bytes]] = {}


def encode_attributes(attributes: Mapping[str, Any] | None, place: Place) -> bytes:
    """The key-values as fields of the message in that place, ready to be joined to its others."""
    given = attributes if type(attributes) is dict else _plain(attributes)
    heads = place.heads
    pieces: list[bytes] = []
    try:
        for key, value in given.items():
            kind = type(value)
            # The usual types are told apart here: a call of `encode_value` for each takes 1.2 times as long.
            if kind is str:
                encoded = value.encode()
                size = len(encoded)
                encoded = TEXT_HEADS[size] + encoded if size < SHORT_TEXT else encode_text(encoded)
            elif kind is int:
                encoded = INTEGERS[value] if 0 <= value < 1_024 else encode_integer(value)  # noqa: PLR2004
            elif kind is float:
                encoded = pack_double(9, 0x21, value)
            elif kind is bool:
                encoded = TRUE if value else FALSE
            else:
                encoded = encode_value(value, place.levels)
            start = _known_keys[key]
            size = len(start) + len(encoded)
            pieces += (heads[size] if size < 512 else place.tag + varint(size), start, encoded)  # noqa: PLR2004
    except (KeyError, UnicodeEncodeError, RuntimeError):  # a new key, a lone surrogate, a mapping that changes
        return _carefully(given, place)
    return b"".join(pieces)


def _carefully(attributes: Mapping[Any, Any], place: Place) -> bytes:
    pieces: list[bytes] = []
    for key, value in list(attributes.items()):
        start = encode_key(key)
        encoded = encode_value(value, place.levels)
        pieces += (place.tag, varint(len(start) + len(encoded)), start, encoded)
        if type(key) is str and len(key) <= _KNOWN_KEY_LENGTH:
            if len(_known_keys) >= KNOWN_KEYS:
                _known_keys.clear()
            _known_keys[key] = start
    return b"".join(pieces)


def _plain(attributes: object) -> Mapping[Any, Any]:
    if attributes is None:
        return {}
    # Its `copy` is one step where its `items` takes several Python calls for each key.
    return attributes.copy() if type(attributes) is BoundedAttributes else _copied(attributes) or {}


@guarded(ours=False)
def _copied(attributes: Any) -> dict[Any, Any]:
    copied = attributes.copy() if type(attributes) is MappingProxyType else attributes
    return copied if type(copied) is dict else dict(copied.items())
