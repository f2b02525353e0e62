"""Trace and span ids from a generator of our own.

OpenTelemetry draws them from the module `random`, which `random.seed(42)`, common in training code, makes repeat from
run to run: the spans of all runs would have the same ids.
"""

import struct
from collections.abc import Callable
from random import Random
from typing import Final

from opentelemetry.sdk.trace.id_generator import IdGenerator

from otel_ia.forks import at_forks

_random: Final = Random()  # noqa: S311 - ids, no secrets
draw_bits: Final[Callable[[int], int]] = _random.getrandbits
"""That many random bits; drawn anew from the operating system's randomness in a forked child."""

_AT_ONCE: Final = 128
_span_ids: Final[list[bytes]] = []
_trace_ids: Final[list[bytes]] = []
take_span_id: Final[Callable[[], bytes]] = _span_ids.pop
"""Eight random bytes; IndexError when none are left, and `more_span_ids` has the next.

To draw them one by one takes 100 ns more.
"""
take_trace_id: Final[Callable[[], bytes]] = _trace_ids.pop
"""The same of 16 bytes."""


def _more(ids: list[bytes], size: int) -> Callable[[], bytes]:
    split: Callable[[bytes], tuple[bytes, ...]] = struct.Struct(f"{size}s" * _AT_ONCE).unpack

    def more() -> bytes:
        first, *others = split(_random.randbytes(size * _AT_ONCE))
        ids.extend(others)
        return first

    return more


more_span_ids: Final = _more(_span_ids, 8)
more_trace_ids: Final = _more(_trace_ids, 16)


class OwnIds(IdGenerator):
    """Random ids, never zero, that no seed of the user's makes repeat."""

    def generate_trace_id(self) -> int:
        return draw_bits(128) or 1

    def generate_span_id(self) -> int:
        return draw_bits(64) or 1

    def is_trace_id_random(self) -> bool:
        return True


OWN_IDS: Final = OwnIds()


def _begin_anew() -> None:
    _random.seed()
    _span_ids.clear()
    _trace_ids.clear()


at_forks(after_in_child=_begin_anew)
