"""What `start_as_current_span` returns: for a `with`, or to decorate a function."""

import functools
import inspect
from collections.abc import Callable
from contextvars import Token
from types import TracebackType
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode

from otel_ia.exceptions import message_of
from otel_ia.recording.current import attach, context_of, get_current, leave

P = ParamSpec("P")
R = TypeVar("R")


class Starter(Protocol):
    """What starts the span: a tracer."""

    def start_span(self, name: str, *arguments: Any) -> Span: ...


class SpanAsCurrent:
    """A span from entry to exit, current in between. As a decorator: one for each call, until a coroutine's end."""

    __slots__ = ("_arguments", "_ends", "_span", "_starter", "_token")

    def __init__(self, tracer: Starter, arguments: tuple[Any, ...], *, end_on_exit: bool) -> None:
        self._starter = tracer
        self._arguments = arguments
        self._ends = end_on_exit
        self._span: Span
        self._token: Token[Context]

    def __enter__(self) -> Span:
        span = self._span = self._starter.start_span(*self._arguments)
        self._token = attach(context_of(span, get_current()))
        return span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        span = self._span
        leave(self._token)
        # Whatever is no Exception, such as GeneratorExit, is no error.
        if isinstance(error, Exception) and span.is_recording():
            records_exception, sets_status = self._arguments[6:8]
            if records_exception:
                span.record_exception(error)
            if sets_status:
                span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {message_of(error)}"))
        if self._ends:
            span.end()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def in_coroutine(*args: Any, **kwargs: Any) -> Any:
                with self._again():
                    return await function(*args, **kwargs)

            return cast(Callable[P, R], in_coroutine)

        @functools.wraps(function)
        def in_call(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._again():
                return function(*args, **kwargs)

        return in_call

    def _again(self) -> "SpanAsCurrent":
        return SpanAsCurrent(self._starter, self._arguments, end_on_exit=self._ends)
