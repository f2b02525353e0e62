"""Spans of traces that were chosen: sampled as a share of their like, or not sampled and held until it is known why."""

import struct
from bisect import bisect_left
from typing import Any, Final

from opentelemetry.trace import SpanContext, get_current_span

from otel_ia import clock, semconv
from otel_ia.delivery.wire.bare import END, PARENT_ID, SPAN_ID, START
from otel_ia.delivery.wire.raw import pack_raw
from otel_ia.forks import at_forks
from otel_ia.guard import guarded
from otel_ia.recording.callsite import unended
from otel_ia.recording.tallying import uncounted
from otel_ia.sdk.calls import CallSpan
from otel_ia.sdk.ending import deliver, encode, encode_rest
from otel_ia.sdk.events import RAW
from otel_ia.sdk.further import UNSET
from otel_ia.sdk.home import LONG_CALL, Home, Pattern
from otel_ia.sdk.identity import Identity
from otel_ia.sdk.keeping import HeldTrace
from otel_ia.sdk.shares import Share
from otel_ia.sdk.span import Span, new_span
from otel_ia.sdk.tallies import SUM
from otel_ia.sdk.tallies import Tally as CallTally
from otel_ia.sdk.unrecorded import Unrecorded

_deliver: Final = guarded(deliver)
_encode_rest: Final = guarded(encode_rest)


def _pack_raw(span: "HeldCall") -> bytes | None:
    """The same as it was given; `None` where that may hold a secret, or is to be looked at more closely.

    Cannot fail but at the limits of the interpreter: a guard around it would take 0.2 µs.
    """
    # a copy: another thread may put something on the span after it was looked at
    own, only, scan = (span.own or {}).copy(), span.only_event, span.home.of_spans
    if (
        scan is None
        or span.further is not None
        or (only is not None and only[4] is not RAW)
        or not scan.is_harmless(own)
        or not span.pattern.static.keys.isdisjoint(own)
    ):
        return None
    return pack_raw(own, only)


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
                if not rest and (self.own is not None or self.only_event is not None or self.further is not None):
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

    def get_span_context(self) -> SpanContext:
        if not self.chosen.is_shared:  # from here it may go anywhere, with a request for instance
            self.chosen.share(self.trace_id)
        return super().get_span_context()

    def close(self, error: BaseException | None = None, rest: bytes | None = b"") -> None:  # noqa: C901, PLR0912 - as in `CallSpan`
        """Ends the call; see `CallSpan.close`."""
        elapsed = clock.monotonic() - self.began
        trace, tally, end = self.chosen, self.tally, self.start_time + elapsed
        was_ended = self.end_time is not None  # by the user
        is_root = self.own_id is trace.key
        only, further = self.only_event, self.further
        raw: bytes | None = b""
        try:
            if (
                error is not None
                or was_ended
                or self.home.at_once is None
                or self.is_announced
                or elapsed > LONG_CALL
                or (
                    not (is_root or rest)
                    and (self.own is not None or only is not None or further is not None)
                    and (raw := _pack_raw(self)) is None
                    and (rest := _encode_rest(self)) is None
                )
            ):
                self._close_long(error)
                return
            self.inside = None
            self.end_time = end
            if further is not None and further.status is not UNSET:
                trace.note_status(further.status)
            if is_root:
                slower_than = trace.keeper.slower_than
                if (
                    trace.has_failed
                    or (slower_than is not None and elapsed > slower_than)
                    or (trace.part is not None and trace.part.is_wished())  # a root of its own waits for nobody
                ):
                    _end_root(self, elapsed)
                elif trace.decide(is_kept=False):
                    trace.keeper.discarded += 1
            else:
                bare: Any = self.pattern.bare
                frame = bare.pack_held(
                    trace.key,
                    bare.size + len(rest) if rest else bare.size,
                    bare.begin,
                    self.trace_id,
                    SPAN_ID,
                    self.own_id,
                    PARENT_ID,
                    self.parent_id,
                    START,
                    self.start_time,
                    END,
                    end,
                    bare.whole,
                )
                trace.take(frame + (raw or rest) if raw or rest else frame)
        except (RecursionError, MemoryError):
            self.inside = None
            if not was_ended:
                self.end_time = None
                unended.append((self, end, type(error)))
            if error is not None:
                if tally is not None:
                    uncounted.append((tally, elapsed, type(error)))
                return
        except struct.error:  # a clock that shows no time there can be
            _deliver(self)
        if type(tally) is CallTally and (self.own is None or semconv.BATCH_SIZE not in self.own):
            cells, at = tally.cells, bisect_left(tally.bounds, elapsed)
            cells[at] += 1
            cells[SUM] += elapsed
            tally.exemplars[at] = self
        elif tally is not None:
            self._count(tally, elapsed)

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        home = self.home
        if (
            timestamp is None
            and self.end_time is None
            and type(attributes) is dict
            and len(attributes) <= home.most_at_once
            and type(name) is str
            and name in (events := home.of_events).names  # type: ignore[union-attr]
            and events.scan.is_harmless(kept := attributes.copy())  # type: ignore[union-attr]
        ):
            noted = name, self.start_time + clock.monotonic() - self.began, kept, 0, RAW
            if self.only_event is None and self.further is None and home.most_events:  # as in `Span.add_event`
                self.only_event = noted
            else:
                self._note_beside(noted)
        else:
            super().add_event(name, attributes, timestamp)

    def _close_long(self, error: BaseException | None) -> None:
        # `CallSpan.close` delivers by itself what may be sent at once: this is not
        self.is_announced = True
        CallSpan.close(self, error)


class HeldSpan(Span):
    """A span of a trace that is held, which no call site of ours has made."""

    __slots__ = ("held",)

    held: HeldTrace

    def get_span_context(self) -> SpanContext:
        if not self.held.is_shared:  # as for `HeldCall`
            self.held.share(self.identity[0].to_bytes(16, "big"))
        return super().get_span_context()


@guarded
def _end_root(span: HeldCall, elapsed: int) -> None:
    span.chosen.end(elapsed, lambda: encode(span, span.end_time or 0, span.home.redactor))


def trace_to_join(home: Home, above: object, trace_id: int, key: bytes) -> HeldTrace | None:
    """The held trace that a span which is not sampled belongs to, one with this key below a parent of another process.

    None where it is not to be held.
    """
    keeper = home.keeper
    if keeper is None:
        return None
    if above is None:
        return HeldTrace(keeper, key)
    if isinstance(above, Span | Unrecorded):
        trace = getattr(above, "held", None)
        if trace is None:
            return None
        if not trace.is_elsewhere:
            return None if trace.is_kept is False else trace
    begun = HeldTrace(keeper, key)
    begun.join(trace_id.to_bytes(16, "big"))
    return begun


def _share_current() -> None:
    span = get_current_span()
    if isinstance(span, HeldCall | HeldSpan):
        span.get_span_context()


at_forks(before=guarded(_share_current))


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
    return span
