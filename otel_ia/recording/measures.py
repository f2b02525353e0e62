"""What is measured of calls, streams and batches: the instruments, and what the settings say of them."""

from dataclasses import dataclass
from typing import Final

from otel_ia import semconv


@dataclass(frozen=True, slots=True)
class Measure:
    """A histogram. Its bounds are inclusive upper ones, in its unit; it is counted in whole parts of a unit."""

    name: str
    unit: str
    description: str
    bounds: tuple[float, ...]
    parts: int


NANOSECONDS: Final = 1_000_000_000
DURATION_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds that fit inference: from a cached lookup to the last token of a long answer."""
_COUNTS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0, 16384.0)

METRIC_ATTRIBUTES: Final = (semconv.MODEL_NAME, semconv.MODEL_VERSION, semconv.STAGE)
"""Attributes of a call site that its metrics have too."""
CARDINALITY_LIMIT: Final = 2_000
"""Series of a metric (https://opentelemetry.io/docs/specs/otel/metrics/sdk/#cardinality-limits)."""

CALL_DURATION: Final = Measure(semconv.CALL_DURATION, "s", "How long calls took.", DURATION_BOUNDS, NANOSECONDS)
CALL_ACTIVE: Final = Measure(semconv.CALL_ACTIVE, "{call}", "Calls that have begun and not ended.", (), 1)
FIRST_ITEM: Final = Measure(
    semconv.STREAM_TIME_TO_FIRST_ITEM,
    "s",
    "From a generator's first step to its first item.",
    DURATION_BOUNDS,
    NANOSECONDS,
)
STREAM_ITEMS: Final = Measure(semconv.STREAM_ITEMS, "{item}", "How many items a generator yielded.", _COUNTS, 1)
STREAM_RATE: Final = Measure(semconv.STREAM_RATE, "{item}/s", "Items a second of a generator.", _COUNTS, 1_000)
BATCH_SIZE: Final = Measure(semconv.BATCH_SIZE, "{item}", "How many items calls were given at once.", _COUNTS, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """How calls are counted: whether at all, with which bounds (s), and with which attributes of their call site."""

    is_on: bool = True
    bounds: tuple[float, ...] = DURATION_BOUNDS
    attributes: tuple[str, ...] = METRIC_ATTRIBUTES
    limit: int = CARDINALITY_LIMIT
