"""Calls of traces that were chosen by chance."""

from typing import Final

from otel_ia.guard import guarded
from otel_ia.sdk.calls import CallSpan
from otel_ia.sdk.ending import encode_rest
from otel_ia.sdk.identity import Identity
from otel_ia.sdk.shares import Share

_encode_rest: Final = guarded(encode_rest)


class StatedCall(CallSpan):
    """A sampled call whose trace state says which share of its like is."""

    __slots__ = ("chosen",)

    chosen: Share

    @property
    def identity(self) -> Identity:  # type: ignore[override]
        trace_id, span_id, is_remote, flags, _ = super().identity
        return trace_id, span_id, is_remote, flags, self.chosen.state

    @property
    def parent_identity(self) -> Identity | None:  # type: ignore[override]
        parent = super().parent_identity
        return (*parent[:4], self.chosen.state) if parent is not None else None

    def close(self, error: BaseException | None = None, rest: bytes | None = b"") -> None:
        """Ends the call; see `CallSpan.close`."""
        if error is None and self.end_time is None:
            try:
                if not rest and (self.own is not None or self.further is not None):
                    rest = _encode_rest(self)
                rest = rest + self.chosen.encoded if rest is not None else b""
            except (RecursionError, MemoryError):
                rest = b""
        super().close(error, rest)
