"""How a call ended, and what its span says of it."""

import asyncio
import enum
import weakref
from types import CodeType, TracebackType
from typing import Final

from opentelemetry.trace import Span, Status, StatusCode

from otel_ia import semconv, values
from otel_ia.exceptions import describe, message_of


class Outcome(enum.StrEnum):
    """How a call ended. Only `ERROR` and `ABANDONED` set the span's status."""

    OK = "ok"
    ERROR = "error"
    CANCELLED = "cancelled"
    CLOSED_EARLY = "closed_early"
    ABANDONED = "abandoned"


wrappers: Final[set[CodeType]] = set()
"""The code of our own wrappers: an exception whose traceback leads through one was seen by the call it wraps."""

_seen_by_block: Final[weakref.WeakKeyDictionary[Span, tuple[int, CodeType, int]]] = weakref.WeakKeyDictionary()
"""For a span, the last exception that left a `with` block below it: its id, and where in the block it passed."""

def outcome_of(error: BaseException | None) -> Outcome:
    """The outcome of a call that ended with this exception, or with none."""
    if error is None:
        return Outcome.OK
    if isinstance(error, GeneratorExit):
        return Outcome.CLOSED_EARLY
    return Outcome.CANCELLED if _is_cancellation(error) else Outcome.ERROR


def _is_cancellation(error: BaseException) -> bool:
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | SystemExit | GeneratorExit):
        return True
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_cancellation, error.exceptions))
    return values.qualified_name(type(error)).startswith("trio.") and type(error).__name__ == "Cancelled"


def record_outcome(span: Span, outcome: Outcome, error: BaseException, time: int) -> None:
    """Puts outcome, status, `error.type` and, on the span that sees it first, the `exception` event on the span."""
    span.set_attribute(semconv.OUTCOME, outcome.value)
    if outcome is not Outcome.ERROR:
        return
    error_type = values.qualified_name(type(error))
    span.set_attribute(semconv.ERROR_TYPE, error_type)
    span.set_status(Status(StatusCode.ERROR, message_of(error) or error_type))
    if not _was_seen_below(span, error):
        span.add_event(semconv.EXCEPTION_EVENT, describe(error), time)


def note_seen_by_block(parent: Span, error: BaseException) -> None:
    """Tells the parent's span that a `with` block below it has seen this exception.

    A block leaves no frame of ours in the traceback, and a reference to the exception would keep the user's frames and
    tensors alive. The instruction inside the block that let the exception pass is enough: any exception that passes
    there leaves through the block.
    """
    if error.__traceback__ is not None:
        _seen_by_block[parent] = (id(error), error.__traceback__.tb_frame.f_code, error.__traceback__.tb_lasti)


def _was_seen_below(span: Span, error: BaseException) -> bool:
    identity, code, instruction = _seen_by_block.get(span, (0, None, 0))
    entry: TracebackType | None = error.__traceback__
    is_own = entry is not None and entry.tb_frame.f_code in wrappers
    while entry is not None:
        if entry.tb_frame.f_code in wrappers and not is_own:
            return True
        is_own = False
        if identity == id(error) and entry.tb_frame.f_code is code and entry.tb_lasti == instruction:
            return True
        entry = entry.tb_next
    return False
