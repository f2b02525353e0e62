"""What becomes of a span: it is announced when it may take long, and delivered when it has ended."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util import BoundedList

from otel_ia.delivery.spooling import frames
from otel_ia.delivery.spooling.holding import held_frame
from otel_ia.delivery.wire.attributes import SPAN, encode_known
from otel_ia.delivery.wire.spans import REMOTE_PARENT, encode_span, encode_trace_state
from otel_ia.guard import guarded
from otel_ia.redaction import Redactor
from otel_ia.sdk.events import encode_noted
from otel_ia.sdk.home import LONG_CALL
from otel_ia.sdk.scanning import encode_scanned

if TYPE_CHECKING:
    from otel_ia.sdk.keeping import HeldTrace
    from otel_ia.sdk.span import Span


def announce(span: "Span") -> None:
    """Tells the sink that a span has begun which may take long."""
    sink, held = span.home.sink, span.held
    if sink is not None and (held is not None or span.identity[3] & 1):
        span.is_announced = True
        redactor = span.home.redactor
        payload = encode(span, 0, redactor.uncounted() if redactor is not None else None)
        if held is None:
            sink.begun(span.identity[1], payload)
        else:
            held.keeper.begun(held, span.identity[1], payload)


def deliver(span: "Span") -> bool:
    """Hands an ended span to the sink, then to the processors; True when that is done."""
    home, end = span.home, span.end_time or 0
    tell = _tell
    if span.held is not None:
        _hand_to(span.held, span, end)
        span.pattern.is_long = end - span.start_time > LONG_CALL
        tell = _try_to_tell
    elif home.ended is not None and span.identity[3] & 1:
        payload = encode(span, end, home.redactor)
        if span.is_announced and home.sink is not None:
            home.sink.settled(span.identity[1])
        home.ended(frames.SPAN, payload)
        span.pattern.is_long = end - span.start_time > LONG_CALL
        tell = _try_to_tell  # it is kept: if a processor fails now, ending the span again would keep it twice
    if home.processors.are_any:
        tell(span)
    return True


def _hand_to(held: "HeldTrace", span: "Span", end: int) -> None:
    if span.is_announced:
        held.keeper.settled(span.identity[1])
    held.note_status(span.status)
    if span.identity[1].to_bytes(8, "big") == held.key:
        held.end(end - span.start_time, lambda: encode(span, end, span.home.redactor))
    elif held.is_kept is not False:
        held.take(held_frame(held.key, encode(span, end, span.home.redactor)))


def _tell(span: "Span") -> None:
    span.home.processors._on_ending(span)  # noqa: SLF001 - the one private name a processor of the SDK's answers to
    span.home.processors.on_end(readable(span))


_try_to_tell: Final = guarded(_tell)


def readable(span: "Span") -> ReadableSpan:
    """What processors and exporters are given when the span has ended, and what writes it as JSON."""
    attributes: Any = span.all_attributes()
    events: Any = span.events
    links: Any = span.links
    further = span.further
    if further is not None and (further.dropped_attributes or further.dropped_events or further.dropped_links):
        attributes = BoundedAttributes(None, attributes, immutable=True)
        attributes.dropped = further.dropped_attributes
        events = BoundedList.from_seq(None, events)
        events.dropped = further.dropped_events
        links = BoundedList.from_seq(None, links)
        links.dropped = further.dropped_links
    return ReadableSpan(
        name=span.name,
        context=span.get_context_here(),
        parent=span.parent,
        resource=span.home.resource,
        attributes=attributes,
        events=events,
        links=links,
        kind=span.kind,
        instrumentation_info=span.home.information,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.home.scope,
    )


def encode_rest(span: "Span") -> bytes | None:
    """What a span has beyond its pattern, ids and times, to be joined to them.

    `None` where an attribute of its own replaces one of the pattern's.
    """
    own, only, home = span.own, span.only_event, span.home
    rest = (only is not None and only[4]) or _encode_further(span, home.redactor)
    if own:
        kept: Mapping[str, Any] = own
        scan = home.of_spans
        encoded = encode_known(own, scan.place, scan.clean, scan.is_clean) if scan is not None else None
        if encoded is None:  # a copy, for another thread may be adding
            encoded, kept = encode_scanned(own.copy(), SPAN, home.redactor, home.of_spans)
        if not span.pattern.static.keys.isdisjoint(kept):
            return None
        rest += encoded
    return rest


def _encode_further(span: "Span", redactor: Redactor | None) -> bytes:
    """Its events, links, status and losses."""
    only, further = span.only_event, span.further
    if only is not None:
        return only[4] or encode_noted(only, redactor, span.home.of_events)
    return further.encode(redactor, span.home.of_events) if further is not None else b""


def encode(span: "Span", end: int, redactor: Redactor | None) -> bytes:
    """The span behind the prefix of its scope, as the sink takes it; without an end where that is 0."""
    trace_id, span_id, _, _, trace_state = span.identity
    parent, own = span.parent_identity, span.own
    further = _encode_further(span, redactor)
    if own and redactor is not None:
        own = redactor.redact_attributes(own.copy())
    if trace_state is not None:
        further += encode_trace_state(trace_state)
    if parent is not None and parent[2]:
        further += REMOTE_PARENT
    parent_id = parent[1] if parent is not None else None
    message = encode_span(span.pattern.static, trace_id, span_id, parent_id, span.start_time, end, own, further)
    return (span.home.prefix or span.home.ask_prefix()) + message
