"""The gauges of what is recorded: the last value of each, for as long as the process lives."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from otel_ia import semconv
from otel_ia.guard import guarded
from otel_ia.values import Value

KNOWN_GAUGES: Final = 128
"""Names of which there are gauges; further ones are attributes of spans only."""
_LABELS: Final = frozenset(
    {semconv.OPERATION, semconv.MODEL_NAME, semconv.MODEL_VERSION, semconv.STAGE, semconv.TRAINING_RANK}
)
_known: Final[dict[str, Any]] = {}


def set_gauges(figures: Mapping[str, Value], attributes: Mapping[str, Value]) -> None:
    """Sets the gauge of each figure that is a number, with those of the attributes that tell runs apart.

    Of a loss that is NaN or infinite it keeps the last value: OpenTelemetry's gauges take no such number, and warn.
    """
    labels = {name: value for name, value in attributes.items() if name in _LABELS}
    for name, value in figures.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
            _set(name, value, labels)


@guarded(ours=False)  # the name is the user's, and may be none for an instrument
def _set(name: str, value: float, labels: Mapping[str, Value]) -> None:
    gauge = _known.get(name)
    if gauge is None and len(_known) < KNOWN_GAUGES:
        from opentelemetry.metrics import get_meter  # not before something is recorded: 10 ms

        gauge = _known[name] = get_meter("otel_ia", schema_url=semconv.SCHEMA_URL).create_gauge(name)
    if gauge is not None:
        gauge.set(value, labels)
