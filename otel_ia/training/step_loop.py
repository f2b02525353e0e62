"""The loop over the batches of an epoch."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from opentelemetry.context import Context
from opentelemetry.trace import Span

from otel_ia import clock, semconv, values
from otel_ia.guard import guarded
from otel_ia.once import warn_once
from otel_ia.recording.current import get_current
from otel_ia.recording.measures import BATCH_SIZE, NANOSECONDS
from otel_ia.recording.outcome import Outcome, outcome_of
from otel_ia.recording.places import Place
from otel_ia.recording.tallying import Tally, begin_call, look_for_provider
from otel_ia.training.batches import sample_count
from otel_ia.training.leaving import Loop
from otel_ia.training.levels import Level, announce, open_level
from otel_ia.training.measures import DATA_WAIT, RATE, STEP_DURATION
from otel_ia.training.progress import Progress, progress_in
from otel_ia.training.runs import RUN_NAME, begin_run
from otel_ia.training.sites import Site, site_at

T = TypeVar("T")
Add = Callable[[int, Span | None], None]
"""Counts a value, in its measure's parts; the span becomes an exemplar."""


class Steps(Generic[T]):
    """What `steps(…)` returns. Each `for` over it is a loop of its own, inside what is current where it begins."""

    def __init__(
        self, batches: Iterable[T], place: Place, name: str, fixed: Mapping[str, values.Value], every: int
    ) -> None:
        self._batches = batches
        self._place = place
        self._name = name
        self._fixed = fixed
        self._every = every
        self._latest: Pace | None = None

    def __len__(self) -> int:
        return len(self._batches)  # type: ignore[arg-type] # raises as without us

    def __iter__(self) -> Iterator[T]:
        loop = Loop()
        return loop.over(self._iterate(get_current(), loop))

    def record(self, **figures: object) -> None:
        """Puts figures on the step's span, if it has one, and in gauges; see `otel_ia.training.record`."""
        self._record(figures)

    @guarded
    def _record(self, figures: Mapping[str, object]) -> None:
        pace = self._latest
        if pace is not None:
            pace.progress.record(figures, self._name, pace.level)
        else:
            warn_once("record(…) of steps", "was called before the loop began: nothing is recorded")

    def _iterate(self, around: Context, loop: Loop) -> Iterator[T]:
        loop.begin()
        progress = progress_in(around)
        own = None
        if progress is None:
            progress = own = begin_run(self._place, RUN_NAME, self._fixed, around)
            own.level.enter()
            around = own.level.inside
        site = site_at(self._place, self._name, {**progress.fixed, **self._fixed})
        pace = self._latest = Pace(progress, site, around, self._name, self._every)
        error: BaseException | None = None
        batch: Any
        try:
            source = iter(self._batches)
            while True:
                asked = clock.monotonic()
                try:
                    batch = next(source)
                except StopIteration:
                    break
                pace.begin(asked, batch)
                yield (batch, batch := None)[0]  # while the next one is made, nobody here holds this one
                pace.end(None)
        except BaseException as thrown:
            error = loop.reason(thrown)
            raise
        finally:
            if pace.is_open:
                pace.end(error)
            if own is not None:
                own.leave(error)
            error = None  # it holds this frame


class Pace:
    """The steps of one loop, each begun and ended."""

    __slots__ = (
        "_add_rate",
        "_add_samples",
        "_add_step",
        "_add_wait",
        "_adding_to",
        "_around",
        "_asked",
        "_began",
        "_every",
        "_name",
        "_number",
        "_samples",
        "_site",
        "_tally",
        "is_open",
        "level",
        "progress",
    )

    def __init__(self, progress: Progress, site: Site, around: Context, name: str, every: int) -> None:
        self.progress = progress
        self._site = site
        self._around = around
        self._name = name
        self._every = every
        self._number = 0
        self._asked = 0
        self._began = 0
        self._samples: int | None = None
        self._tally: Tally | None = None
        self._adding_to: Tally | None = None
        self._add_samples: Add | None = None
        self._add_rate: Add | None = None
        self.level: Level | None = None
        self.is_open = False
        if site.current.tally is None:
            look_for_provider()

    @guarded
    def begin(self, asked: int, batch: object) -> None:
        """A batch has come that was asked for at this moment of the monotonic clock."""
        self.is_open = True
        self._asked = asked
        self._began = began = clock.monotonic()
        self._samples = samples = sample_count(batch)
        number = self._number
        progress = self.progress
        progress.step = number
        progress.counts.add(samples, began - asked)
        self._tally = begin_call(self._site.current)
        if self._every and number % self._every == 0:
            self.level = level = open_level(self._site.spans, self._around, progress, None)
            progress.open.append((self._name, level))
            level.enter()
            span: Any = level.span
            if span.is_recording():
                # one by one: half the price of `set_attributes`, and of attributes given to `open`
                span.set_attribute(semconv.STEP, number)
                span.set_attribute(semconv.TRAINING_DATA_WAIT, (began - asked) / 1e9)
                if samples is not None:
                    span.set_attribute(semconv.BATCH_SIZE, samples)
                if getattr(span, "is_announced", False):  # without them
                    announce(span)
        else:
            progress.open.append((self._name, None))
        progress.tell_if_due(began)

    @guarded
    def end(self, error: BaseException | None) -> None:
        """The code of the step is through, or was left."""
        self.is_open = False
        now = clock.monotonic()
        self._number += 1
        level, self.level = self.level, None
        self.progress.forget(level)
        span = None
        if level is not None:
            level.close(error)
            span = level.span
        tally, self._tally = self._tally, None
        if tally is not None:
            self._count(tally, now, error, span)

    def _count(self, tally: Tally, now: int, error: BaseException | None, span: Span | None) -> None:
        if tally is not self._adding_to:  # the first time, and after another `configure`
            self._adding_to = tally
            self._add_step, self._add_wait = tally.adding(STEP_DURATION), tally.adding(DATA_WAIT)
            self._add_samples = self._add_rate = None
        outcome = outcome_of(error) if error is not None else Outcome.OK
        error_type = values.qualified_name(type(error)) if outcome is Outcome.ERROR else None
        tally.record(now - self._began, outcome.value, error_type, span)
        whole, samples = now - self._asked, self._samples
        self._add_step(whole, span)
        self._add_wait(self._began - self._asked, span)
        if samples is not None:
            if self._add_samples is None or self._add_rate is None:
                self._add_samples, self._add_rate = tally.adding(BATCH_SIZE), tally.adding(RATE)
            self._add_samples(samples, span)
            if whole > 0:
                self._add_rate(samples * RATE.parts * NANOSECONDS // whole, span)
