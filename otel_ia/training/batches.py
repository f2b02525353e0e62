"""How many samples a batch has."""

from collections.abc import Mapping
from typing import Any, Final

from otel_ia.guard import guarded
from otel_ia.values.origin import dict_inside

_DEPTH: Final = 3


@guarded(ours=False)
def sample_count(batch: object) -> int | None:
    """The length of the first axis of the batch's first array or tensor, else the length of a list of samples.

    Looks into tuples, lists and mappings, as loaders give them; `None` for anything else. Contents are never read. A
    list of records, `[(image, label), …]`, and one of vectors, `[[0.5, 1.0], …]`, has a sample in each place.
    """
    return _count(batch, _DEPTH)


def _count(batch: Any, depth: int) -> int | None:
    kind: type = type(batch)
    if kind is tuple or kind is list or issubclass(kind, tuple | list):
        if not depth or not batch:
            return None
        if issubclass(kind, list) and _holds_samples(batch):
            return len(batch)
        inner = _count(batch[0], depth - 1)
        return inner if inner is not None or issubclass(kind, tuple) else len(batch)
    if hasattr(kind, "shape"):
        shape = batch.shape
        size = shape[0] if len(shape) else None
        return int(size) if isinstance(size, int) and size >= 0 else None
    if (kept := dict_inside(batch)) is not None:
        batch = kept
    if depth and isinstance(batch, Mapping) and batch:
        return _count(next(iter(batch.values())), depth - 1)
    return None


def _holds_samples(batch: Any) -> bool:
    first, second = batch[0], batch[1] if len(batch) > 1 else None
    kind: type = type(first)
    if hasattr(kind, "shape"):
        return False
    if issubclass(kind, list):
        return bool(first) and isinstance(first[0], int | float)
    return any(issubclass(kind, record) and isinstance(second, record) for record in (tuple, Mapping))
