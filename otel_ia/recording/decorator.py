"""The verb: `monitor`, one object that is decorator and context manager."""

import functools
import inspect
import math
import os
import sys
from collections.abc import Callable, Mapping
from contextvars import Token
from dataclasses import dataclass, replace
from types import FrameType, TracebackType
from typing import Any, TypeVar, overload

from opentelemetry import trace
from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import Span

from otel_ia import values
from otel_ia.errors import SettingError
from otel_ia.guard import guarded
from otel_ia.recording.callsite import ApiCallSite, Call, CallSite, Description, leave
from otel_ia.recording.classes import monitor_class
from otel_ia.recording.functions import (
    MonitoredCallable,
    called_function,
    monitor_coroutine_function,
    monitor_function,
)
from otel_ia.recording.generators import monitor_async_generator_function, monitor_generator_function
from otel_ia.recording.lines import Place, level_number
from otel_ia.recording.outcome import Outcome, note_seen_by_block, outcome_of

T = TypeVar("T", bound="Callable[..., Any] | property | classmethod[Any, Any, Any] | functools.cached_property[Any]")


@overload
def monitor(
    target: T,
    /,
    *,
    attributes: Mapping[str, object] | None = None,
    log: str | int | None = None,
    slow_after: float | None = None,
) -> T: ...
@overload
def monitor(
    name: str | None = None,
    /,
    *,
    attributes: Mapping[str, object] | None = None,
    log: str | int | None = None,
    slow_after: float | None = None,
) -> "Monitor": ...
def monitor(
    target: Any = None,
    /,
    *,
    attributes: Mapping[str, object] | None = None,
    log: str | int | None = None,
    slow_after: float | None = None,
) -> Any:
    """Records every call of a function, or the run of a block, as a span.

    `@monitor`, `@monitor("name", …)`, `predict = monitor(model.predict)`, `with monitor("name", …) as span:`. It takes
    functions, coroutine functions, generators, async generators, methods, static and class methods, properties (above
    or below their decorators), lambdas, partials, any other callable, and whole classes (their public methods). The
    result has the type, signature and name of what was given.

    Args:
        target: what to monitor, or the span's name. Default name: the qualified name without `<locals>`.
        attributes: attributes of each span, legal ones as they are, others as `otel_ia.values` renders them.
        log: a logging level by name or number: a start line, a finish line with the seconds taken and, at ERROR, a
            line on failure, on the logger of the function's module, inside the span.
        slow_after: seconds; a longer call gets `ia.slow` = true, an `ia.slow` event and a WARNING line.

    Raises:
        TypeError: the target is neither a name nor anything that can be called.
        SettingError: `log` is no level or `slow_after` no positive number of seconds.
    """
    slow_is_legal = slow_after is None or (isinstance(slow_after, int | float) and 0 <= slow_after < math.inf)
    if not slow_is_legal or isinstance(slow_after, bool):
        raise SettingError(source="monitor", key="slow_after", value=slow_after, expected="a number of seconds, 0 or more")
    given = _Given(
        name=target if isinstance(target, str) else None,
        attributes=values.attributes(attributes) if attributes else {},
        log=None if log is None else level_number(log),
        slow_after=slow_after,
    )
    made = Monitor(given)
    return made if target is None or isinstance(target, str) else made(target)


@dataclass(frozen=True, slots=True)
class _Given:
    name: str | None
    attributes: Mapping[str, values.Value]
    log: int | None
    slow_after: float | None

    def at(self, place: Place) -> CallSite:
        name = self.name or place.function.rpartition("<locals>.")[2]
        return ApiCallSite(Description(name, place, self.attributes, self.log, self.slow_after))


class Monitor:
    """What `monitor(…)` returns: a decorator, and a context manager giving the block's span.

    One object may be entered again while it is open, by nested blocks, threads and tasks alike.
    """

    __slots__ = ("_given", "_open")

    def __init__(self, given: _Given) -> None:
        self._given = given
        self._open: list[tuple[Call | None, Token[Context] | None, Span]] = []

    def __call__(self, target: T, /) -> T:
        """The target with a span around each call."""
        is_disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        if is_disabled and self._given.log is None and self._given.slow_after is None:
            return target
        decorated: T = _decorate(target, self._given)
        return decorated

    def __enter__(self) -> Span:
        call = self._given.at(_place_of_frame(sys._getframe(1))).open()  # noqa: SLF001 - the caller's place
        parent = trace.get_current_span()
        token = attach(call.context) if call is not None else None
        self._open.append((call, token, parent))
        return call.span if call is not None else trace.INVALID_SPAN

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        call, token, parent = self._open.pop(self._index_of_current())
        if call is None or token is None:
            return
        call.close(error)
        if error is not None and outcome_of(error) is Outcome.ERROR and parent.is_recording():
            _note_seen(parent, error)
        leave(token)

    def _index_of_current(self) -> int:
        current = get_current()
        for index in range(len(self._open) - 1, -1, -1):
            call = self._open[index][0]
            if call is not None and call.context is current:
                return index
        return -1


_note_seen = guarded(note_seen_by_block)


def _decorate(target: Any, given: _Given) -> Any:
    def again(part: Any) -> Any:
        return _decorate(part, given) if part is not None else None

    if isinstance(target, staticmethod | classmethod):
        return type(target)(again(target.__func__))
    if isinstance(target, property):
        return type(target)(again(target.fget), again(target.fset), again(target.fdel), target.__doc__)
    if isinstance(target, functools.cached_property):
        return type(target)(again(target.func))
    if inspect.isclass(target):
        prefix = given.name
        return monitor_class(
            target,
            lambda member, name: _decorate(member, replace(given, name=f"{prefix}.{name}" if prefix else None)),
        )
    if not callable(target):
        raise TypeError(f"monitor takes a name, a callable or a class, not {values.qualified_name(type(target))}")
    called = called_function(target)
    site = given.at(_place_of_function(called, target))
    if inspect.isfunction(target):
        return _choose(called)(target, site)
    return MonitoredCallable(target, _choose(called)(target, site), functools.partial(_decorate, given=given))


def _choose(called: Callable[..., Any]) -> Callable[[Callable[..., Any], CallSite], Callable[..., Any]]:
    if inspect.isasyncgenfunction(called):
        return monitor_async_generator_function
    if inspect.isgeneratorfunction(called):
        return monitor_generator_function
    if inspect.iscoroutinefunction(called):
        return monitor_coroutine_function
    return monitor_function


def _place_of_function(called: Callable[..., Any], target: Any) -> Place:
    innermost = inspect.unwrap(called)
    code = getattr(innermost, "__code__", None)
    owner = type(target) if not inspect.isroutine(target) and called is not target else None
    qualified = getattr(innermost, "__qualname__", None) or values.qualified_name(type(target))
    is_call_of_object = owner is not None and not isinstance(target, functools.partial)
    return Place(
        module=getattr(innermost, "__module__", None) or type(target).__module__,
        function=owner.__qualname__ if is_call_of_object and owner is not None else qualified,
        file=_absolute(code.co_filename) if code is not None else "",
        line=code.co_firstlineno if code is not None else 0,
    )


def _place_of_frame(frame: FrameType) -> Place:
    code = frame.f_code
    return Place(frame.f_globals.get("__name__", ""), code.co_qualname, _absolute(code.co_filename), frame.f_lineno)


def _absolute(file: str) -> str:
    return file if file.startswith("<") else os.path.abspath(file)  # noqa: PTH100 - no file is touched
