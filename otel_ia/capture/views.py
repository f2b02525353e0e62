"""The view of a type, chosen when its first value comes and kept as long as the type lives."""

import weakref
from collections import UserDict
from typing import Any, Final, NamedTuple

from otel_ia.capture.arrays import InTwo, More, View, view_array, view_numpy, view_torch
from otel_ia.capture.containers import SIZED, view_list, view_sized, view_tuple, view_type, view_user_dict
from otel_ia.capture.frames import (
    view_arrow_column,
    view_arrow_table,
    view_frame,
    view_image,
    view_series,
    view_sparse,
)
from otel_ia.capture.records import field_names, view_record
from otel_ia.guard import guarded
from otel_ia.values import qualified_name
from otel_ia.values.origin import library_of, line_of


class Found(NamedTuple):
    """The view of a type."""

    view: View
    name: str
    is_array: bool = False
    """An array, table, matrix or image: its contents are never recorded."""
    fields: tuple[str, ...] = ()
    keeps_dict: bool = False
    """A `collections.UserDict`."""
    short: View | None = None
    """Without a search for the size of the batch."""
    more: More | None = None
    """Adds what is said only as far as the call's allowance reaches."""
    units: int = 0
    """Of that allowance, for the view itself."""

    @property
    def is_record(self) -> bool:
        """Whether it is a dataclass, Pydantic model or named tuple."""
        return bool(self.fields)


_UNITS: Final = 5
"""Of an allowance, for the view of what another library than NumPy or PyTorch made, or of a record."""
KNOWN: Final = 1_024
"""Types whose views are kept; when one more comes, all begin anew."""
views: Final[dict[int, View]] = {}
"""Those that take next to nothing, by the type's id: a look-up by the type would run its metaclass's `__hash__`."""
_found: Final[dict[int, Found]] = {}
_alive: Final[dict[int, Any]] = {}

_BY_NAME: Final[dict[tuple[str, str], Any]] = {
    ("numpy", "ndarray"): view_numpy,
    ("torch", "Tensor"): view_torch,
    ("pandas", "DataFrame"): view_frame,
    ("pandas", "Series"): view_series,
    ("pandas", "Index"): view_series,
    ("polars", "DataFrame"): view_frame,
    ("polars", "Series"): view_series,
    ("pyarrow", "Table"): view_arrow_table,
    ("pyarrow", "RecordBatch"): view_arrow_table,
    ("pyarrow", "Array"): view_arrow_column,
    ("pyarrow", "ChunkedArray"): view_arrow_column,
    ("scipy", "_spbase"): view_sparse,
    ("scipy", "spmatrix"): view_sparse,
    ("PIL", "Image"): view_image,
}
_ARRAY_LIBRARIES: Final = frozenset(["cupy", "dask", "jax", "jaxlib", "mlx", "tensorflow", "xarray"])
"""What has shape and dtype there is an array."""


def view_of(kind: type) -> Found:
    """The view of this type."""
    return _found.get(id(kind)) or _choose(kind)


def _choose(kind: type) -> Found:
    found = _made(kind) or Found(view_type(qualified_name(kind)), qualified_name(kind))
    number = id(kind)
    if len(_found) >= KNOWN:
        views.clear()
        _found.clear()
        _alive.clear()

    def forget(_: Any) -> None:  # before another type can have the same id
        views.pop(number, None)
        _found.pop(number, None)
        _alive.pop(number, None)

    _alive[number] = weakref.ref(kind, forget)
    _found[number] = found
    if not found.units:
        views[number] = found.view
    return found


@guarded(ours=False)  # a library's class may have members that refuse
def _made(kind: type) -> Found | None:
    name = qualified_name(kind)
    for above in line_of(kind):
        library = library_of(above)
        make: Any = None
        if library is not None:
            make = _BY_NAME.get((library, above.__name__)) or (view_array if library in _ARRAY_LIBRARIES else None)
        made = make(kind, above, name) if make is not None else None
        if made is not None:
            return _found_array(made, make, name)
    for base in SIZED:
        if issubclass(kind, base):
            return _container(kind, base, name)
    fields = field_names(kind)
    if fields:
        return _record(name, fields)
    is_user_dict = any(above is UserDict for above in line_of(kind))
    return Found(view_user_dict(name, view_of), name, keeps_dict=True) if is_user_dict else None


def _found_array(made: Any, make: Any, name: str) -> Found:
    if make is view_numpy:
        return Found(made, name, is_array=True)
    view, more = made if type(made) is InTwo else (made, None)
    units = 0 if make is view_torch else _UNITS
    return Found(_settled(view), name, is_array=True, more=more and _settled(more), units=units)


def _record(name: str, fields: tuple[str, ...]) -> Found:
    view, more = view_record(name, fields, view_of)
    return Found(_settled(view), name, fields=fields, more=_settled(more), units=_UNITS)


def _container(kind: type, base: Any, name: str) -> Found:
    if base is list:
        return Found(view_list(name, view_of), name, short=view_sized(base, name))
    if base is tuple and (fields := field_names(kind)):
        return _record(name, fields)
    if base in (tuple, dict):
        return Found(view_tuple(base, name, view_of), name, short=view_sized(base, name))
    view = view_sized(base, name)
    # a range may be longer than a length can be, a view of memory released
    return Found(_settled(view) if base in (range, memoryview) else view, name)


_settled: Final = guarded(ours=False)  # what a library says of its own arrays may fail: one that was freed, or traced
