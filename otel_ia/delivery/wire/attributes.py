"""Attribute mappings as repeated OTLP KeyValue fields."""

from collections.abc import Callable, Container, Mapping
from types import MappingProxyType
from typing import Any, Final

from opentelemetry.attributes import BoundedAttributes

from otel_ia.delivery.wire.primitives import tag, varint
from otel_ia.delivery.wire.values import (
    DOUBLE_SIZE,
    DOUBLE_START,
    FALSE,
    INTEGERS,
    LONGEST_INTEGER,
    MESSAGE_LEVELS,
    SHORT_TEXT,
    TEXT_STARTS,
    TRUE,
    encode_integer,
    encode_key,
    encode_text,
    encode_value,
    pack_double,
)
from otel_ia.guard import guarded

KNOWN_KEYS: Final = 1_024
"""Keys of a place whose bytes are kept; when one more comes, it starts anew."""
_KNOWN_KEY_LENGTH: Final = 128


class Place:
    """Where in a request key-values stand: the field's number, and how many messages are around a value."""

    __slots__ = ("known", "levels", "tag")

    def __init__(self, number: int, *, around: int) -> None:
        self.tag = tag(number, 2)
        self.levels = MESSAGE_LEVELS - around
        self.known: dict[str, _Key] = {}

    def learn(self, key: str) -> None:
        """Keeps the bytes of a key, if it is not too long."""
        if type(key) is str and len(key) <= _KNOWN_KEY_LENGTH and key not in self.known:
            if len(self.known) >= KNOWN_KEYS:
                self.known.clear()
            self.known[key] = _Key(encode_key(key), self)


class _Key:
    """A key in a place: what stands before its values, which depends on their type and size."""

    __slots__ = ("_start", "_tag", "before_double", "before_integers", "before_texts", "false", "true")

    def __init__(self, start: bytes, place: Place) -> None:
        self._start = start
        self._tag = place.tag
        self.false = self.before(len(FALSE)) + FALSE
        self.true = self.before(len(TRUE)) + TRUE
        self.before_double = self.before(DOUBLE_SIZE) + DOUBLE_START
        self.before_integers = tuple(map(self.before, range(LONGEST_INTEGER + 1)))
        self.before_texts: list[bytes | None] = [None] * SHORT_TEXT

    def before(self, size: int) -> bytes:
        """What stands before an encoded value of this size."""
        return b"".join((self._tag, varint(len(self._start) + size), self._start))

    def before_text(self, size: int) -> bytes:
        """What stands before a short text of this size, which is remembered."""
        start = TEXT_STARTS[size]
        made = self.before_texts[size] = self.before(len(start) + size) + start
        return made


RESOURCE: Final = Place(1, around=4)
SCOPE: Final = Place(3, around=5)
SPAN: Final = Place(9, around=5)
EVENT: Final = Place(3, around=6)
LINK: Final = Place(4, around=6)
LOG_RECORD: Final = Place(6, around=5)


def encode_attributes(attributes: Mapping[str, Any] | None, place: Place) -> bytes:
    """The key-values as fields of the message in that place, ready to be joined to its others."""
    given = attributes if type(attributes) is dict else _plain(attributes)
    encoded = encode_known(given, place)
    return encoded if encoded is not None else _carefully(given, place)


def encode_known(
    given: Mapping[str, Any],
    place: Place,
    clean: Container[str] = (),
    is_clean: Callable[[str], bool] | None = None,
) -> bytes | None:
    """The same where all keys are known in the place, else `None`.

    With `is_clean` all texts are asked about that are not in `clean`; one that is not clean, or a value that is neither
    text nor number, makes it `None` too.
    """
    known = place.known
    pieces: list[bytes] = []
    try:
        for key, value in given.items():
            kind = type(value)
            found = known[key]
            # The usual types are told apart here: a call of `encode_value` for each takes 1.2 times as long.
            if kind is str:
                if is_clean is not None and value not in clean and not is_clean(value):
                    return None
                encoded = value.encode()
                size = len(encoded)
                if size < SHORT_TEXT:
                    pieces.append(found.before_texts[size] or found.before_text(size))  # twice as soon as `+=`
                    pieces.append(encoded)
                else:
                    encoded = encode_text(encoded)
                    pieces += (found.before(len(encoded)), encoded)
            elif kind is int:
                encoded = INTEGERS[value] if 0 <= value < 1_024 else encode_integer(value)  # noqa: PLR2004 - so many
                size = len(encoded)
                pieces.append(found.before_integers[size] if size <= LONGEST_INTEGER else found.before(size))
                pieces.append(encoded)
            elif kind is float:
                pieces.append(found.before_double)
                pieces.append(pack_double(value))
            elif kind is bool:
                pieces.append(found.true if value else found.false)
            elif is_clean is not None:
                return None
            else:
                encoded = encode_value(value, place.levels)
                pieces += (found.before(len(encoded)), encoded)
    except (KeyError, UnicodeEncodeError, RuntimeError):  # a new key, a lone surrogate, a mapping that changes
        return None
    return b"".join(pieces)


def _carefully(attributes: Mapping[Any, Any], place: Place) -> bytes:
    pieces: list[bytes] = []
    # a copy is made in one step; a list of the items is not, for a collection in the middle may let other threads in
    kept = attributes.copy() if type(attributes) is dict else attributes
    for key, value in list(kept.items()):
        start = encode_key(key)
        encoded = encode_value(value, place.levels)
        pieces += (place.tag, varint(len(start) + len(encoded)), start, encoded)
        place.learn(key)
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
