"""A monitored call of our own tracer: the span is the call, which saves an object and 100 ns."""

from typing import Final, Self

from opentelemetry.context import Context
from opentelemetry.trace import TraceFlags

from otel_ia import clock
from otel_ia.guard import guarded
from otel_ia.recording.callsite import ApiCall, Description, end_late, stream_attributes, unended
from otel_ia.sdk.ending import deliver, encode_rest
from otel_ia.sdk.home import LONG_CALL
from otel_ia.sdk.identity import Identity
from otel_ia.sdk.span import Span

_deliver: Final = guarded(deliver)
_encode_rest: Final = guarded(encode_rest)
_describe: Final = guarded(Span.set_attributes)


class CallSpan(Span):
    """The span of a monitored call, made by its call site."""

    __slots__ = ("description", "flags", "inside", "is_told", "own_id", "parent_id", "trace_id")

    # Ids as they are written. The numbers that OpenTelemetry has for them are made when someone asks: 100 ns.
    trace_id: bytes
    own_id: bytes
    parent_id: bytes | None
    flags: TraceFlags

    description: Description
    inside: Context | None
    """Where the span is current, until it is closed: the two hold each other."""
    is_told: bool
    """Whether an `exception` event of what ended the call stands on this span or on one below."""
    records_exception = False  # `close` does what the end of a `with` would do
    sets_status = False

    @property
    def identity(self) -> Identity:  # type: ignore[override]
        return int.from_bytes(self.trace_id, "big"), int.from_bytes(self.own_id, "big"), False, self.flags, None

    @property
    def parent_identity(self) -> Identity | None:  # type: ignore[override]
        if self.parent_id is None:
            return None
        return int.from_bytes(self.trace_id, "big"), int.from_bytes(self.parent_id, "big"), False, self.flags, None

    @property
    def span(self) -> Self:
        return self

    def close_stream(self, items: int, waited: int, error: BaseException | None = None) -> None:
        """Closes a generator's call; see `Call.close_stream`."""
        attributes = stream_attributes(items, waited)
        if self.own is None and len(attributes) <= self.pattern.room:
            self.own = attributes
        elif self.end_time is None:
            _describe(self, attributes)
        self.close(error)

    def close(self, error: BaseException | None = None) -> None:
        """Ends the call, see `Call.close`."""
        self.inside = None
        if error is not None:
            self._close_with(error)
            return
        if self.end_time is not None:  # the user has ended it
            return
        home, bare, start = self.home, self.pattern.bare, self.start_time
        end = self.anchor + clock.monotonic()
        ended = home.ended
        rest: bytes | None = b""
        try:
            self.end_time = end
            if (
                bare is None
                or ended is None
                or self.is_announced
                or home.processors.are_any
                or end - start > LONG_CALL
                or ((self.own is not None or self.further is not None) and (rest := _encode_rest(self)) is None)
            ):
                is_done = _deliver(self)
            else:
                message = bare.encode(self.trace_id, self.own_id, self.parent_id, start, end)
                ended(message + rest if rest else message)
                is_done = True
        except (RecursionError, MemoryError):
            is_done = None
        if is_done:
            if unended:
                end_late()
        else:
            self.end_time = None
            unended.append((self, end, type(None)))

    def _close_with(self, error: BaseException) -> None:
        end = self.anchor + clock.monotonic()
        try:
            is_done = self._record(error)
        except (RecursionError, MemoryError):
            is_done = None
        if not is_done and self.end_time is None:
            unended.append((self, end, type(error)))

    @guarded
    def _record(self, error: BaseException) -> bool:
        call = ApiCall(self.description, self, self.start_time, self.start_time - self.anchor)
        call.close(error)
        self.is_told = call.is_told
        return True
