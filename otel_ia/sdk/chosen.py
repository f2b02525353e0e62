"""Spans of traces that were chosen: sampled as a share of their like, or not sampled and held until it is known why."""

import struct
from bisect import bisect_left
from functools import partial
from typing import Final

from otel_ia import clock, semconv
from otel_ia.delivery.wire.bare import END, PARENT_ID, SPAN_ID, START
from otel_ia.guard import guarded
from otel_ia.recording.callsite import unended
from otel_ia.sdk.calls import CallSpan
from otel_ia.sdk.ending import encode, encode_rest
from otel_ia.sdk.home import LONG_CALL, Home, Pattern
from otel_ia.sdk.identity import Identity
from otel_ia.sdk.keeping import HeldTrace
from otel_ia.sdk.shares import Share
from otel_ia.sdk.span import Span, new_span
from otel_ia.sdk.tallies import SUM
from otel_ia.sdk.tallies import Tally as CallTally
from otel_ia.sdk.unrecorded import Unrecorded

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


class HeldCall(CallSpan):
    """A call of a trace that is held."""

    __slots__ = ("chosen",)

    chosen: HeldTrace

    @property
    def held(self) -> HeldTrace:  # type: ignore[override]
        return self.chosen

    def close(self, error: BaseException | None = None, rest: bytes | None = b"") -> None:
        """Ends the call; see `CallSpan.close`."""
        elapsed = clock.monotonic() - self.began
        is_usual = error is None and self.end_time is None and self.home.at_once is not None and not self.is_announced
        if not is_usual or elapsed > LONG_CALL or hasattr(self, "first_item"):
            if hasattr(self, "first_item"):
                self._unpack_first_item()
            self.is_announced = self.is_announced or elapsed > LONG_CALL  # so that it goes the longer way
            super().close(error)
            return
        self.inside = None
        self.end_time = end = self.start_time + elapsed
        if not _end(self, elapsed, rest):
            self.end_time = None
            unended.append((self, end, type(None)))
        tally = self.tally
        if type(tally) is CallTally and (self.own is None or semconv.BATCH_SIZE not in self.own):
            cells, at = tally.cells, bisect_left(tally.bounds, elapsed)
            cells[at] += 1
            cells[SUM] += elapsed
            tally.exemplars[at] = self
        elif tally is not None:
            self._count(tally, elapsed)


class HeldSpan(Span):
    """A span of a trace that is held, which no call site of ours has made."""

    __slots__ = ("held",)

    held: HeldTrace


@guarded
def _end(span: HeldCall, elapsed: int, rest: bytes | None) -> bool:
    trace = span.chosen
    trace.note_status(span)
    if span.own_id is trace.key:
        trace.end(elapsed, partial(_pack, span, rest))
    elif trace.is_kept is not False:
        trace.take(_pack(span, rest))
    return True


def _pack(span: HeldCall, rest: bytes | None) -> bytes:
    end = span.end_time or 0
    bare = span.pattern.bare
    if not rest and (span.own is not None or span.further is not None):
        rest = encode_rest(span)
    if rest is None or bare is None:
        return encode(span, end, span.home.redactor)
    ids = (bare.begin, span.trace_id, SPAN_ID, span.own_id)
    times = (START, span.start_time, END, end, bare.whole)
    try:
        if span.parent_id is None:
            return bare.pack_root(*ids, *times) + rest
        return bare.pack_child(*ids, PARENT_ID, span.parent_id, *times) + rest
    except struct.error:  # a clock that shows no time there can be
        return encode(span, end, span.home.redactor)


def trace_to_join(home: Home, above: object) -> HeldTrace | None:
    """The held trace that a span which is not sampled belongs to, a new one below a parent of another process.

    None where it is not to be held.
    """
    keeper = home.keeper
    if keeper is None:
        return None
    if not isinstance(above, Span | Unrecorded):
        return keeper.new_trace()
    trace = getattr(above, "held", None)
    if trace is None:
        return None
    if trace.is_elsewhere:
        return keeper.new_trace()
    return None if trace.is_kept is False else trace


def new_held_span(  # noqa: PLR0913 - as `new_span`
    trace: HeldTrace,
    home: Home,
    pattern: Pattern,
    identity: Identity,
    parent: Identity | None,
    start: int,
    anchor: int,
    asked: tuple[bool, bool],
) -> HeldSpan:
    """A span that has begun in this trace, or begins it."""
    span: HeldSpan = new_span(home, pattern, identity, parent, start, anchor, None, *asked, kind=HeldSpan)  # type: ignore[assignment]
    span.held = trace
    if not trace.key:
        trace.begin(identity[1].to_bytes(8, "big"))
    return span
