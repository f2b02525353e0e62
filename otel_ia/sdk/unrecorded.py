"""The span of a call that is not sampled: it only carries ids to its children."""

from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext

from otel_ia.sdk.identifiers import draw_bits
from otel_ia.sdk.identity import FLAGS, Identity


class Unrecorded(NonRecordingSpan):
    """A span that records nothing, made by `new_unrecorded`; its ids are drawn when someone asks for them."""

    __slots__ = ("inside", "made_context", "made_identity")

    made_identity: Identity | None
    made_context: SpanContext | None
    inside: Context | None
    """Where it is current if it is a call's, until that is closed: the two hold each other."""
    is_span: Final = True
    is_told: Final = False
    tally: Final = None

    @property
    def identity(self) -> Identity:
        if self.made_identity is None:
            drawn = (draw_bits(128) or 1, draw_bits(64) or 1, False, FLAGS[2], None)
            if self.made_identity is None:  # no call from here to the next line, so no other thread gets in between
                self.made_identity = drawn
        return self.made_identity

    @property
    def span(self) -> "Unrecorded":
        return self

    def close_stream(self, items: int, began: int, first: int, error: BaseException | None = None) -> None:  # noqa: ARG002
        """Has nothing to end."""
        self.inside = None

    def close_capturing(self, _plan: object, _result: object) -> None:
        """Has nothing to end."""
        self.inside = None

    def close(self, error: BaseException | None = None) -> None:  # noqa: ARG002 - as of any call
        """Has nothing to end."""
        self.inside = None

    def get_span_context(self) -> SpanContext:
        made = self.made_context
        if made is None:
            made = self.made_context = SpanContext(*self.identity)
        return made

    def __repr__(self) -> str:
        return f"NonRecordingSpan({self.get_span_context()!r})"


_make: Final = object.__new__


def new_unrecorded(identity: Identity | None) -> Unrecorded:
    """A span that records nothing; without an identity it is a root of ids yet to be drawn."""
    span = _make(Unrecorded)
    span.made_identity = identity
    span.made_context = None
    return span
