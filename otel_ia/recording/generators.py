"""How to step a monitored generator or async generator.

One span from the first step to the end, whichever it is: exhaustion, `close`, an error or garbage collection. It is
current only while the generator's body runs, never in the consumer between two items, and no token crosses a `yield`.

What passes through, items and sent values and thrown exceptions, is forgotten in the expression that hands it on: a
local variable would keep it alive for as long as the generator rests.
"""

import functools
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from otel_ia import clock
from otel_ia.exceptions import traceback_of
from otel_ia.recording import current  # as a module, for cloudpickle cannot send what is in it
from otel_ia.recording.callsite import CallSite

if TYPE_CHECKING:
    from otel_ia.recording.summaries import Reduction

with_traceback: Final = BaseException.with_traceback
next_entry: Final = attrgetter("tb_next")
"""With them an exception thrown at our `yield` goes on as it was thrown, without an entry of ours: in C, for a
generator may be closed where the recursion limit is near."""


def monitor_generator_function(  # noqa: C901 - every step without a call of ours
    function: Callable[..., Generator[Any, Any, Any]], site: CallSite, reduction: "Reduction | None" = None
) -> Callable[..., Generator[Any, Any, Any]]:
    """The generator function with a span around each of its generators."""

    def monitored(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:  # noqa: C901, PLR0912
        generator: Any = function(*args, **kwargs)
        # `yield from` would not do even for `None`: it closes the body where it is to be thrown at
        call = site.open() if (plan := site.plan) is None else site.open((plan, args, kwargs))
        del args, kwargs  # the body alone decides how long its arguments live
        began = first = clock.monotonic()
        inside = call.inside if call is not None else None
        if reduction is not None and call is not None:
            generator = reduction.of(generator, call.span)
        # in variables, for every step asks for them
        hold, put, reset, get_current = current.hold, current.put, current.reset, current.get_current
        send = generator.send
        number, closing_at = 0, -1
        given: Any = None
        item: Any
        try:
            while True:
                if inside is not None:
                    held = hold()  # what `attach` does, without its call
                    token = put(inside)
                try:
                    if given is None:
                        item = send(None)
                    else:
                        step = generator.throw if type(given) is Thrown else send
                        item = step((given.error if type(given) is Thrown else given, given := None)[0])
                except StopIteration as stop:
                    if call is not None:
                        call.close_stream(number, began, first, GeneratorExit() if closing_at == number else None)
                    return stop.value
                finally:
                    if inside is not None:
                        inside = get_current()  # the body's own, which it may have changed
                        held = hold()  # noqa: F841 - what `leave` does, without its call
                        try:  # noqa: SIM105
                            reset(token)
                        except ValueError:
                            pass
                if not number:
                    first = clock.monotonic()
                number += 1
                try:
                    given = yield (item, item := None)[0]
                except BaseException as thrown:  # noqa: BLE001 - GeneratorExit too: the body answers, as without us
                    given = Thrown(with_traceback(thrown, next_entry(traceback_of(thrown))))
                    closing_at = number if isinstance(thrown, GeneratorExit) else -1
        except BaseException as error:
            if call is not None:
                call.close_stream(number, began, first, error)
            raise

    return monitored


class Thrown:
    """An exception on its way from the consumer to the body."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


def monitor_async_generator_function(  # noqa: C901 - every step without a call of ours
    function: Callable[..., AsyncGenerator[Any, Any]], site: CallSite, reduction: "Reduction | None" = None
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """The async generator function with a span around each of its generators."""

    async def monitored(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator: Any = function(*args, **kwargs)
        call = site.open() if (plan := site.plan) is None else site.open((plan, args, kwargs))
        del args, kwargs  # the body alone decides how long its arguments live
        began = first = clock.monotonic()
        inside = call.inside if call is not None else None
        if reduction is not None and call is not None:
            generator = reduction.of_async(generator, call.span)
        step: Callable[[Any], Any] = functools.partial(_unhooked_asend, generator)
        number, closing_at = 0, -1
        given: Any = None
        item: Any
        try:
            while True:
                token = current.attach(inside) if inside is not None else None
                try:
                    item = await step((given, given := None)[0])
                except StopAsyncIteration:
                    if call is not None:
                        call.close_stream(number, began, first, GeneratorExit() if closing_at == number else None)
                    return
                finally:
                    if token is not None:
                        inside = current.get_current()  # the body's own, which it may have changed
                        current.leave(token)
                if not number:
                    first = clock.monotonic()
                number += 1
                try:
                    given = yield (item, item := None)[0]
                    step = generator.asend
                except BaseException as thrown:  # noqa: BLE001 - GeneratorExit too: the body answers, as without us
                    given = with_traceback(thrown, next_entry(traceback_of(thrown)))
                    closing_at = number if isinstance(thrown, GeneratorExit) else -1
                    step = generator.athrow
        except BaseException as error:
            if call is not None:
                call.close_stream(number, began, first, error)
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
