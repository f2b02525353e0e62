"""Our delivery behind another library's tracer provider."""

from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from otel_ia.delivery.spooling import frames
from otel_ia.delivery.wire.spans import encode_readable_span
from otel_ia.forks import begun_anew
from otel_ia.guard import guarded
from otel_ia.redaction import Redactor
from otel_ia.sdk.bound import put_bound_on_span
from otel_ia.sdk.home import KNOWN_NAMES, LONG_CALL, TracingState
from otel_ia.sdk.redacted import redacted_scope, redacted_span
from otel_ia.sdk.sink import Prefixes, Sink
from otel_ia.sdk.stack import Stack


class SinkProcessor(SpanProcessor):
    """A span processor of the SDK's that hands sampled spans to a sink, each in the thread that ends it.

    With a redactor they have no secrets any more when they come there.
    """

    def __init__(self, sink: Sink, redactor: Redactor | None = None) -> None:
        self._sink = sink
        self._redactor = redactor
        self._prefixes = Prefixes(sink, lambda scope: redacted_scope(scope, redactor))
        self._are_long: dict[str, bool] = {}
        self._begun: dict[int, bool] = {}
        """Span ids of what is open, and whether it was announced."""
        self._of_parent: frozenset[int] = frozenset()
        _all.add(self)

    @guarded
    def on_start(self, span: sdk_trace.Span, parent_context: Context | None = None) -> None:  # noqa: ARG002
        context = span.get_span_context()
        if not context.trace_flags.sampled:
            return
        is_long = self._are_long.get(span.name, len(self._are_long) < KNOWN_NAMES)
        self._begun[context.span_id] = is_long
        if is_long:
            self._sink.begun(context.span_id, self._encode(span))

    @guarded
    def on_end(self, span: ReadableSpan) -> None:
        context = span.get_span_context()
        if context is None or not context.trace_flags.sampled or context.span_id in self._of_parent:
            return
        payload = self._encode(span)
        if self._begun.pop(context.span_id, False):
            self._sink.settled(context.span_id)
        self._sink.ended(frames.SPAN, payload)
        if span.name in self._are_long or len(self._are_long) < KNOWN_NAMES:
            self._are_long[span.name] = (span.end_time or 0) - (span.start_time or 0) > LONG_CALL

    def begin_in_child(self) -> None:
        """In a forked child: what is open is ended by the parent."""
        self._of_parent |= self._begun.keys()
        self._begun = {}

    def _encode(self, span: ReadableSpan) -> bytes:
        shown = span if self._redactor is None else redacted_span(span, self._redactor)
        return self._prefixes.of(span.instrumentation_scope) + encode_readable_span(shown)


class Outlet(SpanProcessor):
    """A span processor for another library's provider, which can never give it back: what is behind it is swapped."""

    def __init__(self) -> None:
        self.states: Final[Stack[TracingState]] = Stack(self._refresh)
        self._processors: tuple[SpanProcessor, ...] = ()

    def _refresh(self, state: TracingState | None) -> None:
        if state is None:
            self._processors = ()
        elif state.sink is None:
            self._processors = state.processors
        else:
            self._processors = (SinkProcessor(state.sink, state.redactor), *state.processors)

    def on_start(self, span: sdk_trace.Span, parent_context: Context | None = None) -> None:
        if self._processors:
            put_bound_on_span(span, parent_context)
        for processor in self._processors:
            processor.on_start(span, parent_context)

    def _on_ending(self, span: sdk_trace.Span) -> None:
        for processor in self._processors:
            processor._on_ending(span)  # noqa: SLF001 - the one private name a processor of the SDK's answers to

    def on_end(self, span: ReadableSpan) -> None:
        for processor in self._processors:
            processor.on_end(span)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        flushed = [processor.force_flush(timeout_millis) for processor in self._processors]
        return all(flushed)


_all: Final = begun_anew(SinkProcessor.begin_in_child)
