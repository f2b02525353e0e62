"""The process's one meter provider, whose state is swapped inside it like the tracer provider's."""

# The SDK's meter provider uses a thread pool in each forked child. The pool's lock is free there only if its module has
# been loaded before: without this line the child waits for itself forever.
import concurrent.futures.thread  # noqa: F401
import logging
import os
import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from opentelemetry import metrics
from opentelemetry.sdk import metrics as sdk_metrics
from opentelemetry.sdk.environment_variables import OTEL_SDK_DISABLED
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.util.types import Attributes

from otel_ia.forks import at_forks
from otel_ia.guard import guarded
from otel_ia.recording.api_tally import is_provider_missing, offer_of
from otel_ia.recording.measures import Counting
from otel_ia.recording.tallying import CurrentTally, Tally, offer_tallies
from otel_ia.sdk.first_tally import FirstTally
from otel_ia.sdk.meter import Meter
from otel_ia.sdk.reading import Reading
from otel_ia.sdk.resource import resource_in_child
from otel_ia.sdk.stack import Stack
from otel_ia.sdk.tallies import Allot, Tallies, in_memory
from otel_ia.undo import Undo

_logger: Final = logging.getLogger("opentelemetry.sdk.metrics")  # whoever silences the SDK's messages silences this one
_FILTERS: Final[dict[str, Callable[[], sdk_metrics.ExemplarFilter]]] = {
    "trace_based": sdk_metrics.TraceBasedExemplarFilter,
    "always_on": sdk_metrics.AlwaysOnExemplarFilter,
    "always_off": sdk_metrics.AlwaysOffExemplarFilter,
}


class Export(Protocol):
    """What hands on the metrics of a state."""

    def start(self) -> bool:
        """Goes on in a forked child that begins to count."""

    def force_flush(self, timeout_millis: int = ..., /) -> bool: ...

    def shutdown(self) -> None: ...


class MeteringState:
    """What the meter provider does while this state is on top: a provider of the SDK's, and the tallies of calls.

    `readings` are by exporter.
    """

    def __init__(  # noqa: PLR0913 - keyword-only
        self,
        readings: Sequence[Reading],
        *,
        resource: Resource,
        counting: Counting,
        views: Sequence[View] = (),
        exemplar_filter: str = "trace_based",
        allot: Allot = in_memory,
        tell: Callable[[str], None],
    ) -> None:
        self.readings = tuple(readings)
        self.resource = resource
        self.counting = counting
        self.is_ending = False
        """Whether the last values are read after the state was taken away."""
        self.exports: list[Export] = []
        self.kept: list[object] = []
        """What lives as long as the state does."""
        self._views = tuple(views)
        self._filter = exemplar_filter
        self._allot = allot
        self._tell = tell
        self._process = os.getpid()
        self._begin()
        self.inner: sdk_metrics.MeterProvider | None = self._make_provider()

    def _begin(self) -> None:
        self.tallies = Tallies(self.counting, allot=self._allot, tell=self._tell)
        self._readers = [reading.begin(self.tallies, self.resource) for reading in self.readings]

    def begin_in_child(self) -> None:
        """In a forked child: counts from zero, as a process of its own, from its first measurement on."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self.resource = resource_in_child(self.resource)
            self.inner = None
            self.tallies.let_go()
            self._begin()

    def wake(self) -> None:
        """Makes the provider that a forked child does not have yet."""
        if self.inner is None:
            self.inner = self._make_provider()
            for export in self.exports:
                export.start()

    def flush(self, timeout_millis: int) -> bool:
        """Has everything read and handed on that was measured so far."""
        flushed = [export.force_flush(timeout_millis) for export in self.exports]
        return all(flushed)

    def _make_provider(self) -> sdk_metrics.MeterProvider:
        return sdk_metrics.MeterProvider(
            metric_readers=self._readers,
            resource=self.resource,
            exemplar_filter=_FILTERS[self._filter](),
            shutdown_on_exit=False,
            views=self._views,
        )


class MeterProvider(sdk_metrics.MeterProvider):
    """A meter provider for life: measures while a state is installed, is a no-op while there is none.

    A reader that others add reads the state on top when it is added, or the next one, and ends with it.
    """

    def __init__(self) -> None:
        self._is_disabled = os.environ.get(OTEL_SDK_DISABLED, "").lower().strip() == "true"
        self.current: MeteringState | None = None
        self._states: Stack[MeteringState] = Stack(self._refresh)
        self._handed_out: dict[InstrumentationScope, Meter] = {}
        self._added: list[MetricReader] = []
        self._changing = threading.RLock()

    def install(self, state: MeteringState, *, above_all: bool = False) -> Undo:
        """Puts the state on top, where it stays until the returned undo; `above_all` keeps it above later ones."""
        return self._states.push(state, above_all=above_all)

    def _refresh(self, state: MeteringState | None) -> None:
        with self._changing:
            if state is not None:
                state.begin_in_child()
                if state.inner is not None:
                    for reader in self._added:
                        state.inner.add_metric_reader(reader)
                    self._added.clear()
            self.current = state
            for meter in list(self._handed_out.values()):
                self._settle(meter)
        offer_tallies(self._offer)

    def _settle(self, meter: Meter) -> None:
        state = self.current
        if state is None:
            meter.settle(None, _never)
        elif state.inner is None:
            meter.sleep(self.wake)
        else:
            scope = meter.scope
            inner = state.inner.get_meter(scope.name, scope.version or None, scope.schema_url, scope.attributes)
            meter.settle(inner, lambda: self.current is state or state.is_ending)

    def wake(self) -> None:
        """In a forked child that is about to count for the first time."""
        with self._changing:
            state = self.current
            if state is not None and state.inner is None:
                guarded(state.wake)()
                for meter in list(self._handed_out.values()):
                    self._settle(meter)

    def _offer(self, current: CurrentTally) -> Tally | None:
        state = self.current
        return FirstTally(self, state, current) if state is not None and state.counting.is_on else None

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> metrics.Meter:
        if self._is_disabled or not name:
            if not name:
                _logger.warning("Meter name cannot be None or empty.")
            return metrics.NoOpMeter(name, version, schema_url)
        scope = InstrumentationScope(name, version, schema_url, attributes)
        with self._changing:
            meter = self._handed_out.get(scope)
            if meter is None:
                made = Meter(scope, lambda: self._changing)
                self._settle(made)
                meter = self._handed_out.setdefault(scope, made)  # a finalizer may have been here in the meantime
            return meter

    def add_metric_reader(self, metric_reader: MetricReader) -> None:
        with self._changing:
            inner = self.current.inner if self.current is not None else None
            if inner is None:
                self._added.append(metric_reader)
            else:
                inner.add_metric_reader(metric_reader)

    def remove_metric_reader(self, metric_reader: MetricReader) -> None:
        with self._changing:
            inner = self.current.inner if self.current is not None else None
            if metric_reader in self._added:
                self._added.remove(metric_reader)
            elif inner is not None:
                inner.remove_metric_reader(metric_reader)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self.current is None or self.current.flush(int(timeout_millis))

    def shutdown(self, timeout_millis: float = 30_000) -> None:  # noqa: ARG002 - the provider's signature
        """Forgets readers that wait for a state; states are taken away by their own undo."""
        self._added.clear()

    def begin_in_child(self) -> None:
        """In a forked child: the same state, from zero."""
        self._changing = threading.RLock()
        if self.current is not None:
            self._refresh(self.current)


def _never() -> bool:
    return False


provider: Final = MeterProvider()
"""The process's meter provider; made OpenTelemetry's global one by the first `install_metering`."""


def install_metering(state: MeteringState, *, above_all: bool = False) -> Undo:
    """Makes the state take effect in our meter provider; returns the undo.

    Another library's global meter provider stays what it is: then calls are counted by instruments of its own.
    """
    current = metrics.get_meter_provider()
    if is_provider_missing(current):
        metrics.set_meter_provider(provider)
        current = metrics.get_meter_provider()
    if isinstance(current, MeterProvider):
        return current.install(state, above_all=above_all)
    offer_tallies(offer_of(current, state.counting))
    return Undo(lambda: offer_tallies(offer_of(current)))


def is_provider_foreign() -> bool:
    """Whether another library has set the global meter provider."""
    current = metrics.get_meter_provider()
    return not (isinstance(current, MeterProvider) or is_provider_missing(current))


at_forks(after_in_child=provider.begin_in_child)
