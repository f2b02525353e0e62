"""The verb: `monitor`, one object that is decorator and context manager."""

import functools
import inspect
import math
import os
import sys
from collections.abc import Callable, Mapping
from contextvars import Token
from dataclasses import dataclass, replace
from functools import cached_property, partialmethod
from types import FrameType, TracebackType
from typing import Any, Final, TypeVar, overload

from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.trace import Span

from otel_ia import values
from otel_ia.errors import SettingError
from otel_ia.guard import guarded
from otel_ia.recording.callables import MonitoredCallable, below_stand_ins, called_function
from otel_ia.recording.callsite import Call, CallSite, Description, LateCallSite, leave
from otel_ia.recording.classes import monitor_class
from otel_ia.recording.current import attach
from otel_ia.recording.functions import monitor_coroutine_function, monitor_function, resembling
from otel_ia.recording.generators import monitor_async_generator_function, monitor_generator_function
from otel_ia.recording.lines import level_number
from otel_ia.recording.outcome import note_told_by_block
from otel_ia.recording.places import Place, place_of_block, place_of_function

T = TypeVar(
    "T", bound="Callable[..., Any] | property | classmethod[Any, Any, Any] | cached_property[Any] | partialmethod[Any]"
)


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
        SettingError: `log` is no level, `slow_after` no number of seconds, or `attributes` no mapping.
    """
    given = _Given(
        name=target if isinstance(target, str) else None,
        attributes=_attributes_of(attributes),
        log=None if log is None else level_number(log),
        slow_after=_seconds_of(slow_after),
    )
    made = Monitor(given)
    return made if target is None or isinstance(target, str) else made(target)


def _attributes_of(given: object) -> Mapping[str, values.Value]:
    if given is not None and not isinstance(given, Mapping):
        raise SettingError(source="monitor", key="attributes", value=given, expected="a mapping of names to values")
    return values.attributes(given) if given else {}


def _seconds_of(given: object) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < math.inf:
        raise SettingError(source="monitor", key="slow_after", value=given, expected="a number of seconds, 0 or more")
    return float(given)


@dataclass(frozen=True, slots=True)
class _Given:
    name: str | None
    attributes: Mapping[str, values.Value]
    log: int | None
    slow_after: float | None

    def at(self, place: Place) -> CallSite:
        name = self.name or place.function.rpartition("<locals>.")[2]
        name = values.text(name, _NAME_LIMIT)
        return LateCallSite(Description(name, place, self.attributes, self.log, self.slow_after))


@dataclass(frozen=True, slots=True)
class _Block:
    """A block that runs now: where it stands, its call, what takes it back, the span around it."""

    frame: int
    call: Call | None
    token: Token[Context] | None
    parent: Span


class Monitor:
    """What `monitor(…)` returns: a decorator, and a context manager giving the block's span.

    One object may be entered again while it is open, by nested blocks, threads and tasks alike.
    """

    __slots__ = ("_given", "_open")

    def __init__(self, given: _Given) -> None:
        self._given = given
        self._open: list[_Block] = []

    def __call__(self, target: T, /) -> T:
        """The target with a span around each call."""
        is_disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        if is_disabled and self._given.log is None and self._given.slow_after is None:
            return target
        decorated: T = _decorate(target, self._given)
        return decorated

    def __enter__(self) -> Span:
        frame = sys._getframe(1)  # noqa: SLF001 - the caller's place
        parent = trace.get_current_span()
        call = _open_block(self._given, frame)
        token = attach(call.context) if call is not None else None
        self._open.append(_Block(id(frame), call, token, parent))
        return call.span if call is not None else trace.INVALID_SPAN

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        block = self._open.pop(self._index_of_ending(id(sys._getframe(1))))  # noqa: SLF001 - the caller's place
        if block.call is None or block.token is None:
            return
        try:
            block.call.close(error)
            if error is not None and block.call.is_told and block.parent.is_recording():
                _note_told(block.parent, error)
        finally:
            leave(block.token)

    def _index_of_ending(self, frame: int) -> int:
        """Which of the open blocks ends: the last that began in this frame, for a `with` begins and ends in one.

        An `ExitStack` ends its blocks in another; then it is the one whose context is current.
        """
        for index in range(len(self._open) - 1, -1, -1):
            if self._open[index].frame == frame:
                return index
        current = get_current()
        for index in range(len(self._open) - 1, -1, -1):
            call = self._open[index].call
            if call is not None and call.context is current:
                return index
        return -1


_NAME_LIMIT: Final = 1_024
_note_told = guarded(note_told_by_block)


@guarded
def _open_block(given: _Given, frame: FrameType) -> Call | None:
    attributes = tuple([(key, value, type(value)) for key, value in given.attributes.items()])
    return _site_of_block(given.name, attributes, given.log, given.slow_after, place_of_block(frame)).open()


@functools.lru_cache(1_024)  # 15 µs at each entry of a block; with the types, for 1 and True and 1.0 are equal
def _site_of_block(
    name: str | None,
    attributes: tuple[tuple[str, values.Value, type], ...],
    log: int | None,
    slow_after: float | None,
    place: Place,
) -> CallSite:
    return _Given(name, {key: value for key, value, _ in attributes}, log, slow_after).at(place)


def _decorate(target: Any, given: _Given) -> Any:  # noqa: PLR0911 - one for each kind
    def again(part: Any) -> Any:
        return _decorate(part, given) if part is not None else None

    if isinstance(target, staticmethod | classmethod):
        return type(target)(again(target.__func__))
    if isinstance(target, property):
        return type(target)(again(target.fget), again(target.fset), again(target.fdel), target.__doc__)
    if isinstance(target, cached_property):
        made = type(target)(again(target.func))
        made.attrname = target.attrname
        return made
    if isinstance(target, partialmethod):
        return type(target)(again(target.func), *target.args, **target.keywords)
    if inspect.isclass(target):
        prefix = given.name
        return monitor_class(
            target,
            lambda member, name: _decorate(member, replace(given, name=f"{prefix}.{name}" if prefix else None)),
        )
    if not callable(target):
        raise TypeError(f"monitor takes a name, a callable or a class, not {values.qualified_name(type(target))}")
    below = below_stand_ins(target)
    called = called_function(below)
    monitored = _choose(called)(target, given.at(place_of_function(called, below)))
    if inspect.isfunction(target):
        return resembling(monitored, target)
    return MonitoredCallable(target, monitored, functools.partial(_decorate, given=given))


def _choose(called: Callable[..., Any]) -> Callable[[Callable[..., Any], CallSite], Callable[..., Any]]:
    if inspect.isasyncgenfunction(called):
        return monitor_async_generator_function
    if inspect.isgeneratorfunction(called):
        is_awaitable = inspect.unwrap(called).__code__.co_flags & inspect.CO_ITERABLE_COROUTINE
        return monitor_coroutine_function if is_awaitable else monitor_generator_function
    if inspect.iscoroutinefunction(called):
        return monitor_coroutine_function
    return monitor_function
