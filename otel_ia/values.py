"""Any Python object as a legal, bounded OpenTelemetry attribute value.

No code of an unknown object is ever run: neither `repr` nor `str`, `len`, iteration or attribute access. What comes out:

| in | out |
| --- | --- |
| `str` | the text; lone surrogates become U+FFFD, over 16,384 characters it is cut and ends in `…` |
| `bool`, `float` (NaN and infinities too), `int` of 64 bits | itself, as the built-in type |
| longer `int` | its decimal text; over 2,048 bits `<int of N bits>` |
| `bytes`, `bytearray` | text, decoded as UTF-8 with `\\xNN` for what is none |
| enumeration | its value where that is text or a number, else `Class.NAME` |
| list, tuple, set of one legal type, up to 128 items | a tuple of them; ints among floats become floats |
| any other list, tuple, set, dict | text in Python's notation, up to 128 items a level, 6 levels, 16,384 characters |
| array, tensor, data frame | `ndarray(shape=(32, 784), dtype=float32, device=cpu)`, never contents |
| path, UUID, date, decimal, class, function | its text or its qualified name |
| `None` | nothing: the attribute is left out |
| anything else | `<module.Class>` |
"""

import enum
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

Scalar: TypeAlias = str | bool | int | float
Value: TypeAlias = Scalar | tuple[str, ...] | tuple[bool, ...] | tuple[int, ...] | tuple[float, ...]

TEXT_LIMIT: Final = 16_384
"""Characters of a text value."""
ITEM_LIMIT: Final = 128
"""Items of one container."""
DEPTH_LIMIT: Final = 6
"""Containers inside containers."""
INTEGER_TEXT_BITS: Final = 2_048
"""Bits up to which an integer is written out: under 640 digits, the least that Python's own conversion limit allows."""

_ARRAY_LIBRARIES: Final = frozenset(
    ["cupy", "dask", "jax", "jaxlib", "numpy", "pandas", "polars", "pyarrow", "scipy", "tensorflow", "torch", "xarray"]
)
_PRINTABLE: Final = frozenset(
    {
        "builtins.complex",
        "builtins.range",
        "builtins.slice",
        "datetime.date",
        "datetime.datetime",
        "datetime.time",
        "datetime.timedelta",
        "decimal.Decimal",
        "fractions.Fraction",
        "ipaddress.IPv4Address",
        "ipaddress.IPv6Address",
        "pathlib.PosixPath",
        "pathlib.PurePosixPath",
        "pathlib.PureWindowsPath",
        "pathlib.WindowsPath",
        "pathlib._local.PosixPath",
        "pathlib._local.PurePosixPath",
        "pathlib._local.PureWindowsPath",
        "pathlib._local.WindowsPath",
        "torch.device",
        "torch.dtype",
        "uuid.UUID",
    }
)
"""Types of the standard library and of PyTorch whose own text is short and harmless to ask for."""


def attributes(given: Mapping[str, object]) -> dict[str, Value]:
    """The mapping with legal keys and values; keys that are no text become text, an empty one becomes `_`."""
    result: dict[str, Value] = {}
    for key, value in dict.items(given) if issubclass(type(given), dict) else given.items():  # type: ignore[arg-type]
        rendered = legal(value)
        if rendered is not None:
            result[text(key, 256) if type(key) is str else _written(key, 1)[:256] or "_"] = rendered
    if "" in result:
        result["_"] = result.pop("")
    return result


def legal(value: object) -> Value | None:
    """The value as an attribute can carry it (the table above), or `None` where there is nothing to carry."""
    convert = _EXACT.get(type(value))
    if convert is not None:
        return convert(value)
    kind = type(value)
    for base in (str, int, float, bytes, bytearray, list, tuple, set, frozenset, dict):
        if issubclass(kind, base):
            return _EXACT[base](value)
    return _described(value)


def text(value: str, limit: int = TEXT_LIMIT) -> str:
    """The text as an exact `str`, encodable as UTF-8, of at most `limit` characters."""
    exact = str.__str__(value)
    if len(exact) > limit:
        exact = exact[: limit - 1] + "…"
    if exact.isascii():
        return exact
    try:
        exact.encode()
    except UnicodeEncodeError:
        return exact.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return exact


def qualified_name(kind: type) -> str:
    """The class's name with its module; built-in ones go by their bare name. Runs no code of a metaclass."""
    module = type.__getattribute__(kind, "__module__")
    name = type.__getattribute__(kind, "__qualname__")
    if type(module) is not str or module == "builtins":
        return text(name, 256)
    return text(f"{module}.{name}", 256)


def _integer(value: object) -> Scalar:
    assert isinstance(value, int)
    exact = int.__int__(value)
    if -(1 << 63) <= exact < (1 << 63):
        return exact
    bits = exact.bit_length()
    return str(exact) if bits <= INTEGER_TEXT_BITS else f"<int of {bits} bits>"


def _octets(value: object) -> str:
    assert isinstance(value, bytes | bytearray)
    return text(bytes(memoryview(value)[:TEXT_LIMIT]).decode("utf-8", "backslashreplace"))


def _sequence(value: object) -> Value:
    items = list(itertools.islice(_items(value), ITEM_LIMIT + 1))
    if len(items) <= ITEM_LIMIT:
        kinds = {type(item) for item in items}
        if kinds == {str}:
            return tuple(text(item, TEXT_LIMIT) for item in items)
        if kinds <= {bool} or kinds == {float}:
            return tuple(items)
        if kinds <= {int, float} and all(type(item) is float or abs(item) < (1 << 63) for item in items):
            return tuple(items) if kinds == {int} else tuple(float(item) for item in items)
    return text(_written(value, 1))


def _items(value: object) -> Iterable:  # type: ignore[type-arg]
    for base in (list, tuple, set, frozenset):
        if issubclass(type(value), base):
            return _unchanging(base.__iter__(value))  # type: ignore[attr-defined]
    return ()


def _unchanging(iterator: Iterable[object]) -> Iterable[object]:
    try:
        yield from iterator
    except RuntimeError:
        yield "<changed while it was read>"


def _described(value: object) -> Value | None:
    kind = type(value)
    name = qualified_name(kind)
    if issubclass(kind, enum.Enum):
        member = object.__getattribute__(value, "__dict__").get("_name_", "")
        return f"{kind.__qualname__}.{member}"
    if name in _PRINTABLE:
        return text(str(value))
    if name.partition(".")[0] in _ARRAY_LIBRARIES:
        return _array(value, name)
    if issubclass(kind, type):
        return qualified_name(value)  # type: ignore[arg-type]
    if name in ("function", "builtin_function_or_method"):
        return text(f"{value.__module__}.{value.__qualname__}", 256)  # type: ignore[attr-defined]
    return f"<{name}>"


def _array(value: object, name: str) -> Value | None:
    short = name.rpartition(".")[2]
    try:
        if name.startswith("numpy.") and any(base.__name__ == "generic" for base in type(value).__mro__):
            item = value.item()  # type: ignore[attr-defined]
            return legal(item) if type(item) is not type(value) else f"<{name}>"
        parts = [
            f"{part}={text(str(getattr(value, part)), 128)}"
            for part in ("shape", "dtype", "device")
            if hasattr(type(value), part)
        ]
    except (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return f"<{name}>"
    return f"{short}({', '.join(parts)})" if parts else f"<{name}>"


def _written(value: object, depth: int) -> str:
    kind = type(value)
    if value is None:
        return "None"
    if issubclass(kind, dict):
        pairs = itertools.islice(_unchanging(dict.items(value)), ITEM_LIMIT)  # type: ignore[arg-type]
        inner = (
            f"{_written(pair[0], depth + 1)}: {_written(pair[1], depth + 1)}" if type(pair) is tuple else str(pair)
            for pair in pairs
        )
        return _joined("{", inner, dict.__len__(value), "}", depth)  # type: ignore[arg-type]
    for base, opening, closing in ((list, "[", "]"), (tuple, "(", ")"), (set, "{", "}"), (frozenset, "{", "}")):
        if issubclass(kind, base):
            parts = (_written(item, depth + 1) for item in itertools.islice(_items(value), ITEM_LIMIT))
            return _joined(opening, parts, base.__len__(value), closing, depth)  # type: ignore[attr-defined]
    rendered = legal(value)
    return repr(text(rendered, 1_024)) if type(rendered) is str and issubclass(kind, str) else str(rendered)


def _joined(opening: str, parts: Iterable[str], total: int, closing: str, depth: int) -> str:
    if depth > DEPTH_LIMIT:
        return f"{opening}…{closing}"
    pieces: list[str] = []
    length = 0
    for part in parts:
        pieces.append(part)
        length += len(part) + 2
        if length > TEXT_LIMIT:
            break
    if total > len(pieces):
        pieces.append(f"… {total - len(pieces)} more")
    return opening + ", ".join(pieces) + closing


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
    dict: lambda value: text(_written(value, 1)),
}
