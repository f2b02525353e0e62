"""What `record` is given, as numbers: never by waiting for another device."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from otel_ia import semconv, values
from otel_ia.guard import guarded
from otel_ia.once import Once

_logger: Final = logging.getLogger("otel_ia")
_told: Final = Once()
_NAME_LIMIT: Final = 128


def figures_of(given: Mapping[str, object]) -> tuple[dict[str, values.Value], int]:
    """What was given under the names of attributes, and how many of it were left on another device.

    Numbers, NumPy's and single values of CPU tensors come as numbers. Of other arrays and tensors, which to read would
    make the program wait for a device, the shape comes; which is told once for each name.
    """
    figures: dict[str, values.Value] = {}
    unread = 0
    for name, value in given.items():
        kind = type(value)
        figure = value if kind is float or kind is bool else _figure(value)
        if figure is None:
            continue
        figures[attribute_name(name)] = figure  # type: ignore[assignment]
        if type(figure) is str and kind is not str and hasattr(kind, "shape"):
            unread += 1
            _tell_once(name, figure, is_single=_is_single(value))
    return figures, unread


def attribute_name(name: str) -> str:
    """The attribute, and the gauge, under which a figure of this name stands."""
    return _NAMES.get(name) or f"{semconv.TRAINING}{values.text(name, _NAME_LIMIT)}"


_NAMES: Final = {"loss": semconv.TRAINING_LOSS, "learning_rate": semconv.TRAINING_LEARNING_RATE}


@guarded(ours=False)
def _figure(value: Any) -> values.Value | None:
    return values.legal(value.item() if _is_single(value) and _is_at_hand(value) else value)


@guarded(ours=False)  # the shape may be a property of the user's
def _is_single(value: Any) -> bool:
    kind = type(value)
    if not hasattr(kind, "shape") or not hasattr(kind, "item"):
        return False
    return all(size == 1 for size in value.shape)


def _is_at_hand(value: Any) -> bool:
    """Whether it lies in the memory of this process, and nothing is still being computed."""
    families = {base.__module__.partition(".")[0] for base in type(value).__mro__}
    return "numpy" in families or ("torch" in families and value.device.type == "cpu")


def _tell_once(name: str, rendered: str, *, is_single: bool | None) -> None:
    if _told.is_new(name):
        reason = (
            f"that would wait for its device: give a number, such as {name}.item() every so many steps"
            if is_single
            else "it is no single number: give one, such as its mean"
        )
        _logger.warning("%s was recorded as %s and not read, for %s; said once", name, rendered, reason)
