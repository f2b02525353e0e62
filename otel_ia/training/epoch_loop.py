"""The loop over epochs."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from opentelemetry.context import Context

from otel_ia import semconv, values
from otel_ia.guard import guarded
from otel_ia.once import warn_once
from otel_ia.recording.current import get_current
from otel_ia.recording.places import Place
from otel_ia.training.leaving import Loop
from otel_ia.training.levels import Level, open_level
from otel_ia.training.progress import Progress, progress_in
from otel_ia.training.runs import RUN_NAME, begin_run
from otel_ia.training.sites import site_at

T = TypeVar("T")


class Epochs(Generic[T]):
    """What `epochs(…)` returns. Each `for` over it is a loop of its own, inside what is current where it begins."""

    def __init__(self, of: Iterable[T], place: Place, name: str, fixed: Mapping[str, values.Value]) -> None:
        self._of = of
        self._place = place
        self._name = name
        self._fixed = fixed
        self._latest: tuple[Progress, Level] | None = None

    def __len__(self) -> int:
        return len(self._of)  # type: ignore[arg-type] # raises as without us

    def __iter__(self) -> Iterator[T]:
        loop = Loop()
        return loop.over(self._iterate(get_current(), loop))

    def record(self, **figures: object) -> None:
        """Puts figures on the epoch's span, and in gauges; see `otel_ia.training.record`."""
        self._record(figures)

    @guarded
    def _record(self, figures: Mapping[str, object]) -> None:
        if self._latest is not None:
            progress, level = self._latest
            progress.record(figures, self._name, level)
        else:
            warn_once("record(…) of epochs", "was called before the loop began: nothing is recorded")

    def _iterate(self, around: Context, loop: Loop) -> Iterator[T]:
        loop.begin()
        progress = progress_in(around)
        own = None
        if progress is None or progress.open:  # a loop in an epoch, or in a step, is a run in the run
            progress = own = begin_run(self._place, RUN_NAME, self._fixed, around)
            own.level.enter()
        site = site_at(self._place, self._name, {**progress.fixed, **self._fixed}).calls
        level: Level | None = None
        error: BaseException | None = None
        number = 0
        try:
            for item in self._of:
                shown = epoch_number(item, number)
                level = open_level(site, progress.level.inside, progress, {semconv.EPOCH: shown})
                self._latest = progress, level
                progress.begin_epoch(shown, self._name, level)
                level.enter()
                yield item
                progress.end_epoch(level)
                level.close(None)
                level = None
                number += 1
        except BaseException as thrown:
            error = loop.reason(thrown)
            raise
        finally:
            if level is not None:
                progress.end_epoch(level)
                level.close(error)
            if own is not None:
                own.leave(error)
            error = None  # it holds this frame


def epoch_number(item: Any, number: int) -> int:
    """The epoch as its loop numbers it, where it does."""
    return int(item) if isinstance(item, int) and not isinstance(item, bool) and abs(item) < 1 << 63 else number
