"""`epochs` and `steps`: the loops of a training run."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar, overload

from otel_ia.errors import SettingError
from otel_ia.guard import guarded
from otel_ia.once import warn_once
from otel_ia.recording.current import get_current
from otel_ia.recording.places import place_of_block
from otel_ia.training.epoch_loop import Epochs
from otel_ia.training.progress import progress_in
from otel_ia.training.runs import fixed_attributes
from otel_ia.training.sites import name_of
from otel_ia.training.step_loop import Steps

T = TypeVar("T")
EPOCH_NAME: Final = "epoch"
STEP_NAME: Final = "step"
_frame_above: Final = sys._getframe  # noqa: SLF001 - the caller's place


@overload
def epochs(
    of: int, /, *, model: str | None = None, name: str = EPOCH_NAME, attributes: Mapping[str, object] | None = None
) -> "Epochs[int]": ...
@overload
def epochs(
    of: Iterable[T],
    /,
    *,
    model: str | None = None,
    name: str = EPOCH_NAME,
    attributes: Mapping[str, object] | None = None,
) -> "Epochs[T]": ...
def epochs(
    of: Any, /, *, model: str | None = None, name: str = EPOCH_NAME, attributes: Mapping[str, object] | None = None
) -> "Epochs[Any]":
    """The epochs of a training run: `for epoch in epochs(3, model="digits")`, a span for each.

    It gives what `range(3)` would, or what it was given: `epochs(range(first, 10))`. It is the run itself, unless it
    stands in a `with run(…)`, so a loop in a loop over folds is a run for each fold.

    Args:
        of: how many, or what to go through.
        model: `ia.model.name` of all spans and metrics inside.
        name: of the spans.
        attributes: further ones of all spans inside.

    Raises:
        SettingError: `of` is neither a number nor iterable, or is text, `name` or `model` is no text, or `attributes`
            no mapping.
    """
    source = "training.epochs"
    if _is_number(of):
        of = range(of)
    elif not isinstance(of, Iterable) or isinstance(of, str | bytes | bytearray):
        expected = "a number of epochs, 0 or more, or an iterable that is no text"
        raise SettingError(source=source, key="of", value=of, expected=expected)
    return Epochs(
        of, place_of_block(_frame_above(1)), name_of(name, source), fixed_attributes(model, attributes, source)
    )


def steps(
    batches: Iterable[T],
    /,
    *,
    every: int = 100,
    name: str = STEP_NAME,
    attributes: Mapping[str, object] | None = None,
) -> "Steps[T]":
    """The steps of an epoch: `for batch in steps(loader)`, each counted in metrics, and a span for some.

    It gives the batches of the loader as they are. Counted are how long each step took with its data and without, how
    long its batch was waited for, and how many samples it had, where arrays or tensors say so.

    Args:
        batches: the loader, or any iterable.
        every: a span for the first step and each so-manieth from there; 1 for all, 0 for none.
        name: of the spans, and `ia.operation` of the metrics.
        attributes: further ones of the steps.

    Raises:
        SettingError: `batches` is not iterable, `every` no number, `name` no text, or `attributes` no mapping.
    """
    source = "training.steps"
    if not any(hasattr(type(batches), method) for method in ("__iter__", "__getitem__")):
        raise SettingError(source=source, key="batches", value=batches, expected="iterable")
    if not _is_number(every):
        raise SettingError(source=source, key="every", value=every, expected="a number of steps, 0 or more")
    fixed = fixed_attributes(None, attributes, source)
    return Steps(batches, place_of_block(_frame_above(1)), name_of(name, source), fixed, every)


def _is_number(given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and given >= 0


def record(**figures: object) -> None:
    """Puts figures on the innermost step, epoch or run that is recorded around here, and in gauges.

    `record(loss=0.31, learning_rate=1e-3, accuracy=0.9)`: attributes `ia.training.loss` and so on of the span, in the
    end also of the epoch and the run around it, and gauges of the same names. Numbers, those of NumPy and of CPU
    tensors. To read another device's tensor would wait for all that it still computes: it is described, not read, and
    said so once. Outside of a run it does nothing but say so once.
    """
    _record_innermost(figures)


@guarded
def _record_innermost(figures: Mapping[str, object]) -> None:
    progress = progress_in(get_current())
    if progress is not None:
        progress.record_innermost(figures)
    else:
        warn_once("training.record(…)", "was called where no run is current: nothing is recorded")
