"""Whether the bytes of Arrow's tables and columns are soon added up: Arrow looks at each piece of each chunk."""

import functools
import sys
from typing import Any, Final

from otel_ia.values import Allowance

PIECES: Final = 64
"""Pieces up to which bytes are added up, at 2 µs each at most."""
_UNITS: Final = 3
"""Of an allowance, for a piece."""
_LONG: Final = ("DENSE_UNION", "SPARSE_UNION", "STRING_VIEW", "BINARY_VIEW")
"""Of what these hold Arrow may look at every item or buffer."""
_INSIDE: Final = ("storage_type", "value_type", "key_type", "item_type")
"""Where a type that has no fields keeps others."""


def is_soon_added(columns: list[tuple[Any, int]], allowance: Allowance) -> bool:
    """Whether columns of these types and numbers of chunks are few and small enough, all together."""
    most = left = min(PIECES, allowance.left // _UNITS)
    for kind, chunks in columns:
        left -= chunks * _count_pieces(kind, PIECES)
        if left < 0:
            break
    allowance.left -= (most - max(left, 0)) * _UNITS
    return left >= 0


def _count_pieces(kind: Any, most: int) -> int:
    """The type itself and all inside it, at most one more than these."""
    long = _long_types()
    count, waiting = 0, [kind]
    while waiting:
        inner = waiting.pop()
        count += 1
        if inner.id in long:
            return most + 1
        if type(inner).__name__ == "DataType":  # numbers and texts, with nothing inside: 3 µs less
            continue
        fields = inner.num_fields
        if count + len(waiting) + fields > most:
            return most + 1
        if fields and hasattr(inner, "field"):
            waiting += [inner.field(number).type for number in range(fields)]
        else:
            waiting += [getattr(inner, name) for name in _INSIDE if hasattr(inner, name)]
    return count


@functools.cache
def _long_types() -> frozenset[int]:
    arrow = vars(sys.modules["pyarrow.lib"])
    return frozenset(arrow[f"Type_{name}"] for name in _LONG if f"Type_{name}" in arrow)
