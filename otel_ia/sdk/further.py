"""What only some spans have: events, links, a status, losses over a limit."""

from collections.abc import Iterable
from typing import Any, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

from otel_ia.delivery.wire.spans import encode_dropped, encode_link, encode_status
from otel_ia.redaction import Redactor
from otel_ia.sdk.attributes import AttributeLimits, copied
from otel_ia.sdk.events import EventScanning, Noted, encode_noted

UNSET: Final = Status(StatusCode.UNSET)


class Further:
    """The parts of one span that most spans lack; made when the first of them comes."""

    __slots__ = ("dropped_attributes", "dropped_events", "dropped_links", "events", "links", "status")

    def __init__(self) -> None:
        self.events: list[Noted] = []
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

    def encode(self, redactor: Redactor | None, of_events: EventScanning | None) -> bytes:
        """All of it as fields of a Span message, without its secrets."""
        # copies, for another thread may be adding
        pieces = [encode_noted(noted, redactor, of_events) for noted in list(self.events)]
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
