"""How to step a monitored generator or async generator.

One span from the first step to the end, whichever it is: exhaustion, `close`, an error or garbage collection. It is
current only while the generator's body runs, never in the consumer between two items, and no token crosses a `yield`.

What passes through, items and sent values and thrown exceptions, lies in a list of one place while it changes hands: a
local variable would keep it alive for as long as the generator rests.
"""

import functools
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from operator import attrgetter
from typing import Any, Final

from opentelemetry.trace import Span

from otel_ia import clock, semconv
from otel_ia.exceptions import traceback_of
from otel_ia.guard import guarded
from otel_ia.recording import current  # as a module, for cloudpickle cannot send what is in it
from otel_ia.recording.callsite import Call, CallSite, leave

with_traceback: Final = BaseException.with_traceback
next_entry: Final = attrgetter("tb_next")
"""With them an exception thrown at our `yield` goes on as it was thrown, without an entry of ours: in C, for a
generator may be closed where the recursion limit is near."""


def monitor_generator_function(
    function: Callable[..., Generator[Any, Any, Any]], site: CallSite
) -> Callable[..., Generator[Any, Any, Any]]:
    """The generator function with a span around each of its generators."""

    def monitored(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)
        del args, kwargs  # the body alone decides how long its arguments live
        call = site.open()  # `yield from` would not do even for `None`: it closes the body where it is to be thrown at
        items = _Items(call)
        send = step = generator.send
        number = 0
        passing: list[Any] = [None]
        is_closing = False
        try:
            while True:
                token = current.attach(call.context) if call is not None else None
                try:
                    passing.append(step(passing.pop()))
                except StopIteration as stop:
                    items.close(number, is_closing=is_closing)
                    return stop.value
                finally:
                    if token is not None:
                        try:  # noqa: SIM105 - what `leave` does, without its call
                            current.reset(token)
                        except ValueError:
                            pass
                number += 1  # here and not in a method: a tenth of what ten items cost
                if number == 1:
                    items.first = clock.monotonic()
                is_closing = False
                try:
                    passing.append((yield passing.pop()))
                    step = send
                except BaseException as thrown:  # noqa: BLE001 - GeneratorExit too: the body answers, as without us
                    passing.append(with_traceback(thrown, next_entry(traceback_of(thrown))))
                    is_closing = isinstance(thrown, GeneratorExit)
                    step = generator.throw
        except BaseException as error:
            items.close(number, error)
            raise

    return monitored


def monitor_async_generator_function(
    function: Callable[..., AsyncGenerator[Any, Any]], site: CallSite
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """The async generator function with a span around each of its generators."""

    async def monitored(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator = function(*args, **kwargs)
        del args, kwargs  # the body alone decides how long its arguments live
        call = site.open()
        items = _Items(call)
        step: Callable[[Any], Any] = functools.partial(_unhooked_asend, generator)
        number = 0
        passing: list[Any] = [None]
        is_closing = False
        try:
            while True:
                token = current.attach(call.context) if call is not None else None
                try:
                    passing.append(await step(passing.pop()))
                except StopAsyncIteration:
                    items.close(number, is_closing=is_closing)
                    return
                finally:
                    if token is not None:
                        leave(token)
                number += 1
                if number == 1:
                    items.first = clock.monotonic()
                is_closing = False
                try:
                    passing.append((yield passing.pop()))
                    step = generator.asend
                except BaseException as thrown:  # noqa: BLE001 - GeneratorExit too: the body answers, as without us
                    passing.append(with_traceback(thrown, next_entry(traceback_of(thrown))))
                    is_closing = isinstance(thrown, GeneratorExit)
                    step = generator.athrow
        except BaseException as error:
            items.close(number, error)
            raise

    return monitored


def _unhooked_asend(generator: AsyncGenerator[Any, Any], value: Any) -> Any:
    """The first step of a generator that the event loop is not to know.

    A loop closes, when it ends, every generator it has seen begin: the outer one, which closes the inner one, and at
    the same time the inner one itself, which fails with "asynchronous generator is already running".
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return generator.asend(value)
    finally:
        sys.set_asyncgen_hooks(*hooks)


class _Items:
    """When a generator's call began and its first item came, for what its span says at the end; never the items."""

    __slots__ = ("_began", "_call", "first")

    def __init__(self, call: Call | None) -> None:
        self._call = call
        self._began = clock.monotonic()
        self.first = 0

    def close(self, number: int, error: BaseException | None = None, *, is_closing: bool = False) -> None:
        """Ends the call after so many items; a body that answers `close` by returning was closed early all the same."""
        if self._call is None:
            return
        self._describe(self._call.span, number)
        self._call.close(GeneratorExit() if is_closing else error)

    @guarded
    def _describe(self, span: Span, number: int) -> None:
        if not span.is_recording():
            return
        span.set_attribute(semconv.STREAM_ITEMS, number)
        if number:
            span.set_attribute(semconv.STREAM_TIME_TO_FIRST_ITEM, (self.first - self._began) / 1e9)
