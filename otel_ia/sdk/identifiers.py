"""Trace and span ids from a generator of our own.

OpenTelemetry draws them from the module `random`, which `random.seed(42)`, common in training code, makes repeat from
run to run: the spans of all runs would have the same ids.
"""

import os
from collections.abc import Callable
from random import Random
from struct import Struct
from typing import Final

from opentelemetry.sdk.trace.id_generator import IdGenerator

_random: Final = Random()  # noqa: S311 - ids, no secrets
draw_bits: Final[Callable[[int], int]] = _random.getrandbits
"""That many random bits; drawn anew from the operating system's randomness in a forked child."""


class Stock:
    """Ids as they are written, drawn many at a time, which halves their price.

    `take` gives one, or raises IndexError; then `refill` does.
    """

    __slots__ = ("_forks", "_ids", "_size", "_unpack", "take")

    def __init__(self, size: int) -> None:
        self._size = size
        self._ids: list[bytes] = []
        self._unpack = Struct(f"{size}s" * _AT_ONCE).unpack
        self._forks = 0
        self.take: Callable[[], bytes] = self._ids.pop

    def refill(self) -> bytes:
        """One id, and a new stock of others."""
        while True:
            forks, count = self._forks, self._size * _AT_ONCE
            drawn: list[bytes] = list(self._unpack(draw_bits(8 * count).to_bytes(count, "little")))
            last = drawn.pop()
            if forks == self._forks:  # no call from here to the next line, so no fork in a signal handler in between
                self._ids.extend(drawn)
                return last

    def begin_in_child(self) -> None:
        """In a forked child: what is left is the parent's."""
        self._forks += 1
        self._ids.clear()


_AT_ONCE: Final = 64
TRACE_IDS: Final = Stock(16)
SPAN_IDS: Final = Stock(8)


class OwnIds(IdGenerator):
    """Random ids, never zero, that no seed of the user's makes repeat."""

    def generate_trace_id(self) -> int:
        return draw_bits(128) or 1

    def generate_span_id(self) -> int:
        return draw_bits(64) or 1

    def is_trace_id_random(self) -> bool:
        return True


OWN_IDS: Final = OwnIds()

if hasattr(os, "register_at_fork"):
    for begin_in_child in (_random.seed, TRACE_IDS.begin_in_child, SPAN_IDS.begin_in_child):
        os.register_at_fork(after_in_child=begin_in_child)
