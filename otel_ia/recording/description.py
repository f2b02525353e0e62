"""What is fixed at a call site."""

from collections.abc import Mapping
from typing import NamedTuple

from otel_ia.recording.places import Place
from otel_ia.values import Value


class Description(NamedTuple):
    """What the user said at a call site, with the place it stands at."""

    name: str
    place: Place
    attributes: Mapping[str, Value]
    log: int | None
    slow_after: float | None
    counts: bool = True
    """Whether its calls are counted by metrics."""
    sample: float | None = None
    """Which share of its calls is recorded where they begin a trace; `None`: as the sampler says."""
