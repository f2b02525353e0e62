"""What a tracer does while one state is installed, worked out beforehand so that a span needs only to look it up."""

import sys
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, SynchronousMultiSpanProcessor, sampling
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationInfo, InstrumentationScope
from opentelemetry.trace import SpanKind

from otel_ia.delivery.wire.bare import BareSpan
from otel_ia.delivery.wire.spans import StaticSpan, static_span
from otel_ia.forks import begun_anew
from otel_ia.recording.description import Description
from otel_ia.redaction import Redactor
from otel_ia.sdk.attributes import AttributeLimits
from otel_ia.sdk.events import scanning_events
from otel_ia.sdk.identifiers import OWN_IDS
from otel_ia.sdk.keeping import Keeper
from otel_ia.sdk.redacted import redacted_scope
from otel_ia.sdk.sampling import known_answers
from otel_ia.sdk.scanning import scanning
from otel_ia.sdk.shares import Share
from otel_ia.sdk.sink import Sink

LONG_CALL: Final = 50_000_000
"""Nanoseconds; a span whose last one took longer is announced when it begins."""
KNOWN_NAMES: Final = 1_024
"""Names of spans whose encoding a tracer keeps."""

_INTERNAL: Final = SpanKind.INTERNAL


class TracingState:
    """What the tracer provider does while this state is on top."""

    def __init__(  # noqa: PLR0913 - keyword-only
        self,
        processors: Sequence[SpanProcessor],
        *,
        resource: Resource,
        sampler: sampling.Sampler = sampling.DEFAULT_ON,
        id_generator: IdGenerator | None = None,
        span_limits: SpanLimits | None = None,
        sink: Sink | None = None,
        redactor: Redactor | None = None,
        keeper: Keeper | None = None,
        heeds_shares: bool = True,
    ) -> None:
        self.processors = tuple(processors)
        self.resource = resource
        self.sampler = sampler
        self.id_generator = id_generator or OWN_IDS
        self.span_limits = span_limits or SpanLimits()
        self.sink = sink
        self.redactor = redactor
        """Takes the secrets out of what goes to the sink."""
        self.keeper = keeper
        """Holds traces that are not sampled."""
        self.heeds_shares = heeds_shares
        """Whether a call site may want a share of its calls to be sampled."""


class Processors(SynchronousMultiSpanProcessor):
    """The processors of a state, which know whether there are any."""

    def __init__(self, processors: Sequence[SpanProcessor], homes: "Sequence[Home]" = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.are_any = False
        self._homes = homes
        for processor in processors:
            self.add_span_processor(processor)

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        super().add_span_processor(span_processor)
        self.are_any = True
        for home in self._homes:
            home.at_once = None


class Limits:
    """The limits of a span, as this package asks for them."""

    __slots__ = ("events", "links", "of_event", "of_link", "of_span")

    def __init__(self, limits: SpanLimits) -> None:
        self.of_span = AttributeLimits(limits.max_span_attributes, limits.max_span_attribute_length)
        self.of_event = AttributeLimits(limits.max_event_attributes, limits.max_attribute_length)
        self.of_link = AttributeLimits(limits.max_link_attributes, limits.max_attribute_length)
        self.events = limits.max_events
        self.links = limits.max_links


class Pattern:
    """What spans of one name, kind and call site have in common."""

    __slots__ = (
        "bare",
        "call",
        "captured",
        "is_long",
        "kind",
        "leaves_streams",
        "name",
        "room",
        "root",
        "share",
        "static",
    )

    def __init__(
        self,
        name: str,
        kind: SpanKind,
        attributes: dict[str, Any] | None,
        limits: AttributeLimits,
        redactor: Redactor | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        if redactor is not None:
            name = redactor.redact_text(name)
            attributes = redactor.redact_attributes(attributes) if attributes else attributes
        self.static: StaticSpan = static_span(name, kind, attributes)
        self.room = _or_any(limits.count) - len(self.static.attributes)
        """How many attributes a span may have of its own before one has to go."""
        self.call: Description | None = None
        """What is fixed at the call site."""
        self.bare: BareSpan | None = None
        """Packs the spans of a call site."""
        self.captured: tuple[dict[str, Any], list[type], bytes] | None = None
        """Attributes that the last call captured, their types, and both encoded."""
        self.root: bool | None = None
        """Whether a call that begins a trace is sampled; `None`: as its share says."""
        self.share: Share | None = None
        """Which of them are; `None`: that is to be asked."""
        self.leaves_streams = False
        """Whether what is said of a stream is written as it is."""
        self.is_long = True
        """Whether the next span is announced: the first, and one after a call that took long."""


def _or_any(limit: int | None) -> int:
    return sys.maxsize if limit is None else limit


class Installed:
    """A state that is in force or was when a span began."""

    def __init__(self, state: TracingState, added: Sequence[SpanProcessor]) -> None:
        self.state = state
        self.homes: list[Home] = []
        self.processors = Processors([*state.processors, *added], self.homes)
        self.limits = Limits(state.span_limits)
        self.answers = known_answers(state.sampler)
        self.of_spans = scanning(9, around=5, redactor=state.redactor)
        self.of_events = scanning_events(state.redactor)
        _all.add(self)

    def abandon(self) -> None:
        """In a forked child: spans that began in the parent end there."""
        self.processors = Processors(())
        for home in self.homes:
            home.at_once = home.ended = home.sink = home.keeper = None
            home.processors = self.processors


class Home:
    """One tracer under one installed state: where its spans begin and end."""

    __slots__ = (
        "_is_crowded",
        "_patterns",
        "answers",
        "at_once",
        "ended",
        "heeds_shares",
        "ids",
        "information",
        "keeper",
        "limits",
        "most_at_once",
        "most_events",
        "of_events",
        "of_spans",
        "own_ids",
        "prefix",
        "processors",
        "redactor",
        "resource",
        "sampler",
        "scope",
        "sink",
        "takes_texts",
    )

    def __init__(
        self, installed: Installed, scope: InstrumentationScope, information: InstrumentationInfo | None
    ) -> None:
        state = installed.state
        self.scope = scope
        self.information = information
        self.resource = state.resource
        self.sampler = state.sampler
        self.ids = state.id_generator
        self.own_ids = state.id_generator is OWN_IDS
        self.answers = installed.answers
        self.limits = installed.limits
        self.takes_texts = installed.limits.of_span.takes_texts
        self.processors = installed.processors
        self.sink = state.sink
        self.heeds_shares = state.heeds_shares
        self.keeper = state.keeper if state.sink is not None else None
        self.redactor = state.redactor
        self.of_spans = installed.of_spans
        self.of_events = installed.of_events if state.sink is not None else None
        limits = installed.limits
        self.most_events = _or_any(limits.events)
        is_at_once = self.of_events is not None and limits.of_event.takes_texts
        self.most_at_once = _or_any(limits.of_event.count) if is_at_once else -1
        """How many attributes an event may have to be encoded when it is given."""
        self.ended: Callable[[int, bytes], None] | None = state.sink.ended if state.sink is not None else None
        self.at_once = self.ended
        """Takes an ended span where nobody else wants to know of it; else None, and there is more to do."""
        self.prefix = b""
        """What stands before each span of this tracer in the sink; empty until `ask_prefix`."""
        self._patterns: dict[Hashable, Pattern] = {}
        self._is_crowded = False
        installed.homes.append(self)
        if installed.processors.are_any:
            self.at_once = None

    def ask_prefix(self) -> bytes:
        """The prefix, asked of the sink when the tracer's first span comes."""
        if self.sink is not None:
            self.prefix = self.sink.scope(redacted_scope(self.scope, self.redactor))
        return self.prefix

    def pattern(self, name: str, kind: SpanKind) -> Pattern:
        """The pattern of spans of this name and kind that share no call site."""
        if type(name) is not str or type(kind) is not SpanKind:
            return Pattern(name, kind, None, self.limits.of_span, self.redactor)
        # the hash of an enumeration's member is computed in Python: 150 ns
        key = name if kind is _INTERNAL else (name, kind)
        found = self._patterns.get(key)
        if found is not None:
            return found
        if len(self._patterns) >= KNOWN_NAMES:
            self._patterns.clear()
            self._is_crowded = True
        made = self._patterns[key] = Pattern(name, kind, None, self.limits.of_span, self.redactor)
        made.is_long = not self._is_crowded  # or names that never come again would all be announced
        return made


_all: Final = begun_anew(Installed.abandon)
