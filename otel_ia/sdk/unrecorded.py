"""The span of a call that is not sampled: it only carries ids to its children."""

from typing import Final

from opentelemetry.trace import NonRecordingSpan, SpanContext

from otel_ia.sdk.identity import Identity


class Unrecorded(NonRecordingSpan):
    """A span that records nothing, made by `new_unrecorded`; its context is made when someone asks for it."""

    __slots__ = ("identity", "made_context")

    identity: Identity
    made_context: SpanContext | None

    def get_span_context(self) -> SpanContext:
        made = self.made_context
        if made is None:
            made = self.made_context = SpanContext(*self.identity)
        return made

    def __repr__(self) -> str:
        return f"NonRecordingSpan({self.get_span_context()!r})"


_make: Final = object.__new__


def new_unrecorded(identity: Identity) -> Unrecorded:
    """A span that records nothing."""
    span = _make(Unrecorded)
    span.identity = identity
    span.made_context = None
    return span
