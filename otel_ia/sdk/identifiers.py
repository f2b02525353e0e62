"""Trace and span ids from a generator of our own.

OpenTelemetry draws them from the module `random`, which `random.seed(42)`, common in training code, makes repeat from
run to run: the spans of all runs would have the same ids.
"""

import os
from collections.abc import Callable
from random import Random
from typing import Final

from opentelemetry.sdk.trace.id_generator import IdGenerator

_random: Final = Random()  # noqa: S311 - ids, no secrets
draw_bits: Final[Callable[[int], int]] = _random.getrandbits
"""That many random bits; drawn anew from the operating system's randomness in a forked child."""


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
    os.register_at_fork(after_in_child=_random.seed)
