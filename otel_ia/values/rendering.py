"""Turns anything into a legal value, without running code of it; the table of the package says into which."""

import codecs
import enum
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from otel_ia.guard import guarded
from otel_ia.values.origin import ARRAY_LIBRARIES, qualified_name
from otel_ia.values.texts import KEY_LIMIT, TEXT_LIMIT, text

Scalar: TypeAlias = str | bool | int | float
Value: TypeAlias = Scalar | tuple[str, ...] | tuple[bool, ...] | tuple[int, ...] | tuple[float, ...]

ITEM_LIMIT: Final = 128
"""Items of one container."""
ITEMS_IN_ALL: Final = 256
"""Those of all containers in each other: with more of them it would take a millisecond."""
_COST_OF_OTHERS: Final = 4
"""So many of these is one that is no text, number or container: an array takes 10 µs."""
ATTRIBUTE_LIMIT: Final = 1_024
"""Entries of a mapping of attributes."""
DEPTH_LIMIT: Final = 6
"""Containers inside containers."""
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


def attributes(given: Mapping[str, object]) -> dict[str, Value]:
    """The mapping's first 1,024 entries with legal keys and values.

    Keys that are no text become text, an empty one becomes `_`.
    """
    result: dict[str, Value] = {}
    items = dict.items(given) if issubclass(type(given), dict) else given.items()  # type: ignore[arg-type]
    for pair in itertools.islice(_unchanging(items), ATTRIBUTE_LIMIT):
        if type(pair) is tuple:
            rendered = legal(pair[1])
            if rendered is not None:
                result[_key(pair[0])] = rendered
    return result


def _key(key: object) -> str:
    rendered = key if issubclass(type(key), str) else _written(key)
    return text(rendered, KEY_LIMIT) or "_"  # type: ignore[arg-type]


def legal(value: object) -> Value | None:
    """The value as an attribute can carry it (the table above), or `None` where there is nothing to carry."""
    kind = type(value)
    if type(kind) is type:  # else the look-up would run `__hash__` of a metaclass
        convert = _EXACT.get(kind)
        if convert is not None:
            return convert(value)
    base = _base_of(kind, _EXACT)
    if base is not None:
        return _EXACT[base](value)
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


def _octets(value: Any) -> str:
    base: Any = bytes if issubclass(type(value), bytes) else bytearray
    start = base.__getitem__(value, slice(4 * TEXT_LIMIT + 4))  # of characters of four octets one too many
    try:
        return text(start.decode())
    except UnicodeDecodeError:
        pass
    shown = ""
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    for at in range(0, len(start), _STEP):  # each octet may become four characters: all of them would take 2 ms
        shown += decoder.decode(start[at : at + _STEP], at + _STEP >= len(start))
        if len(shown) > TEXT_LIMIT:
            break
    return text(shown)


def _sequence(value: object) -> Value:
    items: list[Any] = list(itertools.islice(_items(value), ITEM_LIMIT + 1))
    if len(items) <= ITEM_LIMIT:
        kinds = {kind if type(kind) is type else object for kind in map(type, items)}
        if kinds == {str}:
            return tuple(text(item, TEXT_LIMIT) for item in items)
        if kinds <= {bool} or kinds == {float}:
            return tuple(items)
        if kinds <= {int, float} and all(type(item) is float or _is_short(item) for item in items):
            return tuple(items) if kinds == {int} else tuple(float(item) for item in items)
    return text(_written(value))


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


def _written(value: Any) -> str:
    return _Writing().write(value, 1)


class _Writing:
    """One container and what is in it, as text in Python's notation."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = ITEMS_IN_ALL

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
            return repr(text(value, _INNER_LIMIT))
        if kind is not int and kind is not float and kind is not bool:
            self._left -= _COST_OF_OTHERS - 1
        return str(legal(value))

    def _pair(self, pair: tuple[object, object], depth: int) -> str:
        return f"{self.write(pair[0], depth)}: {self.write(pair[1], depth)}"

    def _join(self, opening: str, parts: Iterable[str], total: int, closing: str, depth: int) -> str:
        if depth > DEPTH_LIMIT:
            return f"{opening}…{closing}"
        pieces: list[str] = []
        length = 0
        for part in parts:
            pieces.append(part)
            length += len(part) + 2
            self._left -= 1
            if length > TEXT_LIMIT or self._left <= 0:
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
_EXACT: Final[dict[type, Callable[..., Value | None]]] = {
    str: text,
    bool: bool,
    int: _integer,
    float: float.__float__,
    type(None): lambda _: None,
    bytes: _octets,
    bytearray: _octets,
    list: _sequence,
    tuple: _sequence,
    set: _sequence,
    frozenset: _sequence,
    dict: lambda value: text(_written(value)),
}
