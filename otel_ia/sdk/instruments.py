"""Instruments that last: each hands on to the SDK's instrument of the state that is on top.

Whoever keeps one of their bound methods keeps it for life too, so what is behind is looked up at each call: 60 ns.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, Final

from opentelemetry import metrics
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, CallbackT, NoOpMeter, Observation
from opentelemetry.util.types import Attributes

Observe = Callable[[CallbackOptions], Iterable[Observation]]


class Counter(metrics.Counter):
    def __init__(self, real: Any) -> None:
        self.real = real

    def add(self, amount: float, attributes: Attributes | None = None, context: Context | None = None) -> None:
        self.real.add(amount, attributes, context)


class UpDownCounter(metrics.UpDownCounter):
    def __init__(self, real: Any) -> None:
        self.real = real

    def add(self, amount: float, attributes: Attributes | None = None, context: Context | None = None) -> None:
        self.real.add(amount, attributes, context)


class Histogram(metrics.Histogram):
    def __init__(self, real: Any) -> None:
        self.real = real

    def record(self, amount: float, attributes: Attributes | None = None, context: Context | None = None) -> None:
        self.real.record(amount, attributes, context)


class Gauge:
    def __init__(self, real: Any) -> None:
        self.real = real

    def set(self, amount: float, attributes: Attributes | None = None, context: Context | None = None) -> None:
        self.real.set(amount, attributes, context)


class ObservableCounter(metrics.ObservableCounter):
    def __init__(self, real: Any) -> None:
        self.real = real


class ObservableUpDownCounter(metrics.ObservableUpDownCounter):
    def __init__(self, real: Any) -> None:
        self.real = real


class ObservableGauge(metrics.ObservableGauge):
    def __init__(self, real: Any) -> None:
        self.real = real


_NOTHING: Final = NoOpMeter("otel_ia")
# the class has no public name
ApiGauge: Final[Any] = type(_NOTHING.create_gauge("gauge")).__mro__[1]
ApiGauge.register(Gauge)


class Asleep:
    """Behind every instrument of a forked child until it is used for the first time: then the child begins to count."""

    __slots__ = ("_instrument", "_wake")

    def __init__(self, instrument: Any, wake: Callable[[], None]) -> None:
        self._instrument = instrument
        self._wake = wake

    def add(self, *measurement: Any) -> None:
        self._hand_on("add", measurement)

    def record(self, *measurement: Any) -> None:
        self._hand_on("record", measurement)

    def set(self, *measurement: Any) -> None:
        self._hand_on("set", measurement)

    def _hand_on(self, method: str, measurement: tuple[Any, ...]) -> None:
        self._wake()
        if self._instrument.real is not self:
            getattr(self._instrument.real, method)(*measurement)


def functions_of(callbacks: Sequence[CallbackT] | None) -> list[Observe]:
    """The callbacks as functions: a generator is taken to its first `yield` once, not for each state."""
    return [_function_of(callback) for callback in callbacks or ()]


def _function_of(callback: CallbackT) -> Observe:
    if not isinstance(callback, Generator):
        return callback
    generator = callback
    next(generator)

    def observe(options: CallbackOptions) -> Iterable[Observation]:
        try:
            return generator.send(options)
        except StopIteration:
            return ()

    return observe
