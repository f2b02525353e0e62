"""The process's one tracer provider, whose state is swapped inside it.

OpenTelemetry's global setters work once, and a tracer once handed out is kept by whoever asked for it. So provider and
tracers stay, and what they do (sampler, resource, processors, ids, limits, sink) is a state that comes and goes.
"""

import logging
import os
import threading
from collections.abc import Callable
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk.environment_variables import OTEL_SDK_DISABLED
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, sampling
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

import otel_ia.sdk.sites  # noqa: F401 - a first call in a signal handler would meet it half imported
from otel_ia.errors import ProviderError
from otel_ia.forks import begun_anew
from otel_ia.sdk.home import Home, Installed, TracingState
from otel_ia.sdk.identifiers import OWN_IDS
from otel_ia.sdk.outlet import Outlet
from otel_ia.sdk.resource import resource_in_child
from otel_ia.sdk.stack import Stack
from otel_ia.sdk.tracer import Tracer
from otel_ia.undo import Undo

_logger: Final = logging.getLogger("opentelemetry.sdk.trace")  # whoever silences the SDK's messages silences this one


class TracerProvider(sdk_trace.TracerProvider):
    """A tracer provider for life: records while a state is installed, is a no-op while there is none.

    Processors that others add to it stay over every change of state.
    """

    def __init__(self) -> None:
        self.sampler: sampling.Sampler = sampling.ALWAYS_OFF
        self.id_generator: Any = OWN_IDS
        self.installed: Installed | None = None
        self._is_disabled = os.environ.get(OTEL_SDK_DISABLED, "").lower().strip() == "true"
        self._states: Stack[TracingState] = Stack(self._refresh)
        self._added: tuple[SpanProcessor, ...] = ()
        self._handed_out: dict[InstrumentationScope, Tracer] = {}
        self._changing = threading.RLock()
        _all.add(self)

    @property
    def resource(self) -> Resource:
        return self.installed.state.resource if self.installed is not None else Resource.get_empty()

    def install(self, state: TracingState, *, above_all: bool = False) -> Undo:
        """Puts the state on top, where it stays until the returned undo; `above_all` keeps it above later ones."""
        return self._states.push(state, above_all=above_all)

    def _refresh(self, state: TracingState | None) -> None:
        with self._changing:
            self.sampler = state.sampler if state is not None else sampling.ALWAYS_OFF
            self.id_generator = state.id_generator if state is not None else OWN_IDS
            self.installed = Installed(state, self._added) if state is not None else None
            for tracer in list(self._handed_out.values()):
                tracer.settle(self._home_of(tracer))

    def _home_of(self, tracer: Tracer) -> Home | None:
        installed = self.installed
        return Home(installed, tracer.scope, tracer.instrumentation_info) if installed is not None else None

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> trace.Tracer:
        if self._is_disabled:
            return trace.NoOpTracer()
        if not instrumenting_module_name:
            instrumenting_module_name = ""
            _logger.error("get_tracer called with missing module name.")
        scope = InstrumentationScope(
            instrumenting_module_name, instrumenting_library_version or "", schema_url, attributes
        )
        known = self._handed_out.get(scope)
        return known if known is not None else self._hand_out(Tracer(scope))

    def _hand_out(self, made: Tracer) -> Tracer:
        # takes no lock: at any of these lines the garbage collector may run a finalizer that asks for a tracer too
        while True:
            installed = self.installed
            made.settle(self._home_of(made))
            tracer = self._handed_out.setdefault(made.scope, made)
            if tracer is not made or self.installed is installed:
                return tracer

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        with self._changing:
            self._added += (span_processor,)
            if self.installed is not None:
                self.installed.processors.add_span_processor(span_processor)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self.installed is None or self.installed.processors.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Shuts down the processors that others added; states are taken away by their own undo."""
        added, self._added = self._added, ()
        for processor in added:
            processor.shutdown()

    def begin_in_child(self) -> None:
        """In a forked child: the same state, with this process's ids in its resource."""
        self._changing = threading.RLock()
        state = self.installed.state if self.installed is not None else None
        if state is not None:
            state.resource = resource_in_child(state.resource)
        self._refresh(state)


_outlet: Final = Outlet()
_fed: Final[list[object]] = []
_all: Final = begun_anew(TracerProvider.begin_in_child)


def install_tracing(state: TracingState, *, above_all: bool = False) -> Undo:
    """Makes the state take effect in the global tracer provider, ours or another library's; returns the undo.

    Raises:
        ProviderError: another library's provider is installed, to which no processor can be added.
    """
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):
        trace.set_tracer_provider(TracerProvider())
        provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        return provider.install(state, above_all=above_all)
    add: Callable[[SpanProcessor], None] | None = getattr(provider, "add_span_processor", None)
    if add is None:
        raise ProviderError(
            f"the tracer provider {type(provider).__module__}.{type(provider).__qualname__} is installed already "
            "and has no add_span_processor; call otel_ia.configure() before it is set"
        )
    if provider not in _fed:
        add(_outlet)
        _fed.append(provider)
    return _outlet.states.push(state, above_all=above_all)


def is_provider_foreign() -> bool:
    """Whether another library has set the global tracer provider."""
    return not isinstance(trace.get_tracer_provider(), TracerProvider | trace.ProxyTracerProvider)
