"""A monitored call of our own tracer: the span is the call, which saves an object and 100 ns."""

import struct
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final, Self, cast

from opentelemetry.context import Context
from opentelemetry.trace import TraceFlags

from otel_ia import clock, semconv
from otel_ia.delivery.spooling.frames import SPAN
from otel_ia.delivery.wire.bare import END, PARENT_ID, SPAN_ID, START
from otel_ia.delivery.wire.numbers import stream_packer
from otel_ia.delivery.wire.spans import StaticSpan
from otel_ia.guard import guarded
from otel_ia.recording.callsite import (
    ApiCall,
    count_stream,
    describe_stream,
    end_late,
    stream_attributes,
    unended,
)
from otel_ia.recording.description import Description
from otel_ia.recording.tallying import Tally, end_call, is_count, uncounted
from otel_ia.sdk.ending import deliver, encode_rest
from otel_ia.sdk.home import LONG_CALL, Home
from otel_ia.sdk.identity import Identity
from otel_ia.sdk.span import Span
from otel_ia.sdk.tallies import SUM
from otel_ia.sdk.tallies import Tally as CallTally
from otel_ia.sdk.unrecorded import Unrecorded

if TYPE_CHECKING:
    from otel_ia.capture.plan import Plan

_deliver: Final = guarded(deliver)
_encode_rest: Final = guarded(encode_rest)
_ITEMS, _TIME_TO_FIRST_ITEM, _RATE = semconv.STREAM_ITEMS, semconv.STREAM_TIME_TO_FIRST_ITEM, semconv.STREAM_RATE
_SAID: Final = len(stream_attributes(1, 1, 1))
_pack_stream: Final = stream_packer(_ITEMS, (_TIME_TO_FIRST_ITEM, _RATE), semconv.STREAM_FIRST_ITEM)


def leaves_streams(static: StaticSpan, home: Home) -> bool:
    """Whether what is said of a stream stands on such a span as it is, whatever the numbers are."""
    said = stream_attributes(1, 1, 1)
    name = semconv.STREAM_FIRST_ITEM
    redactor = home.redactor
    if redactor is not None and (
        redactor.is_asking or redactor.redact_attributes(said) is not said or redactor.redact_name(name) != name
    ):
        return False
    return static.keys.isdisjoint(said) and home.most_events > 0


@guarded
def _encode_captured(span: "CallSpan", plan: "Plan", result: object) -> bytes:
    """Puts what is captured of the result on the span; gives what `encode_rest` would make, where that is known.

    Calls of one call site mostly have arguments of the same types and shapes: then all attributes are as in the last
    one, and so are their bytes. Encoding 50 attributes takes 20 µs, comparing them 2.
    """
    if span.end_time is not None:
        return b""
    told = plan.result_attributes(result)
    if told:
        span.set_attributes(told)
    own, home, pattern = span.own, span.home, span.pattern
    if not own or home.of_spans is None or home.ended is None:
        return b""
    if span.only_event is not None or span.further is not None:
        return b""
    kinds = list(map(type, own.values()))  # for 1 and 1.0 and True are equal
    if (known := pattern.captured) is not None and known[0] == own and known[1] == kinds:
        return known[2]
    encoded = home.of_spans.encode(own)
    if encoded is None or not pattern.static.keys.isdisjoint(own):
        return b""
    pattern.captured = own, kinds, encoded
    return encoded


@guarded
def _count_batch(tally: CallTally, elapsed: int, span: "CallSpan") -> bool:
    """What `end_call` does of a call that ended well, in a third of its time."""
    tally.series.add(elapsed, span)
    size = (span.own or {}).get(semconv.BATCH_SIZE)
    if size is not None and is_count(size):
        tally.record_batch(size, span)
    return True


class CallSpan(Span):
    """The span of a monitored call, made by its call site."""

    __slots__ = ("began", "flags", "inside", "own_id", "parent_id", "tally", "tells", "trace_id")

    # Ids as they are written. The numbers that OpenTelemetry has for them are made when someone asks: 100 ns.
    trace_id: bytes
    own_id: bytes
    parent_id: bytes | None
    flags: TraceFlags

    began: int
    """When it began, by the monotonic clock."""
    inside: Context | None
    """Where the span is current, until it is closed: the two hold each other."""
    is_span: Final = True
    tells: bool
    """Whether it was told what ended the call; there if an exception did."""
    tally: Tally | None
    records_exception = False  # `close` does what the end of a `with` would do
    sets_status = False

    @property
    def is_told(self) -> bool:
        """Whether an `exception` event of what ended the call stands on this span or on one below."""
        return getattr(self, "tells", False)

    @property
    def description(self) -> Description:
        """What is fixed at the call site."""
        return cast("Description", self.pattern.call)

    @property
    def anchor(self) -> int:  # type: ignore[override]
        return self.start_time - self.began

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

    def close_stream(self, items: int, began: int, first: int, error: BaseException | None = None) -> None:
        """Closes a generator's call; see `Call.close_stream`."""
        elapsed = clock.monotonic() - began
        moment = self.start_time + first - self.began
        pattern = self.pattern
        rest = b""
        if (
            error is None
            and items
            and elapsed > 0
            and self.own is None
            and self.only_event is None
            and self.further is None
            and pattern.leaves_streams
            and pattern.room >= _SAID
        ):
            seconds, rate = (first - began) / 1e9, items * 1e9 / elapsed
            try:
                rest = _pack_stream(items, seconds, rate, moment)
            except struct.error:  # a clock that shows no time there can be
                describe_stream(self, stream_attributes(items, first - began, elapsed), moment)
            else:
                self.own = {_ITEMS: items, _TIME_TO_FIRST_ITEM: seconds, _RATE: rate}
                self.only_event = (semconv.STREAM_FIRST_ITEM, moment, {}, 0, None)
        else:
            describe_stream(self, stream_attributes(items, first - began, elapsed), moment if items else None)
        if self.tally is not None:
            count_stream(self.tally, items, first - began, elapsed, self)
        self.close(error, rest)

    def close_capturing(self, plan: "Plan", result: object) -> None:
        """Ends a call of which the result is captured; see `Call.close_capturing`."""
        self.close(None, _encode_captured(self, plan, result) or b"")

    def close(self, error: BaseException | None = None, rest: bytes | None = b"") -> None:  # noqa: C901, PLR0912, PLR0915 - each end, without a call
        """Ends the call, see `Call.close`; `rest` is what `encode_rest` would make, where that is known."""
        self.inside = None
        if error is not None:
            elapsed = clock.monotonic() - self.began
            try:
                self._close_with(error, self.start_time + elapsed)
            finally:
                if self.tally is not None:
                    try:  # not in `_count`: the recursion limit may leave room for `append`, and for no call of ours
                        end_call(self.tally, self.description, elapsed, error, self)
                    except (RecursionError, MemoryError):
                        uncounted.append((self.tally, elapsed, type(error)))
            return
        if self.end_time is not None:  # the user has ended it
            if self.tally is not None:
                self._count(self.tally, clock.monotonic() - self.began)
            return
        elapsed = clock.monotonic() - self.began
        home, start = self.home, self.start_time
        bare: Any = self.pattern.bare  # is there whenever `at_once` is
        at_once = home.at_once
        try:
            self.end_time = end = start + elapsed
            if (
                at_once is None
                or self.is_announced
                or elapsed > LONG_CALL
                or (
                    not rest
                    and (self.own is not None or self.only_event is not None or self.further is not None)
                    and (rest := _encode_rest(self)) is None
                )
            ):
                if not _deliver(self):
                    self.end_time = None
            else:
                begin, whole, parent_id = bare.begin, bare.whole, self.parent_id
                if parent_id is None:
                    message = bare.pack_root(begin, self.trace_id, SPAN_ID, self.own_id, START, start, END, end, whole)
                else:
                    message = bare.pack_child(
                        begin, self.trace_id, SPAN_ID, self.own_id, PARENT_ID, parent_id, START, start, END, end, whole
                    )
                at_once(SPAN, message + rest if rest else message)
        except (RecursionError, MemoryError):
            self.end_time = None
        except struct.error:  # a clock that shows no time there can be
            if not _deliver(self):
                self.end_time = None
        if self.end_time is None:
            unended.append((self, start + elapsed, type(None)))
        elif unended:
            end_late()
        tally = self.tally
        if tally is None:
            return
        if type(tally) is CallTally and (self.own is None or semconv.BATCH_SIZE not in self.own):
            # What `Series.add` does, without its call. Each line is one step for other threads and signal handlers.
            cells, at = tally.cells, bisect_left(tally.bounds, elapsed)
            cells[at] += 1
            cells[SUM] += elapsed
            tally.exemplars[at] = self
        else:
            self._count(tally, elapsed)

    def _close_with(self, error: BaseException, end: int) -> None:
        try:
            is_done = self._record(error)
        except (RecursionError, MemoryError):
            is_done = None
        if not is_done and self.end_time is None:
            unended.append((self, end, type(error)))

    def _count(self, tally: Tally, elapsed: int) -> None:
        try:
            if type(tally) is not CallTally or uncounted:
                end_call(tally, self.description, elapsed, None, self)
            elif not _count_batch(tally, elapsed, self):
                uncounted.append((tally, elapsed, None))
        except (RecursionError, MemoryError):
            uncounted.append((tally, elapsed, None))

    @guarded
    def _record(self, error: BaseException) -> bool:
        call = ApiCall(self.description, self, self.start_time, self.began)
        call.close(error)
        self.tells = call.is_told
        return True


class CountedCall:
    """A call that is not sampled, but counted."""

    __slots__ = ("began", "description", "inside", "span", "tally")

    span: Unrecorded
    inside: Context | None
    description: Description
    began: int
    tally: Tally | None
    is_span: Final = False
    is_told: Final = False

    def close_capturing(self, _plan: "Plan", _result: object) -> None:
        """Ends the count: nothing is captured."""
        self.close()

    def close_stream(self, items: int, began: int, first: int, error: BaseException | None = None) -> None:
        """Ends the counts of a generator's call."""
        if self.tally is not None:
            count_stream(self.tally, items, first - began, clock.monotonic() - began, self.span)
        self.close(error)

    def close(self, error: BaseException | None = None) -> None:
        """Ends the count."""
        self.inside = None
        tally = self.tally
        elapsed = clock.monotonic() - self.began
        if error is None and type(tally) is CallTally:
            cells = tally.cells
            cells[bisect_left(tally.bounds, elapsed)] += 1
            cells[SUM] += elapsed
        elif tally is not None:
            try:
                end_call(tally, self.description, elapsed, error, self.span)
            except (RecursionError, MemoryError):
                uncounted.append((tally, elapsed, None if error is None else type(error)))
