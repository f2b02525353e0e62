"""`run`: a training run as a block, which sees how it ends."""

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from opentelemetry import trace
from opentelemetry.context import Context

from otel_ia import semconv, values
from otel_ia.errors import SettingError
from otel_ia.guard import guarded
from otel_ia.once import warn_once
from otel_ia.recording.current import get_current
from otel_ia.recording.outcome import note_told_by_block
from otel_ia.recording.places import Place, place_of_block
from otel_ia.training.progress import Progress
from otel_ia.training.ranks import rank_attributes
from otel_ia.training.sites import attributes_of, name_of, site_at

RUN_NAME: Final = "training"
_frame_above: Final = sys._getframe  # noqa: SLF001 - the caller's place


def run(name: str = RUN_NAME, *, model: str | None = None, attributes: Mapping[str, object] | None = None) -> "Run":
    """One training run: `with run(model="digits") as training: …`. The loops inside are its own.

    Without it the outermost loop of `epochs` or `steps` is the run. A loop finds out that an exception has left it, not
    which one: step, epoch and run are errors, and after a `break` `closed_early`. The block sees the exception itself.

    Args:
        name: of the run's span.
        model: `ia.model.name` of all spans and metrics of the run.
        attributes: further ones, made legal as `otel_ia.values` describes.

    Raises:
        SettingError: `name` or `model` is no text, or `attributes` no mapping.
    """
    return Run(name_of(name, "training.run"), fixed_attributes(model, attributes, "training.run"))


def fixed_attributes(
    model: str | None, attributes: Mapping[str, object] | None, source: str
) -> dict[str, values.Value]:
    """What is on all spans of a run, whatever its launcher says. Raises SettingError."""
    if model is not None and not isinstance(model, str):
        raise SettingError(source=source, key="model", value=model, expected="text")
    named = {} if model is None else values.attributes({semconv.MODEL_NAME: model})
    return {**named, **attributes_of(attributes, source)}


def begin_run(place: Place, name: str, fixed: Mapping[str, values.Value], around: Context) -> Progress:
    """A run that is open, and not current yet."""
    fixed = {**rank_attributes(), **fixed}
    progress = Progress(name, site_at(place, name, fixed).calls, around, fixed)
    progress.tell()
    return progress


class Run:
    """What `run(…)` returns: a context manager, which may be entered again when it was left."""

    __slots__ = ("_fixed", "_name", "_open")

    def __init__(self, name: str, fixed: Mapping[str, values.Value]) -> None:
        self._name = name
        self._fixed = fixed
        self._open: list[Progress] = []

    def __enter__(self) -> Self:
        progress = begin_run(place_of_block(_frame_above(1)), self._name, self._fixed, get_current())
        self._open.append(progress)
        progress.level.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        progress = self._open.pop()
        progress.close(error)
        call = progress.level.call
        if error is not None and call is not None and call.is_told:
            note_told_by_block(trace.get_current_span(), error)

    def record(self, **figures: object) -> None:
        """Puts figures on the run's span, and in gauges; see `otel_ia.training.record`."""
        if self._open:
            progress = self._open[-1]
            _record(progress, figures)
        else:
            warn_once("record(…) of a run", "was called outside of its `with`: nothing is recorded")


@guarded
def _record(progress: Progress, figures: Mapping[str, object]) -> None:
    progress.record(figures, progress.name, progress.level)
