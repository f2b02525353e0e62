"""The process's one tracer provider, whose state is swapped inside it.

OpenTelemetry's global setters work once, and a tracer once handed out is kept by whoever asked for it. So provider and
tracers stay, and what they do (sampler, resource, processors, ids, limits) is an SDK provider that comes and goes.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, SynchronousMultiSpanProcessor, sampling
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import Attributes

from otel_ia.errors import ProviderError
from otel_ia.sdk.stack import Stack, Undo


class TracingState:
    """What the tracer provider does while this state is on top: an SDK provider and its processors."""

    def __init__(
        self,
        processors: Sequence[SpanProcessor],
        *,
        resource: Resource,
        sampler: sampling.Sampler = sampling.DEFAULT_ON,
        id_generator: IdGenerator | None = None,
        span_limits: SpanLimits | None = None,
    ) -> None:
        self.processors = tuple(processors)
        self.resource = resource
        self.sampler = sampler
        self.id_generator = id_generator or RandomIdGenerator()
        self.span_limits = span_limits or SpanLimits()


class TracerProvider(sdk_trace.TracerProvider):
    """A tracer provider for life: records while a state is installed, is a no-op while there is none.

    Processors that others add to it stay over every change of state.
    """

    def __init__(self) -> None:
        super().__init__(resource=Resource.get_empty(), sampler=sampling.ALWAYS_OFF, shutdown_on_exit=False)
        del self.sampler, self.id_generator
        self._states: Stack[TracingState] = Stack(self._refresh)
        self._added: list[SpanProcessor] = []
        self._handed_out: dict[InstrumentationScope, Tracer] = {}
        self._handing_out = threading.Lock()
        self.current: sdk_trace.TracerProvider | None = None

    def install(self, state: TracingState, *, above_all: bool = False) -> Undo:
        """Puts the state on top, where it stays until the returned undo; `above_all` keeps it above later ones."""
        return self._states.push(state, above_all=above_all)

    def _refresh(self, state: TracingState | None) -> None:
        if state is None:
            self.current = None
            return
        processors = SynchronousMultiSpanProcessor()  # type: ignore[no-untyped-call]
        for processor in (*state.processors, *self._added):
            processors.add_span_processor(processor)
        self.current = sdk_trace.TracerProvider(
            sampler=state.sampler,
            resource=state.resource,
            shutdown_on_exit=False,
            active_span_processor=processors,
            id_generator=state.id_generator,
            span_limits=state.span_limits,
        )

    def __getattr__(self, name: str) -> Any:
        if name == "sampler":
            return self.current.sampler if self.current is not None else sampling.ALWAYS_OFF
        if name == "id_generator":
            return self.current.id_generator if self.current is not None else RandomIdGenerator()
        raise AttributeError(name)

    @property
    def resource(self) -> Resource:
        return self.current.resource if self.current is not None else Resource.get_empty()

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> trace.Tracer:
        scope = InstrumentationScope(instrumenting_module_name, instrumenting_library_version, schema_url, attributes)
        with self._handing_out:
            return self._handed_out.setdefault(scope, Tracer(self, scope))

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        self._added.append(span_processor)
        if self.current is not None:
            self.current.add_span_processor(span_processor)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self.current is None or self.current.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Shuts down the processors that others added; states are taken away by their own undo."""
        for processor in self._added:
            processor.shutdown()
        self._added.clear()


class Tracer(sdk_trace.Tracer):
    """A tracer for life: asks the provider's current state for a span each time."""

    def __init__(self, provider: TracerProvider, scope: InstrumentationScope) -> None:
        self._provider = provider
        self._scope = scope
        self._seen: sdk_trace.TracerProvider | None = None
        self._tracer: trace.Tracer = trace.NoOpTracer()

    def start_span(  # noqa: PLR0913 - the API's signature
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[trace.Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> trace.Span:
        return self._current().start_span(
            name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
        )

    def _current(self) -> trace.Tracer:
        provider = self._provider.current
        if provider is not self._seen:
            scope = self._scope
            self._tracer = (
                provider.get_tracer(scope.name, scope.version, scope.schema_url, scope.attributes)
                if provider is not None
                else trace.NoOpTracer()
            )
            self._seen = provider
        return self._tracer

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._current(), name)


class Outlet(SpanProcessor):
    """A span processor for another library's provider, which can never give it back: what is behind it is swapped."""

    def __init__(self) -> None:
        self.states: Stack[TracingState] = Stack(self._refresh)
        self._processors: tuple[SpanProcessor, ...] = ()

    def _refresh(self, state: TracingState | None) -> None:
        self._processors = state.processors if state is not None else ()

    def on_start(self, span: sdk_trace.Span, parent_context: Context | None = None) -> None:
        for processor in self._processors:
            processor.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        for processor in self._processors:
            processor.on_end(span)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        flushed = [processor.force_flush(timeout_millis) for processor in self._processors]
        return all(flushed)


_outlet: Final = Outlet()
_fed: Final[list[object]] = []


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
