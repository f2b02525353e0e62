"""How far a training run has come, and what was recorded on the way.

The run's span is announced anew while the run goes on, so that after a kill it arrives with the last epoch and step.
"""

import sys
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.context import Context

from otel_ia import clock, semconv
from otel_ia.guard import guarded
from otel_ia.recording.callsite import CallSite
from otel_ia.recording.first_seen import note_left
from otel_ia.recording.outcome import UnseenError
from otel_ia.training.figures import figures_of
from otel_ia.training.gauges import set_gauges
from otel_ia.training.leaving import looping_frame
from otel_ia.training.levels import PROGRESS_KEY, Level, announce, open_level
from otel_ia.values import Value

TELLING_INTERVAL: Final = 1_000_000_000
"""Nanoseconds: the step that a killed run shows began at most so long before the last one, and gauges are at most so
old. Each time costs the spool what a span takes."""
_frame_above: Final = sys._getframe  # noqa: SLF001 - where a loop stands


class Progress:
    """A run that is open. `fixed` is on all its spans, `name` is its operation."""

    __slots__ = (
        "_due",
        "_pending",
        "counts",
        "epoch",
        "figures",
        "fixed",
        "latest",
        "level",
        "name",
        "open",
        "step",
        "unread",
    )

    def __init__(self, name: str, site: CallSite, around: Context, fixed: Mapping[str, Value]) -> None:
        self.name = name
        self.fixed = fixed
        self.epoch: Value | None = None
        self.step: int | None = None
        self.figures: dict[str, Value] = {}
        """What was recorded last, in this epoch."""
        self.latest: dict[str, Value] = {}
        """And in the run, as of the last time it was told."""
        self.unread = 0
        self.counts = Counts()
        """Of the steps of this epoch."""
        self.open: list[tuple[str, Level | None]] = []
        """Operation and level of what is open inside, the innermost last; a step that is not recorded has no level."""
        self._pending: dict[str, dict[str, Value]] = {}
        self._due = 0
        self.level = open_level(site, around, self, None)

    def record(self, given: Mapping[str, object], operation: str, level: Level | None) -> None:
        """Puts figures on the span of this level, and keeps them for its epoch, its run and the gauges."""
        figures, unread = figures_of(given)
        self.unread += unread
        self.figures.update(figures)
        self._pending.setdefault(operation, {}).update(figures)
        if level is not None:
            span = level.span
            if span.is_recording():
                for name, figure in figures.items():
                    span.set_attribute(name, figure)

    def record_innermost(self, given: Mapping[str, object]) -> None:
        """Does the same for what is open innermost."""
        operation, level = self.open[-1] if self.open else (self.name, self.level)
        self.record(given, operation, level)

    def tell_if_due(self, now: int) -> None:
        """Tells how far it has come, unless that was told a moment ago."""
        if now >= self._due:
            self.tell()

    @guarded
    def tell(self) -> None:
        """Announces the run's span with what is known now, and sets the gauges."""
        # the first step is told at once, for it may be the one that takes an hour
        self._due = clock.monotonic() + TELLING_INTERVAL if self.step is not None else 0
        span: Any = self.level.span
        if span.is_recording():
            self.latest.update(self.figures)
            known: dict[str, Any] = {**self.latest}
            if self.epoch is not None:
                known[semconv.EPOCH] = self.epoch
            if self.step is not None:
                known[semconv.STEP] = self.step
            if self.unread:
                known[semconv.TRAINING_UNREAD] = self.unread
            span.set_attributes(known)
            announce(span)
        pending, self._pending = self._pending, {}
        for operation, figures in pending.items():
            set_gauges(figures, {semconv.OPERATION: operation, **self.fixed})

    @guarded
    def begin_epoch(self, number: Value, operation: str, level: Level) -> None:
        """From now on steps are of this epoch."""
        self.open.append((operation, level))
        self.epoch, self.step = number, None
        self.counts = Counts()
        self.tell()  # what the last epoch came to as well
        self.figures.clear()
        if not getattr(level.span, "is_announced", True):
            announce(level.span)

    @guarded
    def end_epoch(self, level: Level) -> None:
        """Puts on the epoch's span what its steps came to."""
        self.forget(level)
        if level.span.is_recording():
            level.span.set_attributes({**self.figures, **self.counts.attributes()})

    def forget(self, level: Level | None) -> None:
        """What was open is closed."""
        for at in reversed(range(len(self.open))):  # mostly the last one
            if self.open[at][1] is level:
                del self.open[at]
                return

    def close(self, error: BaseException | None) -> None:
        """Ends the run."""
        self.tell()
        self.level.close(error)

    def leave(self, error: BaseException | None) -> None:
        """Ends the run that a loop is itself; asked by the loop's iterator, above which is what goes through it."""
        self.close(error)
        if type(error) in (GeneratorExit, UnseenError):
            frame = looping_frame(_frame_above(1))
            if frame is not None:  # none where the interpreter ends with the loop open
                note_left(frame, self.level.span)


class Counts:
    """What the steps of an epoch come to; times in nanoseconds."""

    __slots__ = ("began", "samples", "steps", "waited")

    def __init__(self) -> None:
        self.began = clock.monotonic()
        self.steps = 0
        self.samples = 0
        self.waited = 0

    def add(self, samples: int | None, waited: int) -> None:
        """One more step."""
        self.steps += 1
        self.samples += samples or 0
        self.waited += waited

    def attributes(self) -> dict[str, Value]:
        """As attributes of the epoch."""
        if not self.steps:
            return {}
        found: dict[str, Value] = {
            semconv.TRAINING_STEPS: self.steps,
            semconv.TRAINING_DATA_WAIT: self.waited / 1e9,
        }
        elapsed = clock.monotonic() - self.began
        if self.samples and elapsed > 0:
            found[semconv.TRAINING_SAMPLES] = self.samples
            found[semconv.TRAINING_RATE] = self.samples * 1e9 / elapsed
        return found


def progress_in(context: Mapping[str, object]) -> Progress | None:
    """The progress of the innermost run that this context is a part of."""
    return context.get(PROGRESS_KEY)  # type: ignore[return-value] # nobody else has the key
