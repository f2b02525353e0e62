"""The names of the dtypes of arrays and columns: in no time, and without the values that some of them hold.

An enumeration of polars has all its categories in its text, a sparse dtype of pandas its fill value, and a struct its
fields, of which there may be many thousands.
"""

import functools
import os
import re
import sys
from collections.abc import Callable
from typing import Any, Final

from otel_ia.guard import guarded
from otel_ia.values.origin import ARRAY_LIBRARIES, library_of, line_of, qualified_name
from otel_ia.values.texts import text

_LIMIT: Final = 64
_DEPTH: Final = 4
"""Lists of lists that are told."""
_OF_COLUMNS: Final = frozenset(["pandas", "polars", "pyarrow"])
"""Libraries whose dtypes may hold values in their names."""
_INNER: Final = {
    ("polars", "List"): ("List({})", "inner"),
    ("polars", "Array"): ("Array({})", "inner"),
    ("pyarrow", "ListType"): ("list<{}>", "value_type"),
    ("pyarrow", "LargeListType"): ("large_list<{}>", "value_type"),
    ("pyarrow", "FixedSizeListType"): ("fixed_size_list<{}>", "value_type"),
    ("pyarrow", "ListViewType"): ("list_view<{}>", "value_type"),
    ("pyarrow", "LargeListViewType"): ("large_list_view<{}>", "value_type"),
    ("pyarrow", "DictionaryType"): ("dictionary<{}>", "value_type"),
    ("pyarrow", "RunEndEncodedType"): ("run_end_encoded<{}>", "value_type"),
    ("pandas", "ArrowDtype"): ("{}[pyarrow]", "pyarrow_dtype"),
    ("pandas", "SparseDtype"): ("Sparse[{}]", "subtype"),
}
"""How a dtype is told by the one inside it, and where that is."""
_BARE: Final = {
    ("polars", "Boolean"): "bool",
    ("polars", "Enum"): "Enum",
    ("polars", "Struct"): "Struct",
    ("pyarrow", "StructType"): "struct",
    ("pyarrow", "MapType"): "map",
    ("pyarrow", "DenseUnionType"): "dense_union",
    ("pyarrow", "SparseUnionType"): "sparse_union",
}
"""Of which nothing else is told."""
_REFUSAL: Final = re.compile("invalid series dtype: expected `Boolean`, got `([^`]*)`")
"""How polars refuses a mask; after this it may quote the series' name, which is the user's."""


def dtype_text(dtype: Any) -> str:
    """What a dtype is called by its library; it need not be hashable."""
    return text(_name(dtype, _DEPTH), _LIMIT)


def short_dtype_text(dtype: Any) -> str:
    """The same whatever the library: `float32`, `torch.float32` and `<dtype: 'float32'>` are all `float32`."""
    kind = type(dtype)
    shown = getattr(dtype, "name", None) if _is_numpy(kind) or library_of(kind) not in _OF_COLUMNS else None
    return text(shown, _LIMIT) if type(shown) is str else dtype_text(dtype).removeprefix("torch.")


def name_dtype(value: Any) -> str:
    """What the dtype of an array or a series is called by its library."""
    return namer_of(type(value))(value)


def namer_of(kind: Any) -> Callable[[Any], str]:
    """The function that names the dtypes of arrays or series of this class, in a few µs whatever they are."""
    is_built_when_asked = kind.__name__ == "Series" and library_of(kind) == "polars"
    return (_namer_of_polars(kind) if is_built_when_asked else None) or _named_by_dtype


def _named_by_dtype(value: Any) -> str:
    return dtype_text(value.dtype)


@functools.cache
@guarded(ours=False)  # what polars does with a mask that is none is up to polars
def _namer_of_polars(base: Any) -> Callable[[Any], str] | None:
    """By the refusal of a series as a mask, in which its dtype has the short name that polars' tables give it.

    Asked for the dtype itself, polars builds it with all categories and fields, which takes 230 ms where there are
    20,000 of them; this takes 1.5 µs.
    """
    refused = sys.modules["polars"].exceptions.PolarsError
    if "POLARS_PANIC_ON_ERR" in os.environ:  # a refusal would then be no exception that anybody can handle
        return None
    pair = base([None, None])

    def name(series: Any) -> str:
        try:
            pair.zip_with(series, pair)
        except refused as refusal:
            if found := _REFUSAL.match(str(refusal)):
                return text(found[1], _LIMIT)
        return _named_by_dtype(series)  # only a mask comes here, whose dtype is small

    return name if name(pair) == "null" else None


def _name(dtype: Any, depth: int) -> str:
    """Its own text, where its library is known to keep it short; else the name of its class."""
    kind = type(dtype)
    if _is_numpy(kind):
        return str(dtype) if dtype.names is None else str(dtype.name)
    library, name = library_of(kind), qualified_name(kind)
    known = library or "", name.rpartition(".")[2]
    bare = _BARE.get(known)
    if bare is not None:
        return bare
    inner = _INNER.get(known)
    if inner is not None:
        shown, where = inner
        return shown.format(_name(getattr(dtype, where), depth - 1) if depth else "…")
    return str(dtype) if library in ARRAY_LIBRARIES or kind is str else name


def _is_numpy(kind: type) -> bool:
    """Also those that other libraries add to NumPy's, as JAX adds `bfloat16`."""
    dtype = getattr(sys.modules.get("numpy"), "dtype", None)
    return any(base is dtype for base in line_of(kind))
