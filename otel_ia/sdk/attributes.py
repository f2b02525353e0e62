"""Attributes as the SDK keeps them: cleaned, copied and bounded when they are set.

Texts and numbers are taken as they are. Everything else goes through the SDK's own `BoundedAttributes`, for its rules
are many; what that chokes on, and arrays, whose contents it would print, arrive as `otel_ia.values` renders them.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.attributes import BoundedAttributes

from otel_ia import values
from otel_ia.guard import guarded
from otel_ia.values import _ARRAY_LIBRARIES as ARRAY_LIBRARIES

_logger: Final = logging.getLogger("opentelemetry.attributes")  # whoever silences the SDK's warnings silences these

PLAIN: Final = frozenset({str, int, float, bool, bytes, type(None)})
"""Types whose values are taken as they are."""
BOUNDED: Final = PLAIN - {str}
"""The same where texts have a limit."""
_TEXT: Final = frozenset({str})


class AttributeLimits:
    """How many attributes there may be, `None` for any number, and how long their texts."""

    __slots__ = ("count", "length", "plain")

    def __init__(self, count: int | None, length: int | None) -> None:
        self.count = count
        self.length = length
        self.plain = PLAIN if length is None else BOUNDED


def copied(given: Any, limits: AttributeLimits) -> tuple[dict[str, Any], int]:
    """The attributes of an event or link, ready to be kept, and how many of them were dropped."""
    if given is None:
        return {}, 0
    if type(given) is dict and (limits.count is None or len(given) <= limits.count) and _is_plain(given, limits):
        return given.copy(), 0
    bounded = _bounded(given, limits.count, limits.length)
    if bounded is None:
        bounded = BoundedAttributes(limits.count, _rendered(given), max_value_len=limits.length)
    return dict(bounded.copy()), bounded.dropped


def cleaned(given: Any, limits: AttributeLimits) -> tuple[dict[str, Any], int]:
    """The same without a limit of their number, for attributes that are set one after another."""
    if type(given) is dict and _is_plain(given, limits):
        return given, 0
    bounded = _bounded(given, None, limits.length)
    if bounded is None:
        bounded = BoundedAttributes(None, _rendered(given), max_value_len=limits.length)
    return dict(bounded.copy()), bounded.dropped


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


def _is_plain(given: dict[str, Any], limits: AttributeLimits) -> bool:
    # By functions in C: a loop takes three times as long.
    return limits.plain.issuperset(map(type, given.values())) and _TEXT.issuperset(map(type, given)) and "" not in given


@guarded(ours=False)  # the values' own `__str__`, `__len__` and iteration run in it
def _bounded(given: Mapping[str, Any], count: int | None, length: int | None) -> BoundedAttributes:
    if any(_has_array(value) for value in given.values()):
        given = {key: values.legal(value) if _has_array(value) else value for key, value in given.items()}
    return BoundedAttributes(count, given, max_value_len=length)


def _has_array(value: object) -> bool:
    if type(value) is list or type(value) is tuple:
        return any(map(_is_array, value[: values.ITEM_LIMIT]))
    return _is_array(value)


def _is_array(value: object) -> bool:
    kind = type(value)
    return kind not in PLAIN and values.qualified_name(kind).partition(".")[0] in ARRAY_LIBRARIES


def _rendered(given: Any) -> dict[str, Any]:
    return _legal(given) or {}


_legal: Final = guarded(ours=False)(values.attributes)
