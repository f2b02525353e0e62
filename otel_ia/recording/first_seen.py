"""How an exception is told where a span sees it first, and which span that was.

As an event of the span, as a log record, or as both: `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN`, see
https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-logs/.
"""

import threading
from collections.abc import Callable, Mapping
from types import CodeType, FrameType
from typing import Final

from opentelemetry.trace import Span, SpanContext

from otel_ia import semconv
from otel_ia.exceptions import describe, traceback_of
from otel_ia.recording.current import context_here

Write = Callable[[Span, Mapping[str, str], int], None]
"""Writes a log record for a span: attributes of the exception, time in nanoseconds since the epoch."""

_ways: Final[list[tuple[Write, bool]]] = []
_seen: Final[dict[int, tuple[tuple[CodeType, int], SpanContext]]] = {}
_left: Final[dict[tuple[int, CodeType, int], SpanContext]] = {}
_SEEN_LIMIT: Final = 64


def tell_by(write: Write, *, also_as_event: bool) -> Callable[[], None]:
    """From now on exceptions are told by log records, and as events of their spans too if wanted; returns the undo."""
    way = write, also_as_event
    _ways.append(way)

    def undo() -> None:
        if way in _ways:
            _ways.remove(way)

    return undo


def tell(span: Span, error: BaseException, time: int) -> None:
    """Tells an exception on the span that sees it first."""
    _note(span, error)
    described = describe(error)
    write, is_event = _ways[-1] if _ways else (None, True)
    if is_event:
        span.add_event(semconv.EXCEPTION_EVENT, described, time)
    if write is not None:
        write(span, described, time)


def note_left(frame: FrameType, span: Span) -> None:
    """Notes that the span ended while its loop, in this frame, was left; whether by an exception is not known there.

    One that passes at this very instruction has left it.
    """
    if len(_left) >= _SEEN_LIMIT:
        _left.clear()
    _left[threading.get_ident(), frame.f_code, frame.f_lasti] = context_here(span)


def seen_by(error: BaseException) -> SpanContext | None:
    """The span that has seen the exception first, or else one whose loop it has left, as far as that is known."""
    place, context = _seen.get(id(error), (None, None))
    if place is not None and place == _raised_at(error):
        return context
    entry = traceback_of(error) if _left else None
    thread = threading.get_ident()
    while entry is not None:
        left = _left.get((thread, entry.tb_frame.f_code, entry.tb_lasti))
        if left is not None:
            return left
        entry = entry.tb_next
    return None


def _note(span: Span, error: BaseException) -> None:
    # By id and place: a reference would keep the frames of the user's program alive, and weak ones few exceptions have.
    place = _raised_at(error)
    if place is not None:
        if len(_seen) >= _SEEN_LIMIT:
            _seen.clear()
        _seen[id(error)] = place, context_here(span)


def _raised_at(error: BaseException) -> tuple[CodeType, int] | None:
    entry = traceback_of(error)
    while entry is not None and entry.tb_next is not None:
        entry = entry.tb_next
    return (entry.tb_frame.f_code, entry.tb_lasti) if entry is not None else None
