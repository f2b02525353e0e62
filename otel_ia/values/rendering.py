"""Turns anything into a legal value, without running code of it; the table of the package says into which."""

import codecs
import enum
import functools
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from otel_ia.guard import guarded
from otel_ia.values.allowance import Allowance
from otel_ia.values.origin import ARRAY_LIBRARIES, qualified_name
from otel_ia.values.texts import KEY_LIMIT, TEXT_LIMIT, text, text_within

Scalar: TypeAlias = str | bool | int | float
Value: TypeAlias = Scalar | tuple[str, ...] | tuple[bool, ...] | tuple[int, ...] | tuple[float, ...]

ITEM_LIMIT: Final = 128
"""Items of one container."""
ATTRIBUTE_LIMIT: Final = 1_024
"""Entries of a mapping of attributes."""
DEPTH_LIMIT: Final = 6
"""Containers inside containers."""
ALONE: Final = 704
"""Units of an allowance for a value that shares it with no other: with more it would take over a millisecond."""
_UNITS_OF_OTHERS: Final = 10
"""For one that is no text, number or container."""
_ITEMS_ALIKE: Final = 8
_OCTETS_DECODED: Final = 13
_CHARACTERS_ESCAPED: Final = 5
_CHARACTERS_QUOTED: Final = 8
"""Numbers of one kind that take a unit; two to the power of these octets or characters do."""
_STEP: Final = 1_024
"""Octets that are decoded at once where not all of them are UTF-8."""
_INNER_LIMIT: Final = 1_024
"""Characters of a text in a container."""
INTEGER_TEXT_BITS: Final = 2_048
"""Bits up to which an integer is written out: under 640 digits, the least that Python's own conversion limit allows."""

_PRINTABLE: Final = frozenset(
    """
    complex range slice datetime.date datetime.datetime datetime.time datetime.timedelta
    decimal.Decimal fractions.Fraction ipaddress.IPv4Address ipaddress.IPv6Address pathlib.PosixPath
    pathlib.PurePosixPath pathlib.PureWindowsPath pathlib.WindowsPath pathlib._local.PosixPath
    pathlib._local.PurePosixPath pathlib._local.PureWindowsPath pathlib._local.WindowsPath torch.device torch.dtype
    uuid.UUID
    """.split()  # noqa: SIM905 - the names fill lines
)
"""Types of the standard library and of PyTorch whose own text is short and harmless to ask for."""


def attributes(
    given: Mapping[str, object], *, most: int = ATTRIBUTE_LIMIT, allowance: Allowance | None = None
) -> dict[str, Value]:
    """The mapping's first 1,024 entries with legal keys and values, or as many as there may be.

    Keys that are no text become text, an empty one becomes `_`.
    """
    if type(given) is dict and allowance is None and len(given) <= most and _is_legal(kept := given.copy()):
        return kept
    result: dict[str, Value] = {}
    items = dict.items(given) if issubclass(type(given), dict) else given.items()  # type: ignore[arg-type]
    for pair in itertools.islice(_unchanging(items), ATTRIBUTE_LIMIT):
        if type(pair) is tuple:
            rendered = legal(pair[1]) if allowance is None else legal_within(pair[1], allowance)
            if rendered is not None:
                result[_key(pair[0])] = rendered
            if len(result) >= most or (allowance is not None and allowance.left <= 0):
                break
    return result


def _is_legal(given: dict[Any, Any]) -> bool:
    """Whether all would come out as they are, as most do: to render them one by one takes 3.6 times as long."""
    for key, value in given.items():
        kind = type(value)
        if type(key) is not str or not 0 < len(key) <= KEY_LIMIT or not key.isascii():
            return False
        if kind is str:
            if len(value) > TEXT_LIMIT or not value.isascii():
                return False
        elif kind is int:
            if not -(1 << 63) <= value < (1 << 63):
                return False
        elif kind is not bool and kind is not float:
            return False
    return True


def _key(key: object) -> str:
    rendered = key if issubclass(type(key), str) else _written(key, Allowance(ALONE))
    return text(rendered, KEY_LIMIT) or "_"  # type: ignore[arg-type]


def legal(value: object) -> Value | None:
    """The value as an attribute can carry it (the table above), or `None` where there is nothing to carry."""
    kind = type(value)
    if type(kind) is type:  # else the look-up would run `__hash__` of a metaclass
        convert = _PLAIN.get(kind)
        if convert is not None:
            return convert(value)
    return legal_within(value, Allowance(ALONE))


def legal_within(value: object, allowance: Allowance) -> Value | None:  # noqa: PLR0911 - a line for each kind
    """The same, shorter where there is too little left for all of it; what it takes is gone from the allowance."""
    kind = type(value)
    if value is None:
        return None
    if issubclass(kind, str):
        return text_within(value, allowance)  # type: ignore[arg-type]
    if issubclass(kind, (int, float)):
        allowance.left -= 1
        return _integer(value) if issubclass(kind, int) else float.__float__(value)  # type: ignore[arg-type]
    if issubclass(kind, (list, tuple, set, frozenset)):
        return _sequence(value, allowance)
    if issubclass(kind, dict):
        return text(_written(value, allowance))
    if issubclass(kind, (bytes, bytearray)):
        return _octets(value, allowance)
    allowance.left -= _UNITS_OF_OTHERS
    described = _described(value)
    return described if described is not None else f"<{qualified_name(kind)}>"


def _integer(value: object) -> Scalar:
    assert isinstance(value, int)
    exact = int.__int__(value)
    if _is_short(exact):
        return exact
    bits = exact.bit_length()
    return str(exact) if bits <= INTEGER_TEXT_BITS else f"<int of {bits} bits>"


def _is_short(value: int) -> bool:
    return -(1 << 63) <= value < (1 << 63)


def _octets(value: Any, allowance: Allowance) -> str:
    base: Any = bytes if issubclass(type(value), bytes) else bytearray
    start = base.__getitem__(value, slice(4 * TEXT_LIMIT + 4))  # of characters of four octets one too many
    allowance.left -= 2 + (len(start) >> _OCTETS_DECODED)
    try:
        return text(start.decode())
    except UnicodeDecodeError:
        pass
    limit = max(1, min(TEXT_LIMIT, allowance.left << _CHARACTERS_ESCAPED))
    shown = ""
    # as "backslashreplace" would, which takes 0.25 µs for each octet
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    for at in range(0, len(start), _STEP):  # each octet may become four characters: all of them would take 2 ms
        shown += decoder.decode(start[at : at + _STEP], at + _STEP >= len(start)).translate(_escapes())
        if len(shown) > limit:
            break
    allowance.left -= min(len(shown), limit) >> _CHARACTERS_ESCAPED
    return text(shown, limit)


@functools.cache
def _escapes() -> dict[int, str]:
    """With the characters that stay, for one that is missing raises an exception inside."""
    stay = {octet: chr(octet) for octet in range(0x80)}
    return stay | {0xDC00 + octet: f"\\x{octet:02x}" for octet in range(0x80, 0x100)}


def _sequence(value: object, allowance: Allowance) -> Value:
    items: list[Any] = list(itertools.islice(_items(value), ITEM_LIMIT + 1))
    if len(items) <= ITEM_LIMIT:
        allowance.left -= 2 + len(items) // _ITEMS_ALIKE
        kinds = {kind if type(kind) is type else object for kind in map(type, items)}
        if kinds == {str}:
            return _texts(items, allowance)
        if kinds <= {bool} or kinds == {float}:
            return tuple(items)
        if kinds <= {int, float} and all(type(item) is float or _is_short(item) for item in items):
            return tuple(items) if kinds == {int} else tuple(float(item) for item in items)
    return text(_written(value, allowance))


def _texts(items: list[str], allowance: Allowance) -> tuple[str, ...]:
    """As many as there is enough left for, and how many more there are."""
    told: list[str] = []
    for item in items:
        if allowance.left <= 0:
            told.append(f"… {len(items) - len(told)} more")
            break
        told.append(text_within(item, allowance))
    return tuple(told)


def _items(value: Any) -> Iterable[object]:
    base = _base_of(type(value), _BRACKETS)
    return _unchanging(base.__iter__(value)) if base is not None else ()


def _base_of(kind: type, bases: Iterable[Any]) -> Any:
    return next((base for base in bases if issubclass(kind, base)), None)


def _unchanging(iterator: Iterable[object]) -> Iterable[object]:
    try:
        yield from iterator
    except RuntimeError:
        yield "<changed while it was read>"


@guarded(ours=False)
def _described(value: object) -> Value | None:
    kind = type(value)
    name = qualified_name(kind)
    if issubclass(kind, enum.Enum):
        return text(f"{name.rpartition('.')[2]}.{object.__getattribute__(value, '__dict__')['_name_']}", KEY_LIMIT)
    if name in _PRINTABLE:
        return text(str(value))
    if name.partition(".")[0] in ARRAY_LIBRARIES:
        return _array(value, name)
    if issubclass(kind, type):
        return qualified_name(value)  # type: ignore[arg-type]
    if name in ("function", "builtin_function_or_method"):
        return text(f"{value.__module__}.{value.__qualname__}", KEY_LIMIT)  # type: ignore[attr-defined]
    return None


def _array(value: object, name: str) -> Value | None:
    if name.startswith("numpy.") and any(base.__name__ == "generic" for base in type(value).__mro__):
        item = value.item()  # type: ignore[attr-defined]
        return legal(item) if type(item) is not type(value) else None
    known = [part for part in ("shape", "dtype", "device") if hasattr(type(value), part)]
    parts = [f"{part}={_told(value, part)}" for part in known]
    return f"{name.rpartition('.')[2]}({', '.join(parts)})" if parts else None


def _told(value: object, part: str) -> str:
    if part == "dtype":
        from otel_ia.values.dtypes import name_dtype  # there where arrays are: not loaded with the package

        return name_dtype(value)
    told = getattr(value, part)
    # A shape of PyTorch's, which is a tuple that calls itself `torch.Size([2, 3])`, is `(2, 3)` like all others.
    return text(tuple.__repr__(told) if issubclass(type(told), tuple) else str(told), 128)


def _written(value: Any, allowance: Allowance) -> str:
    return _Writing(allowance).write(value, 1)


class _Writing:
    """One container and what is in it, as text in Python's notation."""

    __slots__ = ("_allowance",)

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance

    def write(self, value: Any, depth: int) -> str:
        kind = type(value)
        if value is None:
            return "None"
        if issubclass(kind, dict):
            pairs = itertools.islice(_unchanging(dict.items(value)), ITEM_LIMIT)
            inner = (self._pair(pair, depth + 1) if type(pair) is tuple else str(pair) for pair in pairs)
            return self._join("{", inner, dict.__len__(value), "}", depth)
        base = _base_of(kind, _BRACKETS)
        if base is not None:
            opening, closing = _BRACKETS[base]
            parts = (self.write(item, depth + 1) for item in itertools.islice(_items(value), ITEM_LIMIT))
            return self._join(opening, parts, base.__len__(value), closing, depth)
        if issubclass(kind, str):
            return self._text(value)
        if kind is int or kind is float or kind is bool:  # counted where they are joined
            self._allowance.left -= 2 if kind is int and not _is_short(value) else 0
            return str(_integer(value) if kind is int else value)
        return str(legal_within(value, self._allowance))

    def _text(self, value: str) -> str:
        shown = repr(text_within(value, self._allowance, _INNER_LIMIT))
        self._allowance.left -= len(shown) >> _CHARACTERS_QUOTED
        return shown

    def _pair(self, pair: tuple[object, object], depth: int) -> str:
        self._allowance.left -= 1
        return f"{self.write(pair[0], depth)}: {self.write(pair[1], depth)}"

    def _join(self, opening: str, parts: Iterable[str], total: int, closing: str, depth: int) -> str:
        if depth > DEPTH_LIMIT:
            return f"{opening}…{closing}"
        self._allowance.left -= 1
        pieces: list[str] = []
        length = 0
        for part in parts:
            pieces.append(part)
            length += len(part) + 2
            self._allowance.left -= 1
            if length > TEXT_LIMIT or self._allowance.left <= 0:
                break
        if total > len(pieces):
            pieces.append(f"… {total - len(pieces)} more")
        return opening + ", ".join(pieces) + closing


_BRACKETS: Final[dict[Any, tuple[str, str]]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("{", "}"),
}
_PLAIN: Final[dict[type, Callable[..., Value | None]]] = {
    str: text,
    bool: bool,
    int: _integer,
    float: float.__float__,
    type(None): lambda _: None,
}
