"""Counts calls with the instruments of another library's meter provider."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.metrics import Histogram, Meter, MeterProvider, NoOpMeterProvider, UpDownCounter
from opentelemetry.trace import Span, set_span_in_context

from otel_ia import semconv
from otel_ia.recording.measures import (
    BATCH_SIZE,
    CALL_ACTIVE,
    CALL_DURATION,
    FIRST_ITEM,
    STREAM_ITEMS,
    STREAM_RATE,
    Counting,
    Measure,
)
from otel_ia.recording.tallying import Offer

if TYPE_CHECKING:
    from otel_ia.recording.description import Description

_DEFAULT: Final = Counting()


def is_provider_missing(provider: MeterProvider) -> bool:
    """Whether this only stands for a global meter provider that is not set yet."""
    # the class has no public name, and of the API's there is but one other
    return type(provider).__module__.startswith("opentelemetry.metrics") and not isinstance(provider, NoOpMeterProvider)


def offer_of(provider: MeterProvider, counting: Counting = _DEFAULT) -> Offer:
    """Tallies that count with instruments of this provider's."""
    instruments = Instruments(provider.get_meter("otel_ia", schema_url=semconv.SCHEMA_URL), counting)
    if not counting.is_on:
        return lambda _: None
    return lambda current: ApiTally(instruments, fixed_attributes(current.description, counting.attributes))


class Instruments:
    """What all call sites have in common."""

    def __init__(self, meter: Meter, counting: Counting) -> None:
        self.counting = counting
        self.duration = _histogram(meter, CALL_DURATION, counting.bounds)
        self.active: UpDownCounter = meter.create_up_down_counter(
            CALL_ACTIVE.name, CALL_ACTIVE.unit, CALL_ACTIVE.description
        )
        self.first_item = _histogram(meter, FIRST_ITEM, counting.bounds)
        self.items = _histogram(meter, STREAM_ITEMS)
        self.rate = _histogram(meter, STREAM_RATE)
        self.batch = _histogram(meter, BATCH_SIZE)
        self._meter = meter
        self._further: dict[str, Histogram] = {}

    def further(self, measure: Measure) -> Histogram:
        """The histogram of another measure."""
        found = self._further.get(measure.name)
        if found is None:
            found = self._further[measure.name] = _histogram(self._meter, measure)
        return found


def _histogram(meter: Meter, measure: Measure, bounds: tuple[float, ...] | None = None) -> Histogram:
    return meter.create_histogram(
        measure.name,
        measure.unit,
        measure.description,
        explicit_bucket_boundaries_advisory=list(bounds or measure.bounds),
    )


def fixed_attributes(description: "Description", allowed: tuple[str, ...]) -> dict[str, Any]:
    """What the metrics of a call site say of it: its operation, and those of its attributes that are allowed."""
    return {semconv.OPERATION: description.name, **allowed_attributes(description.attributes, allowed)}


def allowed_attributes(given: Mapping[str, Any], allowed: tuple[str, ...]) -> dict[str, Any]:
    """Those of the attributes that metrics may have."""
    return {name: given[name] for name in allowed if name in given}


class ApiTally:
    """Counts the calls of one call site, see `tallying.Tally`."""

    __slots__ = ("_attributes", "_instruments", "given")

    def __init__(
        self, instruments: Instruments, attributes: Mapping[str, Any], given: Mapping[str, Any] | None = None
    ) -> None:
        self._instruments = instruments
        self._attributes = attributes
        self.given = given
        """The attributes of this one call."""

    def begin(self, own: Mapping[str, Any] | None = None, /) -> "ApiTally":
        if own:
            allowed = allowed_attributes(own, self._instruments.counting.attributes)
            return ApiTally(self._instruments, {**self._attributes, **allowed}, own).begin()
        self._instruments.active.add(1, self._attributes)
        return self

    def record(self, elapsed: int, outcome: str, error_type: str | None, span: Span | None) -> None:
        attributes = {**self._attributes, semconv.OUTCOME: outcome}
        if error_type is not None:
            attributes[semconv.ERROR_TYPE] = error_type
        self._instruments.active.add(-1, self._attributes)
        self._record(self._instruments.duration, elapsed / 1e9, span, attributes)

    def record_stream(self, items: int, first: int | None, elapsed: int, span: Span | None) -> None:
        instruments = self._instruments
        self._record(instruments.items, items, span)
        if first is not None:
            self._record(instruments.first_item, first / 1e9, span)
        if items and elapsed:
            self._record(instruments.rate, items * 1e9 / elapsed, span)

    def record_batch(self, size: float, span: Span | None) -> None:
        self._record(self._instruments.batch, size, span)

    def adding(self, measure: Measure) -> Callable[[int, Span | None], None]:
        histogram = self._instruments.further(measure)
        return lambda value, span: self._record(histogram, value / measure.parts, span)

    def _record(
        self, histogram: Histogram, value: float, span: Span | None, attributes: Mapping[str, Any] | None = None
    ) -> None:
        """The span is given as context, so that it becomes the exemplar whichever span is current."""
        context = set_span_in_context(span) if span is not None else None
        histogram.record(value, self._attributes if attributes is None else attributes, context)
