"""What only some spans have: events, links, a status, losses over a limit."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

from otel_ia.delivery.wire.attributes import EVENT
from otel_ia.delivery.wire.spans import encode_dropped, encode_link, encode_status, join_event
from otel_ia.redaction import Redactor
from otel_ia.sdk.attributes import AttributeLimits, copied
from otel_ia.sdk.scanning import Scanning, encode_scanned

UNSET: Final = Status(StatusCode.UNSET)


class Event(sdk_trace.Event):
    """An event whose attributes were cleaned and bounded before."""

    __slots__ = ("dropped_attributes", "kept", "name", "timestamp")

    # In the place of the SDK's properties.
    name: str
    timestamp: int
    dropped_attributes: int

    def __init__(self, name: str, timestamp: int, attributes: dict[str, Any], dropped: int) -> None:
        self.name = name
        self.timestamp = timestamp
        self.kept = attributes
        self.dropped_attributes = dropped

    @property
    def attributes(self) -> Mapping[str, Any]:
        return MappingProxyType(self.kept)


class Further:
    """The parts of one span that most spans lack; made when the first of them comes."""

    __slots__ = ("dropped_attributes", "dropped_events", "dropped_links", "events", "links", "status")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.links: list[Link] = []
        self.status = UNSET
        self.dropped_attributes = 0
        self.dropped_events = 0
        self.dropped_links = 0

    def add_link(self, link: Link, limit: int | None) -> None:
        """Adds a link, in the place of the oldest where there are too many."""
        self.links.append(link)
        if limit is not None and len(self.links) > limit:
            del self.links[0]
            self.dropped_links += 1

    def encode(self, redactor: Redactor | None, of_events: Scanning | None = None) -> bytes:
        """All of it as fields of a Span message, without its secrets."""
        pieces = []
        for event in list(self.events):  # a copy, for another thread may be adding
            name = event.name if redactor is None else redactor.redact_name(event.name)
            encoded = of_events.encode(event.kept) if of_events is not None else None
            if encoded is None:
                encoded = encode_scanned(event.kept, EVENT, redactor, of_events)[0]
            pieces.append(join_event(name, event.timestamp, encoded, event.dropped_attributes))
        for link in list(self.links) if self.links else ():
            linked: Any = link.attributes or {}
            if redactor is not None:
                linked = redactor.redact_attributes(linked)
            pieces.append(encode_link(link.context, linked, link.dropped_attributes))
        status = self.status
        if status is not UNSET:
            description = status.description
            if redactor is not None and description:
                description = redactor.redact_text(description)
            pieces.append(encode_status(status.status_code, description))
        if self.dropped_attributes or self.dropped_events or self.dropped_links:
            pieces.append(
                encode_dropped(attributes=self.dropped_attributes, events=self.dropped_events, links=self.dropped_links)
            )
        return b"".join(pieces)


def new_link(context: SpanContext | None, attributes: Any, limits: AttributeLimits) -> Link | None:
    """The link with its attributes cleaned, or `None` where there is nothing to link to."""
    if context is None or not (context.is_valid or attributes or context.trace_state):
        return None
    kept, dropped = copied(attributes, limits)
    bounded = BoundedAttributes(None, kept, immutable=True)
    bounded.dropped = dropped
    return Link(context, bounded)


def valid_links(given: Iterable[Link | None] | None, limits: AttributeLimits) -> list[Link]:
    """Those of the links that lead somewhere, with their attributes cleaned."""
    made = [new_link(link.context, link.attributes, limits) for link in given or () if link is not None]
    return [link for link in made if link is not None]
