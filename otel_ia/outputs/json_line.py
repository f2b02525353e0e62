"""Values as JSON has them, and an object as one line of it."""

import json
import math
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias

from otel_ia import values
from otel_ia.exceptions import STACK_TRACE_LIMIT
from otel_ia.guard import guarded

Plain: TypeAlias = str | bool | int | float | list["Plain"] | dict[str, "Plain"] | None

TEXT_LIMIT: Final = STACK_TRACE_LIMIT + 100
"""Characters of a text: a whole stack trace, as `otel_ia.exceptions` bounds it."""
NESTED_ITEM_LIMIT: Final = 1_024
"""Items of all containers inside one value."""

_LINE_ENDS: Final = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}
_encoder: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))


def one_line(content: Mapping[str, Plain]) -> str:
    """The object on one line, whoever splits lines how; what is in it is what `plain` gives."""
    line = _encoder.encode(content)
    # nothing below the space is left in a text of JSON; these three end lines for `str.splitlines` and JavaScript
    return line if line.isascii() else line.translate(_LINE_ENDS)


class _Walk:
    """How many items the containers inside one value may still have: a few shared lists could unfold to billions."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = NESTED_ITEM_LIMIT


def plain(value: object, depth: int = 1, walk: _Walk | None = None) -> Plain:
    """Any value as JSON can say it, legal and bounded like `otel_ia.values`, containers as containers.

    What JSON has no number for is text: `NaN`, `Infinity`, `-Infinity`; bytes are in base64.
    """
    kind = type(value)
    if value is None or kind is bool:
        return value  # type: ignore[return-value]
    if kind is str:
        return values.text(value, TEXT_LIMIT)  # type: ignore[arg-type]
    if kind is int:
        return values.legal(value)  # type: ignore[return-value]
    if kind is float:
        return number(value)  # type: ignore[arg-type]
    if kind is bytes:
        return b64encode(value[:TEXT_LIMIT]).decode()  # type: ignore[index]
    return _container(value, depth, walk or _Walk())


def number(value: float) -> float | str:
    """The number; as text where it is none or endless."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _container(value: object, depth: int, walk: _Walk) -> Plain:
    inside = _inside(value, depth, walk)
    if inside is not None:
        return inside
    rendered = values.legal(value)
    return plain(list(rendered), depth, walk) if isinstance(rendered, tuple) else plain(rendered, depth, walk)


@guarded(ours=False)
def _inside(value: Any, depth: int, walk: _Walk) -> Plain:
    kind = type(value)
    if issubclass(kind, Mapping):
        if depth > values.DEPTH_LIMIT:
            return "{…}"
        return {_key(key): plain(item, depth + 1, walk) for key, item in _first(value.items(), walk)}
    if issubclass(kind, Sequence) and not issubclass(kind, str | bytes | bytearray):
        if depth > values.DEPTH_LIMIT:
            return "[…]"
        return [plain(item, depth + 1, walk) for item in _first(value, walk)]
    return None


def _first(items: Iterable[Any], walk: _Walk) -> Iterator[Any]:
    for item in islice(items, values.ITEM_LIMIT):
        if walk.left <= 0:
            return
        walk.left -= 1
        yield item


def _key(key: object) -> str:
    return values.text(key if isinstance(key, str) else str(values.legal(key)), values.KEY_LIMIT)
