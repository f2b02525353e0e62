"""Views of arrays and tensors: shape, dtype, device and bytes, as their library keeps them, and never their contents.

Nothing of this waits for a device: all of it is known where the array was made.
"""

import math
import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from otel_ia.capture.parts import Parts
from otel_ia.guard import guarded
from otel_ia.values import Allowance, text
from otel_ia.values.dtypes import short_dtype_text
from otel_ia.values.origin import overridden

View = Callable[[Any, Parts, dict[str, Any]], int | None]
"""Puts what is to be said of a value into the mapping; gives the size of the batch that the value is, if it is one."""

More = Callable[[Any, Parts, dict[str, Any], Allowance], None]
"""Adds what takes longer than a view may, as far as there is enough left for it."""


class InTwo(NamedTuple):
    """A view, and what it has to say where somebody keeps it."""

    view: View
    more: More


KNOWN: Final = 1_024
"""Shapes and dtypes whose text is kept."""
_TEXT_LIMIT: Final = 64
_DIMENSIONS: Final = 32
_READ: Final = frozenset(
    [
        "shape",
        "dtype",
        "device",
        "nbytes",
        "size",
        "itemsize",
        "element_size",
        "numel",
        "layout",
        "__getattribute__",
        "__getattr__",
        "__torch_function__",
        "__torch_dispatch__",
    ]
)
_shapes: Final[dict[tuple[int, ...], str]] = {}
_dtypes: Final[dict[Any, str]] = {}


def view_numpy(kind: type, array: Any, name: str) -> View:
    """Of NumPy's arrays and all made from them, by the descriptors of the array itself: no subclass has a say."""
    shape_of, dtype_of, bytes_of = (vars(array)[part].__get__ for part in ("shape", "dtype", "nbytes"))
    if kind is array:  # whose attributes nobody overrides: 80 ns less each

        def view_exact(value: Any, parts: Parts, into: dict[str, Any]) -> int | None:
            shape, dtype = value.shape, value.dtype
            into[parts.type] = name
            into[parts.shape] = _shapes.get(shape) or shape_text(shape)
            # Of many fields the hash and the comparison take milliseconds; to ask for names first takes 20 ns.
            into[parts.dtype] = (dtype.names is None and _dtypes.get(dtype)) or _dtype_text(dtype)
            into[parts.bytes] = value.nbytes
            return shape[0] if shape else None

        return view_exact

    def view(value: Any, parts: Parts, into: dict[str, Any]) -> int | None:
        shape: tuple[int, ...] = shape_of(value)
        into[parts.type] = name
        into[parts.shape] = shape_text(shape)
        into[parts.dtype] = _dtype_text(dtype_of(value))
        into[parts.bytes] = bytes_of(value)
        return shape[0] if shape else None

    return view


def view_torch(kind: type, tensor: Any, name: str) -> View | None:
    """Of PyTorch's tensors; not of those whose class decides itself what an operation does."""
    if overridden(kind, tensor, _READ):
        return None
    dense = getattr(sys.modules.get("torch"), "strided", None)

    def view(value: Any, parts: Parts, into: dict[str, Any]) -> int | None:
        into[parts.type] = name
        shape = tuple(value.shape)  # a nested tensor has none
        dtype = value.dtype
        into[parts.shape] = shape_text(shape)
        into[parts.dtype] = _dtypes.get(dtype) or _dtype_text(dtype)
        into[parts.device] = str(value.device)
        if value.layout is dense:
            into[parts.bytes] = value.element_size() * value.numel()
        return _first_of(shape)

    return view


def view_array(kind: type, base: type, name: str) -> View | None:
    """Of what has shape and dtype in any other library of arrays; the first of its classes is `base`."""
    if overridden(kind, base, _READ) or not (hasattr(base, "shape") and hasattr(base, "dtype")):
        return None

    def view(value: Any, parts: Parts, into: dict[str, Any]) -> int | None:
        into[parts.type] = name
        shape: tuple[Any, ...] | None = _plain_shape(value)
        if shape is not None:
            into[parts.shape] = shape_text(shape)
        dtype = value.dtype
        size = getattr(dtype, "itemsize", None) or getattr(dtype, "size", None)
        into[parts.dtype] = short_dtype_text(dtype)  # it need not be hashable, nor soon hashed
        device = _device(value)
        if device:
            into[parts.device] = device
        if hasattr(base, "nbytes"):
            size = value.nbytes
        else:  # of sparse arrays, texts and handles it is not known
            size = _dense_size(shape, size) if size and not hasattr(base, "indices") else None
        if type(size) is int:
            into[parts.bytes] = size
        return _first_of(shape)

    return view


def _first_of(shape: tuple[Any, ...] | None) -> int | None:
    """The first dimension, where it is known."""
    return shape[0] if shape and type(shape[0]) is int else None


def _plain_shape(value: Any) -> tuple[Any, ...] | None:
    """The shape with `None` for what is not known; of one with an unknown number of dimensions nothing."""
    shape = value.shape
    rank = getattr(shape, "rank", 0)
    return None if rank is None else tuple(shape)[: _DIMENSIONS + 1]


def _dense_size(shape: tuple[Any, ...] | None, item_size: object) -> int | None:
    if shape is None or type(item_size) is not int or not all(type(size) is int for size in shape):
        return None
    total: int = math.prod(shape) * item_size
    return total


@guarded(ours=False)  # while JAX traces a function there is no device
def _device(value: Any) -> str:
    device = getattr(value, "device", None)
    if device is None or callable(device):
        return ""
    told = str(device)
    return text(told.rpartition("/device:")[2], _TEXT_LIMIT)  # of TensorFlow's paths the end


def shape_text(shape: tuple[Any, ...]) -> str:
    """The shape in Python's notation: `(32, 784)`."""
    found = _shapes.get(shape)
    if found is None:
        shown = str(shape) if len(shape) <= _DIMENSIONS else f"({len(shape)} dimensions)"
        found = _kept(_shapes, shape, text(shown, 2 * _TEXT_LIMIT))
    return found


def _dtype_text(dtype: Any) -> str:
    """The name, and kept where it is soon found again."""
    if getattr(dtype, "names", None) is not None:
        return short_dtype_text(dtype)
    return _dtypes.get(dtype) or _kept(_dtypes, dtype, short_dtype_text(dtype))


def _kept(known: dict[Any, str], key: Any, shown: str) -> str:
    if len(known) >= KNOWN:
        known.clear()
    known[key] = shown
    return shown
