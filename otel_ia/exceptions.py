"""An exception in the words of the semantic conventions: type, message, stack trace."""

from collections.abc import Callable
from types import TracebackType
from typing import Final

from otel_ia import semconv, values
from otel_ia.guard import guarded
from otel_ia.stack_traces import format_exception

STACK_TRACE_LIMIT: Final = 65_536
"""Characters of a stack trace; of a longer one the middle is left out."""
FRAME_LIMIT: Final = 256
"""Frames of one exception's stack trace, the innermost: at 10 µs each an endless recursion would take seconds."""
_FRAMES_TO_FORMAT: Final = 48


def message_of(error: BaseException) -> str:
    """The exception's message, bounded and encodable; of one whose `__str__` raises, that it cannot be printed."""
    message = _own_text(error)
    return values.text(message) if message is not None else f"<unprintable {type(error).__name__}>"


traceback_of: Final[Callable[[BaseException], TracebackType | None]] = vars(BaseException)["__traceback__"].__get__
"""The exception's traceback, past any property of that name which its class may have. Takes no frame of Python's."""


def describe(error: BaseException) -> dict[str, str]:
    """The `exception.*` attributes: `type`, `message`, `stacktrace` with causes, contexts and groups.

    Where the recursion limit is too near to format the stack trace, it is empty.
    """
    return {
        semconv.EXCEPTION_TYPE: values.qualified_name(type(error)),
        semconv.EXCEPTION_MESSAGE: message_of(error),
        semconv.EXCEPTION_STACKTRACE: _stack_trace(error) or "",
    }


@guarded(ours=False)
def _own_text(error: BaseException) -> str:
    return str(error)


@guarded(ours=False)
def _stack_trace(error: BaseException) -> str:
    _descend(_FRAMES_TO_FORMAT)
    whole = format_exception(error, FRAME_LIMIT)
    if len(whole) > STACK_TRACE_LIMIT:
        half = STACK_TRACE_LIMIT // 2
        # At ends of lines, for half a secret is not known as one.
        head, tail = whole[:half].rpartition("\n")[0] or whole[:half], whole[-half:].partition("\n")[2] or whole[-half:]
        whole = f"{head}\n  … {len(whole) - len(head) - len(tail)} characters left out …\n{tail}"
    return values.text(whole, STACK_TRACE_LIMIT + 100)


def _descend(frames: int) -> None:
    """Raises `RecursionError` here, where there are too few frames left.

    In the middle of `traceback` it would leave generators behind whose own end fails, which the interpreter prints.
    """
    if frames:
        _descend(frames - 1)
