"""Exceptions that nobody catches, recorded once as CRITICAL events; then whoever handled them before handles them."""

import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final

from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import NonRecordingSpan

from otel_ia import clock, semconv, values
from otel_ia.exceptions import describe
from otel_ia.guard import guarded
from otel_ia.recording.current import get_current
from otel_ia.recording.first_seen import seen_by
from otel_ia.recording.outcome import Outcome, outcome_of
from otel_ia.sdk.exception_records import write
from otel_ia.sdk.when_imported import when_imported

_thread: Final = threading.local()
"""`error` is what this thread has recorded and is passing on: a hook further down the chain does not do so again."""


_users: Final[list[object]] = []
_changes: Final[ExitStack] = ExitStack()


def record_uncaught() -> Callable[[], None]:
    """From now on uncaught exceptions are recorded; returns the undo. Asked for twice it is so until both are undone.

    Of the main program and of threads, of asyncio (where the loop is asyncio's own), and those of finalizers that the
    interpreter can raise nowhere. Each change puts a hook of its own before the one that is there. One that another
    hook was put before in the meantime stays in the chain, and does nothing more.
    """
    if not _users:
        for holder, name, make in (
            (sys, "excepthook", _main_hook),
            (threading, "excepthook", _thread_hook),
            (sys, "unraisablehook", _unraisable_hook),
        ):
            _changes.callback(_put_before(holder, name, make))
        # asyncio is imported by who needs it: it takes 2 MB, and a third of the time of `configure`
        _changes.callback(when_imported("asyncio.base_events", _watch_loops))
    user = object()
    _users.append(user)

    def undo() -> None:
        if user in _users:
            _users.remove(user)
            if not _users:
                _changes.close()

    return undo


def _watch_loops(base_events: Any) -> None:
    _changes.callback(_put_before(base_events.BaseEventLoop, "call_exception_handler", _loop_hook))


Hook = Callable[..., None]
_IsActive = Callable[[], bool]


def _put_before(holder: Any, name: str, make: Callable[[Hook, _IsActive], Hook]) -> Callable[[], None]:
    before = getattr(holder, name)
    is_active = True
    mine = make(before, lambda: is_active)
    setattr(holder, name, mine)

    def undo() -> None:
        nonlocal is_active
        is_active = False
        if getattr(holder, name) is mine:
            setattr(holder, name, before)

    return undo


def _main_hook(before: Hook, is_active: _IsActive) -> Hook:
    def excepthook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        told = error if is_active() else None
        _handle(told, lambda: "uncaught exception", lambda: before(kind, error, traceback), is_in_span=True)

    return excepthook


def _thread_hook(before: Hook, is_active: _IsActive) -> Hook:
    def excepthook(arguments: Any, /) -> None:
        told = arguments.exc_value if is_active() else None
        _handle(told, lambda: "uncaught exception in a thread", lambda: before(arguments), is_in_span=True)

    return excepthook


def _unraisable_hook(before: Hook, is_active: _IsActive) -> Hook:
    def unraisablehook(unraisable: Any, /) -> None:
        def say() -> str:
            return f"{unraisable.err_msg or 'exception ignored in'}: {values.legal(unraisable.object)}"

        _handle(unraisable.exc_value if is_active() else None, say, lambda: before(unraisable))

    return unraisablehook


def _loop_hook(before: Hook, is_active: _IsActive) -> Hook:
    def call_exception_handler(loop: Any, context: dict[str, Any]) -> None:
        told = context.get("exception") if is_active() else None
        _handle(told, lambda: str(values.legal(context.get("message"))), lambda: before(loop, context))

    return call_exception_handler


def _handle(
    error: BaseException | None, say: Callable[[], str], pass_on: Callable[[], None], *, is_in_span: bool = False
) -> None:
    before = getattr(_thread, "error", None)
    if error is not None and error is not before:
        _record(error, say, is_in_span=is_in_span)
        _thread.error = error
    try:
        pass_on()
    finally:
        _thread.error = before


def is_passed_on(error: object) -> bool:
    """Whether this thread has recorded the exception as uncaught and is handing it on."""
    return error is not None and error is getattr(_thread, "error", None)


@guarded
def _record(error: BaseException, say: Callable[[], str], *, is_in_span: bool) -> None:
    thread = threading.current_thread()
    if outcome_of(error) is not Outcome.ERROR or thread.name.startswith("otel_ia "):
        return
    context = get_current()
    seen = seen_by(error)
    if seen is not None or not is_in_span:  # where the collector of garbage runs says nothing
        context = trace.set_span_in_context(NonRecordingSpan(seen or trace.INVALID_SPAN_CONTEXT), context)
    described = {**describe(error), semconv.THREAD_NAME: values.text(thread.name), semconv.THREAD_ID: thread.ident or 0}
    write(values.text(say()), described, context, clock.wall(), severity=SeverityNumber.FATAL, text="CRITICAL")
