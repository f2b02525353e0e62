"""How to step a monitored generator or async generator.

One span from the first step to the end, whichever it is: exhaustion, `close`, an error or garbage collection. It is
current only while the generator's body runs, never in the consumer between two items, and no token crosses a `yield`.
"""

import functools
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, cast

from opentelemetry.context import attach
from opentelemetry.trace import Span

from otel_ia import clock, semconv
from otel_ia.guard import guarded
from otel_ia.recording.callsite import Call, CallSite, leave
from otel_ia.recording.functions import resembling


def monitor_generator_function(
    function: Callable[..., Generator[Any, Any, Any]], site: CallSite
) -> Callable[..., Generator[Any, Any, Any]]:
    """The generator function with a span around each of its generators."""

    def monitored(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)
        call = site.open()
        if call is None:
            return (yield from generator)
        items = _Items(call)
        step: Callable[[Any], Any] = generator.send
        value = None
        try:
            while True:
                token = attach(call.context)
                try:
                    item = step(value)
                except StopIteration as stop:
                    items.close()
                    return stop.value
                finally:
                    leave(token)
                    value = None  # a thrown exception kept here would keep itself alive through its traceback
                items.count()
                try:
                    value = yield item
                    step = generator.send
                except BaseException as thrown:  # noqa: BLE001 - GeneratorExit too: the body answers, as without us
                    items.was_closed = isinstance(thrown, GeneratorExit)
                    step, value = generator.throw, thrown
        except BaseException as error:
            items.close(error)
            raise

    return cast(Callable[..., Generator[Any, Any, Any]], resembling(monitored, function))


def monitor_async_generator_function(
    function: Callable[..., AsyncGenerator[Any, Any]], site: CallSite
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """The async generator function with a span around each of its generators."""

    async def monitored(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator = function(*args, **kwargs)
        call = site.open()
        items = _Items(call)
        step: Callable[[Any], Any] = functools.partial(_unhooked_asend, generator)
        value = None
        try:
            while True:
                token = attach(call.context) if call is not None else None
                try:
                    item = await step(value)
                except StopAsyncIteration:
                    items.close()
                    return
                finally:
                    if token is not None:
                        leave(token)
                    value = None
                items.count()
                try:
                    value = yield item
                    step = generator.asend
                except BaseException as thrown:  # noqa: BLE001 - GeneratorExit too: the body answers, as without us
                    items.was_closed = isinstance(thrown, GeneratorExit)
                    step, value = generator.athrow, thrown
        except BaseException as error:
            items.close(error)
            raise

    return cast(Callable[..., AsyncGenerator[Any, Any]], resembling(monitored, function))


def _unhooked_asend(generator: AsyncGenerator[Any, Any], value: Any) -> Any:
    """The first step of a generator that the event loop is not to know.

    A loop closes, when it ends, every generator it has seen begin: the outer one, which closes the inner one, and at the
    same time the inner one itself, which fails with "asynchronous generator is already running".
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return generator.asend(value)
    finally:
        sys.set_asyncgen_hooks(*hooks)


class _Items:
    """How many items a generator's call has yielded, and when the first; never the items."""

    __slots__ = ("_began", "_call", "_first", "_number", "was_closed")

    def __init__(self, call: Call | None) -> None:
        self._call = call
        self._began = clock.monotonic()
        self._first = 0
        self._number = 0
        self.was_closed = False

    def count(self) -> None:
        self._number += 1
        if self._number == 1:
            self._first = clock.monotonic()

    def close(self, error: BaseException | None = None) -> None:
        """Ends the call; a body that answers `close` by returning was closed early all the same."""
        if self._call is None:
            return
        self._describe(self._call.span)
        self._call.close(GeneratorExit() if error is None and self.was_closed else error)

    @guarded
    def _describe(self, span: Span) -> None:
        span.set_attribute(semconv.STREAM_ITEMS, self._number)
        if self._number:
            span.set_attribute(semconv.STREAM_TIME_TO_FIRST_ITEM, (self._first - self._began) / 1e9)
