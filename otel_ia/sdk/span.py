"""The span: what differs from call to call, and nothing more, until someone asks."""

import logging
import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from opentelemetry.context import Context
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationInfo, InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from otel_ia import clock, values
from otel_ia.exceptions import describe, message_of
from otel_ia.sdk.attributes import cleaned, copied, is_key, set_bounded
from otel_ia.sdk.ending import announce, deliver, readable
from otel_ia.sdk.events import Event, Noted
from otel_ia.sdk.further import UNSET, Further, new_link
from otel_ia.sdk.home import Home, Pattern
from otel_ia.sdk.identity import Identity

if TYPE_CHECKING:
    from otel_ia.sdk.keeping import HeldTrace

_logger: Final = logging.getLogger("opentelemetry.sdk.trace")  # whoever silences the SDK's warnings silences these


class Span(sdk_trace.Span):
    """A span of the SDK's kind, made by `new_span`."""

    __slots__ = (
        "anchor",
        "end_time",
        "further",
        "home",
        "identity",
        "is_announced",
        "made_context",
        "only_event",
        "own",
        "parent_identity",
        "pattern",
        "records_exception",
        "sets_status",
        "start_time",
    )

    held: "HeldTrace | None" = None
    """The trace it is held with, where that is not sampled and may be kept yet."""

    home: Home
    pattern: Pattern
    identity: Identity
    parent_identity: Identity | None
    start_time: int
    anchor: int
    """Wall clock less monotonic clock when the span began: both added are now, whatever was done to the wall clock."""
    end_time: int | None
    own: dict[str, Any] | None
    """The attributes beyond those of the pattern."""
    only_event: Noted | None
    """The event that is all the span has beyond attributes: most have no other, and need no `further` for it."""
    further: Further | None
    made_context: SpanContext | None
    is_announced: bool
    records_exception: bool
    sets_status: bool

    def __new__(cls, *_: object, **__: object) -> NoReturn:
        raise TypeError("Span must be instantiated via a tracer.")

    def __init__(self) -> None:
        """Is never called: see `new_span`."""

    def __repr__(self) -> str:
        return f'{type(self).__name__}(name="{self.name}", context={self.context})'

    @property
    def name(self) -> str:
        return self.pattern.name

    @property
    def kind(self) -> SpanKind:
        return self.pattern.kind

    @property
    def flags(self) -> TraceFlags:
        return self.identity[3]

    @property
    def context(self) -> SpanContext:
        return self.get_span_context()

    def get_span_context(self) -> SpanContext:
        made = self.made_context
        if made is None:
            made = self.made_context = SpanContext(*self.identity)
        return made

    get_context_here = get_span_context
    """The same where it stays in this process: see `recording.current.context_here`."""

    @property
    def parent(self) -> SpanContext | None:
        return SpanContext(*self.parent_identity) if self.parent_identity is not None else None

    @property
    def status(self) -> Status:
        return self.further.status if self.further is not None else UNSET

    @property
    def attributes(self) -> Mapping[str, Any]:
        return MappingProxyType(self.all_attributes())

    @property
    def events(self) -> Sequence[Event]:
        only, further = self.only_event, self.further
        if only is not None:
            return (Event(only),)
        return tuple(map(Event, further.events)) if further is not None else ()

    @property
    def links(self) -> Sequence[Link]:
        return tuple(self.further.links) if self.further is not None else ()

    @property
    def dropped_attributes(self) -> int:
        return self.further.dropped_attributes if self.further is not None else 0

    @property
    def dropped_events(self) -> int:
        return self.further.dropped_events if self.further is not None else 0

    @property
    def dropped_links(self) -> int:
        return self.further.dropped_links if self.further is not None else 0

    @property
    def resource(self) -> Resource:
        return self.home.resource

    @property
    def instrumentation_scope(self) -> InstrumentationScope:
        return self.home.scope

    @property
    def instrumentation_info(self) -> InstrumentationInfo | None:
        text = "You should use instrumentation_scope. Deprecated since version 1.11.1."
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        return self.home.information

    def to_json(self, indent: int | None = 4) -> str:
        return str(readable(self).to_json(indent))

    def is_recording(self) -> bool:
        return self.end_time is None

    def set_attribute(self, key: str, value: Any) -> None:
        if self.end_time is not None:
            _logger.warning("Setting attribute on ended span.")
            return
        own = self.own
        if own is None:
            own = self.own = {}
        kind = type(value)  # told by identity, not looked up: that may run `__hash__` of a metaclass
        if (
            ((kind is str and self.home.takes_texts) or kind is int or kind is float or kind is bool)
            and type(key) is str
            and key
            and len(own) < self.pattern.room
        ):
            if key in own:
                own.pop(key, None)  # it moves to the end
            own[key] = value
        else:
            self._set_unusual(key, value)

    def _set_unusual(self, key: object, value: object) -> None:
        if is_key(key):
            self._put(*cleaned({str.__str__(key): value}, self.home.limits.of_span))
        else:
            self._further().dropped_attributes += 1

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        if self.end_time is not None:
            _logger.warning("Setting attribute on ended span.")
            return
        self._put(*cleaned(attributes, self.home.limits.of_span))

    def _put(self, attributes: dict[str, Any], dropped: int) -> None:
        own = self.own
        if own is None:
            own = self.own = {}
        if len(own) + len(attributes) > self.pattern.room:
            own = self.own = self.all_attributes()
            self.pattern = self.home.pattern(self.name, self.kind)
        count = self.home.limits.of_span.count
        if len(own) + len(attributes) <= self.pattern.room and own.keys().isdisjoint(attributes):
            own.update(attributes)  # 0.3 µs an attribute less than one after the other
            attributes = {}
        for key, value in attributes.items():
            dropped += set_bounded(own, key, value, count)
        if dropped:
            self._further().dropped_attributes += dropped

    def all_attributes(self) -> dict[str, Any]:
        """The pattern's and its own, the latest last."""
        static = self.pattern.static.attributes
        own = dict(self.own or {})
        return {key: value for key, value in static.items() if key not in own} | own if static else own

    def _further(self) -> Further:
        further = self.further
        if further is None:
            made = Further()
            further = self.further  # nothing is called or made from here on: no other thread or finalizer gets in
            if further is None:
                only = self.only_event
                self.further = further = made
                self.only_event = None
                if only is not None:
                    made.events.insert(0, only)
        return further

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        home, encoded = self.home, None
        moment = self.anchor + clock.monotonic() if timestamp is None else timestamp
        # Mostly it can be encoded at once, which looks at the types as well: 0.8 µs less than to keep it until the end.
        if timestamp is None and type(attributes) is dict and len(attributes) <= home.most_at_once:
            kept, dropped = attributes.copy(), 0
            encoded = home.of_events.encode(name, moment, kept)  # type: ignore[union-attr]
        if encoded is None:
            kept, dropped = copied(attributes, home.limits.of_event)
        if self.end_time is not None:
            _logger.warning("Tried calling _add_event on an ended span.")
            return
        noted = name, moment, kept, dropped, encoded
        if (
            self.only_event is None and self.further is None and home.most_events
        ):  # nothing is called up to the next line
            self.only_event = noted
        else:
            self._note_beside(noted)

    def _note_beside(self, noted: Noted) -> None:
        further = self._further()
        further.events.append(noted)
        if len(further.events) > self.home.most_events:
            del further.events[0]
            further.dropped_events += 1

    def add_link(self, context: SpanContext, attributes: Any = None) -> None:
        limits = self.home.limits
        link = new_link(context, attributes, limits.of_link)
        if link is None:
            return
        if self.end_time is not None:
            _logger.warning("Tried calling _add_link on an ended span.")
            return
        self._further().add_link(link, limits.links)

    def update_name(self, name: str) -> None:
        if self.end_time is not None:
            _logger.warning("Tried calling update_name on an ended span.")
            return
        self.own = self.all_attributes()
        self.pattern = self.home.pattern(name, self.kind)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        if self.end_time is not None:
            _logger.warning("Tried calling set_status on an ended span.")
            return
        is_whole = issubclass(type(status), Status)
        code: Any = status.status_code if is_whole else status  # type: ignore[union-attr]
        if type(code) is not StatusCode or code is StatusCode.UNSET or self.status.status_code is StatusCode.OK:
            return
        if not is_whole:
            if description is not None:
                is_text = issubclass(type(description), str)
                description = str.__str__(description) if is_text else str(values.legal(description))
            status = Status(code, description)
        elif description is not None:
            _logger.warning("Description %s ignored. Use either `Status` or `(StatusCode, Description)`", description)
        self._further().status = status  # type: ignore[assignment]

    def record_exception(
        self, exception: BaseException, attributes: Any = None, timestamp: int | None = None, escaped: bool = False
    ) -> None:
        described: dict[str, Any] = {**describe(exception), "exception.escaped": str(escaped)}
        if attributes:
            described.update(attributes)
        self.add_event("exception", described, timestamp)

    def start(self, start_time: int | None = None, parent_context: Context | None = None) -> None:  # noqa: ARG002
        """Only warns, as on any span that was started: a tracer hands out no other."""
        _logger.warning("Calling start() on a started span.")

    def announce(self) -> None:
        """Keeps what is known by now for the case that the process dies while the span is open."""
        if self.end_time is None:
            announce(self)

    def end(self, end_time: int | None = None) -> None:
        end = self.anchor + clock.monotonic() if end_time is None else end_time
        if self.end_time is None:  # no call from here to the next line, so no other thread gets in between
            self.end_time = end
            try:
                deliver(self)
            except (RecursionError, MemoryError):
                self.end_time = None  # it can be ended again where there is more room
                raise
        else:
            _logger.warning("Calling end() on an ended span.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and self.is_recording():
            if self.records_exception:
                self.record_exception(error, escaped=True)
            if self.sets_status:
                self.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {message_of(error)}"))
        self.end()


_make: Final[Any] = object.__new__


def new_span(  # noqa: PLR0913 - keywords would take a tenth of the time
    home: Home,
    pattern: Pattern,
    identity: Identity,
    parent_identity: Identity | None,
    start: int,
    anchor: int,
    own: dict[str, Any] | None,
    records_exception: bool,
    sets_status: bool,
    kind: type[Span] = Span,
) -> Span:
    """A span that has begun."""
    # Storing the slots here saves the SDK's `__new__` and `__init__`, 4 µs of Python code.
    span: Span = _make(kind)
    span.home = home
    span.pattern = pattern
    span.identity = identity
    span.parent_identity = parent_identity
    span.start_time = start
    span.anchor = anchor
    span.end_time = span.only_event = span.further = span.made_context = None
    span.own = own
    span.is_announced = False
    span.records_exception = records_exception
    span.sets_status = sets_status
    return span
