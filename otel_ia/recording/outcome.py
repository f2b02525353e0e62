"""How a call ended, and what its span says of it."""

import enum
import os
import sys
import weakref
from types import CodeType, FrameType, TracebackType
from typing import Any, Final

from opentelemetry.trace import Span, Status, StatusCode

from otel_ia import semconv, values
from otel_ia.exceptions import message_of, traceback_of
from otel_ia.guard import guarded
from otel_ia.recording.first_seen import tell


class Outcome(enum.StrEnum):
    """How a call ended. Only `ERROR` and `ABANDONED` set the span's status."""

    OK = "ok"
    ERROR = "error"
    CANCELLED = "cancelled"
    CLOSED_EARLY = "closed_early"
    ABANDONED = "abandoned"


class UnseenError(Exception):
    """Stands for an exception that has left a loop, where it is known that there is one, and no more.

    Goes by the name that the conventions have for an error of no known type, wherever the name of its class is told:
    https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/.
    """

    __module__, __qualname__ = "builtins", "_OTHER"

    def __init__(self) -> None:
        super().__init__("left by an exception")


_CANCELLATIONS: Final = (KeyboardInterrupt, SystemExit, GeneratorExit)
_CANCELLING_MODULES: Final = ("asyncio", "concurrent.futures")
_CANCELLATION_NAMES: Final = ("trio.Cancelled", "trio._core._exceptions.Cancelled")
_BLOCK_LIMIT: Final = 64


def outcome_of(error: BaseException | None) -> Outcome:
    """The outcome of a call that ended with this exception, or with none."""
    if error is None:
        return Outcome.OK
    if issubclass(type(error), GeneratorExit):
        return Outcome.CLOSED_EARLY
    return Outcome.CANCELLED if _is_cancellation(error) else Outcome.ERROR


def _is_cancellation(error: BaseException) -> bool:
    cancellations = _cancellations()
    pending = [error]  # groups may lie deeper in each other than recursion reaches
    while pending:
        current = pending.pop()
        kind = type(current)  # for `isinstance` may run a property `__class__` of the user's
        if issubclass(kind, BaseExceptionGroup):
            pending += vars(BaseExceptionGroup)["exceptions"].__get__(current)
        elif not issubclass(kind, cancellations) and values.qualified_name(kind) not in _CANCELLATION_NAMES:
            return False
    return True


def _cancellations() -> tuple[type[BaseException], ...]:
    """The classes of exceptions that cancel.

    A module that nobody has imported has raised nothing; importing asyncio would take half of `import otel_ia`.
    """
    found = [getattr(sys.modules.get(name), "CancelledError", None) for name in _CANCELLING_MODULES]
    return (*_CANCELLATIONS, *(kind for kind in found if isinstance(kind, type)))


def record_outcome(span: Span, outcome: Outcome, error: BaseException, time: int) -> bool:
    """Puts outcome, status and `error.type` on the span, and tells the exception on the span that sees it first.

    Returns whether it is told on this span or on one below. Of one that is not known there is nothing to tell.
    """
    is_told = outcome is Outcome.ERROR and _was_told_below(span, error)
    if not span.is_recording():
        return is_told
    span.set_attribute(semconv.OUTCOME, outcome.value)
    if outcome is not Outcome.ERROR:
        return False
    error_type = values.qualified_name(type(error))
    span.set_attribute(semconv.ERROR_TYPE, error_type)
    span.set_status(Status(StatusCode.ERROR, message_of(error) or error_type))
    if type(error) is UnseenError:
        return False
    if not is_told:
        tell(span, error, time)
    return True


def is_wrapper(code: object) -> bool:
    """Whether this is the code of one of the wrappers that `monitor` makes.

    By name and file instead of by identity, for a wrapper that cloudpickle has brought here has code of its own, since
    its version 3.1.3 without the file.
    """
    return (
        isinstance(code, CodeType)
        and code.co_name == "monitored"
        and code.co_qualname.startswith("monitor_")
        and code.co_filename.startswith((_ROOM, "<dynamic-code>"))
    )


_ROOM: Final = os.path.dirname(outcome_of.__code__.co_filename)  # noqa: PTH120 - no file is touched

_told_by_block: Final[weakref.WeakKeyDictionary[Span, dict[int, tuple[CodeType, int]]]] = weakref.WeakKeyDictionary()
"""For a span, the exceptions that left a `with` block below it: id, and where in the block each passed."""


@guarded
def note_told_by_block(parent: Span, error: BaseException) -> None:
    """Tells the parent's span, if it records, that the event of this exception stands on a `with` block below it.

    A block leaves no frame of ours in the traceback, and a reference to the exception would keep the user's frames and
    tensors alive. The instruction inside the block that let the exception pass is enough: any exception that passes
    there leaves through the block.
    """
    entry = traceback_of(error) if parent.is_recording() else None
    if entry is not None:
        told = _told_by_block.setdefault(parent, {})
        if len(told) >= _BLOCK_LIMIT:
            told.clear()
        told[id(error)] = entry.tb_frame.f_code, entry.tb_lasti


def _was_told_below(span: Span, error: BaseException) -> bool:
    entry: TracebackType | None = traceback_of(error)
    own = entry.tb_frame if entry is not None else None
    code, instruction = _told_by_block.get(span, {}).get(id(error), (None, 0))
    while entry is not None:
        if entry.tb_frame.f_code is code and entry.tb_lasti == instruction:
            return True
        if entry.tb_frame is not own and _has_told(entry.tb_frame):
            return True
        entry = entry.tb_next
    return False


def _has_told(frame: FrameType) -> bool:
    """Whether this is the frame of a wrapper whose call has put its exception on a span.

    It has not where nothing was recorded, or where the recursion limit was too near.
    """
    call: Any = frame.f_locals.get("call") if is_wrapper(frame.f_code) else None
    return call is not None and bool(call.is_told)
