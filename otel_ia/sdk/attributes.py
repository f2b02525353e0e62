"""Attributes as the SDK keeps them: cleaned, copied and bounded when they are set.

Texts and numbers are taken as they are. Everything else goes through the SDK's own `BoundedAttributes`, for its rules
are many; what that chokes on, and arrays, whose contents it would print, arrive as `otel_ia.values` renders them. It
would look at every item there is, for 2.4 µs each and without end at some: it is given the first of them.
"""

import itertools
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from opentelemetry.attributes import BoundedAttributes

from otel_ia import values
from otel_ia.guard import guarded
from otel_ia.values.origin import ARRAY_LIBRARIES

_logger: Final = logging.getLogger("opentelemetry.attributes")  # whoever silences the SDK's warnings silences these

PLAIN: Final = frozenset({str, int, float, bool, bytes, type(None)})
"""Types whose values are taken as they are."""
ITEM_LIMIT: Final = 16_384
"""Numbers in the containers of one value, all together; of anything else there may be a sixteenth as many, and of
texts 64 characters for each. What comes after them is left out."""
_MOST_PAIRS: Final = 1 << 20
_FAR_TOO_MANY: Final = 1_024
_NUMBERS: Final = frozenset({int, float, bool, type(None)})
_DEAR: Final = 16
_CHARACTERS: Final = 64


class AttributeLimits:
    """How many attributes there may be, `None` for any number, and how long their texts."""

    __slots__ = ("count", "length", "takes_texts")

    def __init__(self, count: int | None, length: int | None) -> None:
        self.count = count
        self.length = length
        self.takes_texts = length is None


def copied(given: Any, limits: AttributeLimits) -> tuple[dict[str, Any], int]:
    """The attributes of an event or link, ready to be kept, and how many of them were dropped."""
    if given is None:
        return {}, 0
    if type(given) is dict and (limits.count is None or len(given) <= limits.count) and is_plain(given, limits):
        return given.copy(), 0
    return _bounded(given, limits, limits.count) or _rendered(given, limits, limits.count)


def cleaned(given: Any, limits: AttributeLimits) -> tuple[dict[str, Any], int]:
    """The same without a limit of their number, for attributes that are set one after another."""
    if type(given) is dict and (limits.count is None or len(given) <= limits.count) and is_plain(given, limits):
        return given, 0
    return _bounded(given, limits, None) or _rendered(given, limits, None)


def set_bounded(kept: dict[str, Any], key: str, value: object, count: int | None) -> int:
    """Puts a cleaned attribute at the end, where needed in the place of the oldest; how many were dropped for it."""
    if count == 0:
        return 1
    kept.pop(key, None)
    dropped = 0
    if count is not None and len(kept) >= count:
        _logger.warning(
            "Attributes dict is full. Dropping the oldest key-value pair from attributes to make space for the new "
            "key-value pair."
        )
        kept.pop(next(iter(kept)), None)
        dropped = 1
    kept[key] = value
    return dropped


def is_key(key: object) -> bool:
    """Whether this can be an attribute's key; a warning says that it cannot."""
    if issubclass(type(key), str) and str.__len__(key):  # type: ignore[arg-type]
        return True
    text = "invalid key `%s`. must be non-empty string. Dropping key from attributes."
    _logger.warning(text, values.legal(key))
    return False


def is_plain(given: dict[str, Any], limits: AttributeLimits) -> bool:
    """Whether all are texts and numbers, and kept as they are."""
    # Types by identity: a look-up may run `__hash__` of a metaclass, and takes longer.
    takes_texts = limits.takes_texts
    for key, value in given.items():
        if type(key) is not str or not key:
            return False
        kind = type(value)
        if kind is str:
            if takes_texts:
                continue
        elif kind is int or kind is float or kind is bool or kind is bytes or value is None:
            continue
        return False
    return True


@guarded(ours=False)  # the values' own `__str__`, `__len__` and iteration run in it
def _bounded(given: Mapping[str, Any], limits: AttributeLimits, count: int | None) -> tuple[dict[str, Any], int]:
    pairs = list(itertools.islice(given.items(), _MOST_PAIRS))
    # Of far too many the last would stay; the SDK would warn of each of the others.
    latest = pairs if limits.count is None else pairs[max(0, len(pairs) - limits.count - _FAR_TOO_MANY) :]
    shortened: dict[str, Any] = {}
    for key, value in latest:
        left = [ITEM_LIMIT]
        shortened[key] = _shortened(value, left)
        if left[0] < 0:
            _logger.warning("Attribute value has too many items, truncating.")
    bounded = BoundedAttributes(count, shortened, max_value_len=limits.length)
    return dict(bounded.copy()), bounded.dropped + len(pairs) - len(latest)


def _rendered(given: Any, limits: AttributeLimits, count: int | None) -> tuple[dict[str, Any], int]:
    bounded = BoundedAttributes(count, _legal(given) or {}, max_value_len=limits.length)
    return dict(bounded.copy()), bounded.dropped


def _shortened(value: Any, left: list[int]) -> Any:
    """The value with no more items than are left, and without arrays."""
    if _is_one_of(PLAIN, type(value)):
        return value
    if _is_array(value):
        return values.legal(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        items = _first(value, left)
        return items if all(_is_one_of(PLAIN, type(item)) for item in items) else [_shortened(i, left) for i in items]
    if isinstance(value, Mapping):
        return {key: _shortened(item, left) for key, item in _first(value.items(), left)}
    return value


def _first(items: Iterable[Any], left: list[int]) -> list[Any]:
    found = []
    for item in items:
        left[0] -= _price(item)
        if left[0] < 0:
            break
        found.append(item)
    return found


def _price(item: object) -> int:
    kind = type(item)
    if _is_one_of(_NUMBERS, kind):
        return 1
    if kind is str or kind is bytes:
        return _DEAR + len(item) // _CHARACTERS  # type: ignore[arg-type]
    return _DEAR


def _is_array(value: object) -> bool:
    return values.qualified_name(type(value)).partition(".")[0] in ARRAY_LIBRARIES


def _is_one_of(kinds: frozenset[Any], kind: type) -> bool:
    return type(kind) is type and kind in kinds


_legal: Final = guarded(ours=False)(values.attributes)
