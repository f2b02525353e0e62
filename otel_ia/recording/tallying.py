"""How a call site comes to what counts its calls, whichever meter provider there is.

A call site asks once, for a `CurrentTally`, and finds in it at any time the tally that counts, or None. Whoever has the
tallies puts them there with each change of state, so that nothing is looked up in a call.
"""

import os
import sys
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from opentelemetry.trace import Span

from otel_ia import semconv, values
from otel_ia.forks import at_forks
from otel_ia.guard import guarded
from otel_ia.recording.current import get_current
from otel_ia.recording.fields import bound_in
from otel_ia.recording.outcome import Outcome, outcome_of

if TYPE_CHECKING:
    from otel_ia.recording.description import Description
    from otel_ia.recording.measures import Measure


class Tally(Protocol):
    """Counts the calls of one call site. Never waits; from any thread, signal handler or finalizer.

    Times are in nanoseconds.
    """

    def begin(self, own: Mapping[str, Any] | None = None, /) -> "Tally":
        """Counts a call, with attributes of its own, as active; what is returned counts the rest of this call."""

    def record(self, elapsed: int, outcome: str, error_type: str | None, span: Span | None) -> None:
        """Counts the end of a call that has begun. The span, if it is sampled, becomes an exemplar."""

    def record_stream(self, items: int, first: int | None, elapsed: int, span: Span | None) -> None:
        """Counts a generator that has ended: its items, and the times until the first one and until its end."""

    def record_batch(self, size: float, span: Span | None) -> None:
        """Counts the size of what a call was given."""

    def adding(self, measure: "Measure") -> Callable[[int, Span | None], None]:
        """What counts values of another measure, in the measure's parts."""


class CurrentTally:
    """Where a call site finds its tally: None while nothing counts it."""

    __slots__ = ("__weakref__", "description", "tally")

    def __init__(self, description: "Description") -> None:
        self.description = description
        self.tally: Tally | None = None


Offer = Callable[[CurrentTally], Tally | None]
"""Gives a call site its tally, or None where its calls are not counted."""

_all: Final[weakref.WeakSet[CurrentTally]] = weakref.WeakSet()
_offers: Final[list[Offer]] = []


def current_tally(description: "Description") -> CurrentTally:
    """The place where the tally of this call site will always be found."""
    made = CurrentTally(description)
    if description.counts:
        _all.add(made)
        if _offers:
            made.tally = _offers[-1](made)
    return made


def offer_tallies(offer: Offer) -> None:
    """From now on all call sites, those that are there and those to come, count in what this gives them."""
    _offers[:] = [offer]
    for current in list(_all):
        current.tally = offer(current)


_IS_NAMED: Final = "OTEL_PYTHON_METER_PROVIDER" in os.environ  # once, for a look into the environment takes 1 µs


@guarded
def look_for_provider() -> None:
    """Lets a meter provider of the user's count calls, where nobody has offered to.

    For call sites that are not of our own tracer: where `configure` was called, someone has.
    """
    metrics: Any = sys.modules.get("opentelemetry.metrics")
    if _offers or (metrics is None and not _IS_NAMED):
        return
    from opentelemetry.metrics import get_meter_provider

    from otel_ia.recording.api_tally import is_provider_missing, offer_of

    provider = get_meter_provider()
    if not is_provider_missing(provider):
        offer_tallies(offer_of(provider))


uncounted: Final[deque[tuple[Tally, int, type[BaseException] | None]]] = deque(maxlen=1_000)
"""Ends of calls too near the recursion limit to be counted; the next one that is counted takes them along."""


def begin_call(current: CurrentTally, own: Mapping[str, Any] | None = None) -> Tally | None:
    """Counts a call as active, and gives what its end is to be counted by.

    Besides attributes of its own it may be counted by the fields that are bound around it.
    """
    tally = current.tally
    if tally is None:
        return None
    bound = bound_in(get_current())
    if bound is not None:
        fixed = current.description.attributes
        own = {**{name: value for name, value in bound.items() if name not in fixed}, **(own or {})}
    return _begin(tally, own)


@guarded
def _begin(tally: Tally, own: Mapping[str, Any] | None) -> Tally:
    return tally.begin(own)


def end_call(
    tally: Tally, description: "Description", elapsed: int, error: BaseException | None, span: Span | None
) -> None:
    """Counts the end of a call, and the size of its batch where that is known. Raises RecursionError at most."""
    if not _end(tally, description, elapsed, error, span):
        uncounted.append((tally, elapsed, type(error) if error is not None else None))
    elif uncounted:
        _end_late()


@guarded
def _end(
    tally: Tally, description: "Description", elapsed: int, error: BaseException | None, span: Span | None
) -> bool:
    outcome = outcome_of(error)
    error_type = values.qualified_name(type(error)) if outcome is Outcome.ERROR else None
    tally.record(elapsed, outcome.value, error_type, span)
    attributes: Any = getattr(span, "attributes", None) or getattr(tally, "given", None) or description.attributes
    if (size := attributes.get(semconv.BATCH_SIZE)) is not None and is_count(size):
        tally.record_batch(size, span)
    return True


def is_count(size: object) -> bool:
    """Whether this can be the size of a batch."""
    return isinstance(size, int | float) and not isinstance(size, bool) and 0 <= size < _ENDLESS


_ENDLESS: Final = 1 << 40


@guarded
def _end_late() -> None:
    while uncounted:
        try:
            tally, elapsed, kind = uncounted.popleft()
        except IndexError:  # another thread is at it
            return
        outcome = Outcome.OK if kind is None else Outcome.ERROR
        tally.record(elapsed, outcome.value, values.qualified_name(kind) if kind is not None else None, None)


at_forks(after_in_child=uncounted.clear)  # they are the parent's
