"""A sink that keeps what it is given, parsed."""

from collections.abc import Callable
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage


class KeptSpans:
    """What was begun, settled and ended, in order; scopes by prefix."""

    def __init__(self) -> None:
        self.happened: list[tuple[str, str]] = []
        self.messages: list[SpanMessage] = []
        self.announced: list[SpanMessage] = []
        self.scopes: dict[bytes, Any] = {}
        self.of_scopes: list[str] = []
        self._names: dict[int, str] = {}
        self.on_ended: Callable[[], None] = lambda: None

    def scope(self, encoded: bytes, /) -> bytes:
        prefix = bytes([len(self.scopes) + 1])
        self.scopes[prefix] = ScopeSpans.FromString(encoded).scope
        return prefix

    def begun(self, span_id: int, payload: bytes, /) -> None:
        message = SpanMessage.FromString(payload[1:])
        self.happened.append(("begun", message.name))
        self._names[span_id] = message.name
        self.announced.append(message)

    def settled(self, span_id: int, /) -> None:
        self.happened.append(("settled", self._names.get(span_id, "begun at the recursion limit")))

    def ended(self, _kind: int, payload: bytes, /) -> None:
        self.on_ended()
        message = SpanMessage.FromString(payload[1:])
        self.happened.append(("ended", message.name))
        self.of_scopes.append(self.scopes[payload[:1]].name)
        self.messages.append(message)

    @property
    def names(self) -> list[str]:
        return [message.name for message in self.messages]


def attributes_of(message: SpanMessage) -> dict[str, Any]:
    """By key; `None` for an attribute without a value."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "", None) for pair in message.attributes}
