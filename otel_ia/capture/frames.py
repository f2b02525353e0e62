"""Views of tables: data frames, series and columns of pandas, polars and Arrow, and sparse matrices of SciPy."""

import itertools
from collections.abc import Callable, Iterable
from typing import Any, Final

from otel_ia.capture.arrays import InTwo, View, shape_text
from otel_ia.capture.arrow_sizes import PIECES, is_soon_added
from otel_ia.capture.parts import Parts
from otel_ia.values import Allowance, text
from otel_ia.values.dtypes import dtype_text, namer_of
from otel_ia.values.origin import library_of, overridden

COLUMNS: Final = 16
"""Columns of a table that are named."""
_WIDE: Final = 256
"""Columns from which those are asked for one by one, for to have the names of all would take too long."""
_NAME_LIMIT: Final = 48
_READ: Final = frozenset(
    [
        "shape",
        "columns",
        "num_columns",
        "dtype",
        "nbytes",
        "data",
        "index",
        "_mgr",
        "schema",
        "column",
        "to_series",
        "num_chunks",
        "type",
        "size",
        "__getattribute__",
        "__len__",
        "_s",
    ]
)


def _view_frame(name: str, columns_of: Callable[[Any, int], Iterable[object]], per_unit: float) -> InTwo:
    """Without the bytes; the names of so many columns take a unit of an allowance."""

    def view(value: Any, parts: Parts, into: dict[str, Any]) -> int | None:
        shape = value.shape
        into[parts.type] = name
        into[parts.shape] = shape_text(shape)
        return int(shape[0])

    def more(value: Any, parts: Parts, into: dict[str, Any], allowance: Allowance) -> None:
        width = value.shape[1]
        if allowance.take(2 + int(min(width, COLUMNS) / per_unit)):
            into[parts.columns] = _named(columns_of(value, width), width)

    return InTwo(view, more)


def view_frame(kind: type, base: type, name: str) -> InTwo | None:
    """Of pandas' and polars' data frames. Their bytes would have to be added up column by column."""
    if overridden(kind, base, _READ):
        return None
    is_polars = library_of(base) == "polars"
    return _view_frame(name, _columns_of_polars, 2) if is_polars else _view_frame(name, _columns_of_pandas, 0.5)


def _columns_of_pandas(value: Any, width: int) -> Iterable[object]:
    columns: Any = value.columns
    if hasattr(type(columns), "levels"):  # names of several parts, of which tuples would be made for 30 ms
        return itertools.repeat((), width)
    if getattr(getattr(columns.dtype, "pyarrow_dtype", None), "num_fields", 0):  # the same of Arrow's structs
        return itertools.repeat({}, width)
    names: Iterable[object] = columns if width <= COLUMNS else columns[:COLUMNS]
    return names  # not all of a wide one: an index may make all its items before it gives one


def _columns_of_polars(value: Any, width: int) -> Iterable[object]:
    return value.columns if width < _WIDE else (value.to_series(number).name for number in range(width))


def _columns_of_arrow(value: Any, width: int) -> Iterable[object]:
    schema = value.schema
    return schema.names if width < _WIDE else (schema.field(number).name for number in range(width))


def _view_column(name: str, name_dtype: Callable[[Any], str]) -> View:
    def view(value: Any, parts: Parts, into: dict[str, Any]) -> int | None:
        size = len(value)
        into[parts.type] = name
        into[parts.shape] = shape_text((size,))
        into[parts.dtype] = name_dtype(value)
        return size

    return view


def view_series(kind: type, base: type, name: str) -> View | None:
    """Of a series or an index."""
    return None if overridden(kind, base, _READ) else _view_column(name, namer_of(base))


def view_arrow_table(kind: type, base: type, name: str) -> InTwo | None:
    """Of Arrow's tables and record batches."""
    if overridden(kind, base, _READ):
        return None
    view, name_columns = _view_frame(name, _columns_of_arrow, 2)

    def more(value: Any, parts: Parts, into: dict[str, Any], allowance: Allowance) -> None:
        name_columns(value, parts, into, allowance)
        count = value.num_columns
        if count > PIECES or count > allowance.left:
            return
        if is_soon_added([_type_of_column(value.column(number)) for number in range(count)], allowance):
            into[parts.bytes] = value.nbytes

    return InTwo(view, more)


def view_arrow_column(kind: type, base: type, name: str) -> InTwo | None:
    """Of Arrow's arrays, in one piece or in chunks."""
    if overridden(kind, base, _READ):
        return None

    def more(value: Any, parts: Parts, into: dict[str, Any], allowance: Allowance) -> None:
        if is_soon_added([_type_of_column(value)], allowance):
            into[parts.bytes] = value.nbytes

    return InTwo(_view_column(name, lambda value: dtype_text(value.type)), more)


def _type_of_column(column: Any) -> tuple[Any, int]:
    return column.type, getattr(column, "num_chunks", 1)


def view_sparse(kind: type, base: type, name: str) -> View | None:
    """Of SciPy's sparse matrices; their length is how many entries they keep, where that is known at once."""
    if overridden(kind, base, _READ):
        return None

    def view(value: Any, parts: Parts, into: dict[str, Any]) -> int | None:
        shape = tuple(value.shape)
        into[parts.type] = name
        into[parts.shape] = shape_text(shape)
        into[parts.dtype] = dtype_text(value.dtype)
        data = getattr(value, "data", None)
        if type(getattr(data, "nbytes", None)) is int:
            into[parts.bytes] = data.nbytes  # type: ignore[union-attr]
        return int(shape[0])

    return view


def view_image(kind: type, base: type, name: str) -> View | None:
    """Of Pillow's images, as an array of them would be: height, width, bands; the mode in the place of a dtype."""
    if overridden(kind, base, frozenset(["size", "mode", "width", "height", "getbands", "__getattribute__"])):
        return None

    def view(value: Any, parts: Parts, into: dict[str, Any]) -> int | None:
        width, height = value.size
        bands = len(value.getbands())
        into[parts.type] = name
        into[parts.shape] = shape_text((height, width) if bands == 1 else (height, width, bands))
        into[parts.dtype] = text(value.mode, _NAME_LIMIT)
        return None

    return view


def _named(columns: Iterable[object], count: int) -> str:
    """The first columns' names; those that are neither text nor numbers might be anything and go by their type."""
    names = [_column(name) for name in itertools.islice(columns, COLUMNS)]
    more = f", … {count - len(names)} more" if count > len(names) else ""
    return ", ".join(names) + more


def _column(name: object) -> str:
    if type(name) is str:
        return text(name, _NAME_LIMIT)
    return str(name) if type(name) is int and -(1 << 63) < name < 1 << 63 else f"<{type(name).__name__}>"
