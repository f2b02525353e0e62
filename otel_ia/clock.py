"""The two clocks of a call: when it began, and how long it took.

They are looked up in this module at each reading, so that `otel_ia.testing` can put deterministic ones in their place.
"""

import time
from collections.abc import Callable

wall: Callable[[], int] = time.time_ns
"""Nanoseconds since the Unix epoch; may step back and forth."""

monotonic: Callable[[], int] = time.perf_counter_ns
"""Nanoseconds since some moment; never steps back. An end is a start of `wall` plus elapsed `monotonic`."""
