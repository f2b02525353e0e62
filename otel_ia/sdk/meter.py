"""The meter that lasts: it remembers what it has handed out, and makes it anew behind with each change of state."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, CallbackT, NoOpMeter, Observation
from opentelemetry.sdk import metrics as sdk_metrics
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_ia.guard import guarded
from otel_ia.sdk.instruments import (
    Asleep,
    Counter,
    Gauge,
    Histogram,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    Observe,
    UpDownCounter,
    functions_of,
)

IsAsked = Callable[[], bool]
Make = Callable[[metrics.Meter, IsAsked], Any]
"""Makes the SDK's instrument; an observable one is to ask its callbacks only while they are to be asked."""


class Meter(metrics.Meter):
    """A meter for life. What is wrong with an instrument's name or unit is told as the SDK tells it."""

    def __init__(self, scope: InstrumentationScope, changing: Callable[[], AbstractContextManager[Any]]) -> None:
        super().__init__(scope.name, scope.version, scope.schema_url)
        self.scope = scope
        self._model = sdk_metrics.Meter(scope, cast(Any, _Nowhere()))
        self._changing = changing
        self._handed_out: dict[tuple[Any, ...], tuple[Any, Make]] = {}
        self._inner: metrics.Meter | None = None
        self._is_asked: IsAsked = _never
        self._wake: Callable[[], None] | None = None

    def settle(self, inner: metrics.Meter | None, is_asked: IsAsked) -> None:
        """From now on all instruments are those of this meter; of none at all without one."""
        self._inner, self._is_asked, self._wake = inner, is_asked, None
        self._make_all_anew()

    def sleep(self, wake: Callable[[], None]) -> None:
        """The first use of an instrument wakes the provider, which settles this meter."""
        self._inner, self._is_asked, self._wake = None, _never, wake
        self._make_all_anew()

    def _make_all_anew(self) -> None:
        for instrument, make in list(self._handed_out.values()):
            instrument.real = self._behind(instrument, make)

    def _behind(self, instrument: Any, make: Make) -> Any:
        if self._wake is not None:
            return Asleep(instrument, self._wake)
        nothing = make(NoOpMeter(self.name), _never)
        return (guarded(make)(self._inner, self._is_asked) or nothing) if self._inner is not None else nothing

    def _hand_out(self, kind: type[Any], key: tuple[Any, ...], make: Make) -> Any:
        with self._changing():
            found = self._handed_out.get((kind, *key))
            if found is not None:
                return found[0]
            # by the SDK, which raises for a wrong name and warns of a second one that is not the same
            real = make(self._inner or self._model, self._is_asked)
            instrument = kind(real)
            if self._inner is None:
                instrument.real = self._behind(instrument, make)
            return self._handed_out.setdefault((kind, *key), (instrument, make))[0]

    def create_counter(self, name: str, unit: str = "", description: str = "") -> metrics.Counter:
        made: Counter = self._hand_out(
            Counter,
            _key(name, unit, description),
            lambda meter, _: meter.create_counter(name, unit, description),
        )
        return made

    def create_up_down_counter(self, name: str, unit: str = "", description: str = "") -> metrics.UpDownCounter:
        made: UpDownCounter = self._hand_out(
            UpDownCounter,
            _key(name, unit, description),
            lambda meter, _: meter.create_up_down_counter(name, unit, description),
        )
        return made

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> metrics.Histogram:
        advice = explicit_bucket_boundaries_advisory
        made: Histogram = self._hand_out(
            Histogram,
            (*_key(name, unit, description), str(advice)),
            lambda meter, _: meter.create_histogram(
                name, unit, description, explicit_bucket_boundaries_advisory=advice
            ),
        )
        return made

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> Any:
        return self._hand_out(
            Gauge,
            _key(name, unit, description),
            lambda meter, _: meter.create_gauge(name, unit, description),
        )

    def create_observable_counter(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> metrics.ObservableCounter:
        functions = functions_of(callbacks)
        made: ObservableCounter = self._hand_out(
            ObservableCounter,
            _key(name, unit, description),
            lambda meter, asked: meter.create_observable_counter(name, _gated(functions, asked), unit, description),
        )
        return made

    def create_observable_up_down_counter(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> metrics.ObservableUpDownCounter:
        functions = functions_of(callbacks)
        made: ObservableUpDownCounter = self._hand_out(
            ObservableUpDownCounter,
            _key(name, unit, description),
            lambda meter, asked: meter.create_observable_up_down_counter(
                name, _gated(functions, asked), unit, description
            ),
        )
        return made

    def create_observable_gauge(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> metrics.ObservableGauge:
        functions = functions_of(callbacks)
        made: ObservableGauge = self._hand_out(
            ObservableGauge,
            _key(name, unit, description),
            lambda meter, asked: meter.create_observable_gauge(name, _gated(functions, asked), unit, description),
        )
        return made


class _Nowhere:
    """Where the SDK's instruments measure into that only tell whether names are right."""

    def consume_measurement(self, *_: object) -> None:
        """Forgets it."""

    def register_asynchronous_instrument(self, *_: object) -> None:
        """Forgets it."""


def _never() -> bool:
    return False


def _key(name: Any, unit: Any, description: Any) -> tuple[str, str, str]:
    return str(name).lower(), str(unit), str(description)


def _gated(functions: list[Observe], is_asked: IsAsked) -> list[CallbackT]:
    def gate(function: Observe) -> CallbackT:
        def observe(options: CallbackOptions) -> Iterable[Observation]:
            return function(options) if is_asked() else ()

        return observe

    return [gate(function) for function in functions]
