"""Views of built-in types: texts and containers by their length, numbers and everything else by their type alone."""

from collections import deque
from typing import Any, Final

from otel_ia.capture.arrays import View
from otel_ia.capture.parts import SCRATCH, Parts
from otel_ia.values.origin import dict_inside, library_of, line_of

SIZED: Final = (str, bytes, bytearray, list, tuple, dict, set, frozenset, deque, range, memoryview)
"""Whose length is said; subclasses are asked by these classes' own `__len__`."""
_NUMBERS: Final = (int, float, complex)


def view_type(name: str) -> View:
    """Of anything: only what it is."""

    def view(_: Any, parts: Parts, into: dict[str, Any]) -> None:
        into[parts.type] = name

    return view


def view_sized(base: Any, name: str) -> View:
    """Of texts and sets: how long they are. A text is one item, however long."""
    length_of = base.__len__

    def view(value: Any, parts: Parts, into: dict[str, Any]) -> None:
        into[parts.type] = name
        into[parts.length] = length_of(value)

    return view


def view_list(name: str, view_of: Any) -> View:
    """Of lists, which are a batch if they begin with anything but a number: texts, records, images.

    One as PyTorch's loaders give it, `[images, labels]`, is as large as its arrays.
    """
    length_of, item_of = list.__len__, list.__getitem__

    def view(value: Any, parts: Parts, into: dict[str, Any]) -> int | None:
        into[parts.type] = name
        length = into[parts.length] = length_of(value)
        try:
            first = item_of(value, 0)
        except IndexError:
            return None
        kind = type(first)
        if _is_number(kind):
            return None
        if length > 1 and kind not in _PLAIN and (found := view_of(kind)).is_array:
            try:
                size = _size_of_both(first, found, item_of(value, 1), view_of)
            except IndexError:  # another thread changes it
                return length
            return length if size is None else size
        return length

    return view


def _size_of_both(first: Any, found: Any, second: Any, view_of: Any) -> int | None:
    """The first dimension that two arrays share which cannot be items of one kind: they have other dtypes or ranks."""
    other = view_of(type(second))
    if not other.is_array:
        return None
    told: tuple[dict[str, Any], dict[str, Any]] = {}, {}
    size = found.view(first, SCRATCH, told[0])
    if size is None or other.view(second, SCRATCH, told[1]) != size:
        return None
    kinds = [(seen.get(SCRATCH.dtype), seen.get(SCRATCH.shape, "").count(", ")) for seen in told]
    return size if kinds[0] != kinds[1] else None


def _is_number(kind: type) -> bool:
    return issubclass(kind, _NUMBERS) or any(base.__name__ == "generic" for base in line_of(kind) if _is_numpy(base))


def _is_numpy(kind: type) -> bool:
    return library_of(kind) == "numpy"


def view_tuple(base: Any, name: str, view_of: Any) -> View:
    """Of tuples and dicts: a batch as large as the array that they begin with, as a loader's `(images, labels)`."""
    length_of = base.__len__

    def view(value: Any, parts: Parts, into: dict[str, Any]) -> int | None:
        into[parts.type] = name
        into[parts.length] = length_of(value)
        try:
            first = next(iter(dict.values(value)) if base is dict else tuple.__iter__(value), None)
        except RuntimeError:  # another thread changes it
            return None
        return first_dimension(first, view_of)

    return view


def view_user_dict(name: str, view_of: Any) -> View:
    """Of `collections.UserDict`, as of the dict that it keeps; of what keeps none, the type."""
    view_dict = view_tuple(dict, name, view_of)

    def view(value: Any, parts: Parts, into: dict[str, Any]) -> int | None:
        kept = dict_inside(value)
        if kept is not None:
            return view_dict(kept, parts, into)
        into[parts.type] = name
        return None

    return view


def first_dimension(value: Any, view_of: Any) -> int | None:
    """The size of the batch that an array or table is; of anything else there is none."""
    if type(value) in _PLAIN:
        return None
    found = view_of(type(value))
    size: int | None = found.view(value, SCRATCH, {}) if found.is_array else None
    return size


_PLAIN: Final = frozenset([str, int, float, bool, type(None), list, tuple, dict])
