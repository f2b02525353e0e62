"""What numbers an array holds: NaN, infinities, least, mean and greatest, where that takes no time.

Only of arrays in host memory that lie in one piece and are small: 65,536 items, of half floats an eighth. All else is
left out, and nothing is copied from a device.
"""

import sys
from typing import Any, Final

from otel_ia.capture.parts import Parts
from otel_ia.guard import guarded
from otel_ia.values import Allowance

ITEMS: Final = 65_536
"""Most items of an array that are looked at."""
_UNITS: Final = 11
"""Of an allowance, for the calls of NumPy's."""
_HALVES: Final = 96, 160
_OTHERS: Final = 1_500, 350
"""Items for a unit, and those among which NaN and infinities have to be found, of half floats and of all else."""
_HALF: Final = 2
_BASES: Final = 8


@guarded(ours=False)
def add_statistics(value: Any, parts: Parts, into: dict[str, Any], allowance: Allowance) -> None:
    """Adds the statistics of the value, if it is such an array and there is enough left for them."""
    numpy: Any = sys.modules.get("numpy")
    array = _host_array(value, getattr(numpy, "ndarray", None))
    if array is None or not _is_quick(array):
        return
    looked_at, sorted_out = _HALVES if array.dtype.kind == "f" and array.dtype.itemsize == _HALF else _OTHERS
    if not allowance.take(_UNITS + array.size // looked_at):
        return
    with numpy.errstate(all="ignore"):
        least, greatest = array.min(), array.max()
        if array.dtype.kind == "f":
            # either is NaN if any item is
            is_finite = bool(numpy.isfinite(least)) and bool(numpy.isfinite(greatest))
            if not is_finite and not allowance.take(array.size // sorted_out):
                return
            missing = 0 if is_finite else int(numpy.count_nonzero(numpy.isnan(array)))
            finite = array if is_finite else array[numpy.isfinite(array)]
            into[parts.nan] = missing
            into[parts.inf] = array.size - missing - finite.size
            if not finite.size:
                return
            least, greatest, array = finite.min(), finite.max(), finite
        into[parts.min] = least.item()
        # the sum of large single floats is none of those
        into[parts.mean] = float(array.mean(dtype=numpy.float64))
        into[parts.max] = greatest.item()


def _host_array(value: Any, ndarray: Any) -> Any:
    """The value as an array of NumPy's that shares its memory; `None` where it is elsewhere, or in a file."""
    if ndarray is None:
        return None
    if type(value) is ndarray:
        base = value.base
        for _ in range(_BASES):
            if type(base) is not ndarray:
                return value if base is None or type(base) is bytes or type(base) is bytearray else None
            base = base.base
        return None
    tensor = getattr(sys.modules.get("torch"), "Tensor", None)
    if tensor is not None and type(value) is tensor and value.device.type == "cpu" and not value.requires_grad:
        return value.numpy() if value.numel() <= ITEMS and value.is_contiguous() else None
    series = getattr(sys.modules.get("pandas"), "Series", None)
    if series is not None and type(value) is series and type(value.dtype).__module__.startswith("numpy"):
        return value.array.to_numpy()
    return None


def _is_quick(array: Any) -> bool:
    dtype, flags = array.dtype, array.flags
    limit = ITEMS // 8 if dtype.kind == "f" and dtype.itemsize == _HALF else ITEMS
    is_plain = dtype.kind in "biuf" and dtype.itemsize <= 8 and dtype.isnative  # noqa: PLR2004 - no long doubles
    return is_plain and 0 < array.size <= limit and (flags.c_contiguous or flags.f_contiguous)
