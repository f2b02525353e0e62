"""How to call a monitored function or coroutine function, and any other callable."""

import functools
import inspect
import types
from collections.abc import Callable, Coroutine
from typing import Any

from opentelemetry.context import attach

from otel_ia.recording.callsite import CallSite, leave
from otel_ia.recording.outcome import wrappers


def monitor_function(function: Callable[..., Any], site: CallSite) -> Callable[..., Any]:
    """The function with a span around each call."""

    def monitored(*args: Any, **kwargs: Any) -> Any:
        call = site.open()
        if call is None:
            return function(*args, **kwargs)
        token = attach(call.context)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            call.close(error)
            raise
        else:
            call.close()
            return result
        finally:
            leave(token)

    return resembling(monitored, function)


def monitor_coroutine_function(
    function: Callable[..., Coroutine[Any, Any, Any]], site: CallSite
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The coroutine function with a span around each of its coroutines, from first step to end."""

    async def monitored(*args: Any, **kwargs: Any) -> Any:
        call = site.open()
        if call is None:
            return await function(*args, **kwargs)
        token = attach(call.context)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            call.close(error)
            raise
        else:
            call.close()
            return result
        finally:
            leave(token)

    return resembling(monitored, function)


def resembling(monitored: Any, function: Callable[..., Any]) -> Any:
    """`monitored` with the name, module, docstring, signature and defaults of the function it calls."""
    wrappers.add(monitored.__code__)
    functools.update_wrapper(monitored, function)
    monitored.__defaults__ = getattr(function, "__defaults__", None)
    monitored.__kwdefaults__ = getattr(function, "__kwdefaults__", None)
    return monitored


class MonitoredCallable:
    """A callable that is no function (bound method, partial, callable object, C function), with a span around each call.

    Everything but the call is the original's: attributes, binding to an instance, pickling, copying.
    """

    def __init__(
        self, target: Callable[..., Any], call: Callable[..., Any], remake: Callable[[Callable[..., Any]], Any]
    ) -> None:
        self.__wrapped__ = target
        self._call = call
        self._remake = remake
        functools.update_wrapper(self, target, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None or not hasattr(type(self.__wrapped__), "__get__"):
            return self
        return types.MethodType(self, instance)

    def __getattr__(self, name: str) -> Any:
        if name == "__wrapped__":
            raise AttributeError(name)
        return getattr(self.__wrapped__, name)

    def __repr__(self) -> str:
        return f"<monitored {self.__wrapped__!r}>"

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._remake, (self.__wrapped__,)


def called_function(target: Callable[..., Any]) -> Callable[..., Any]:
    """The function that runs when the target is called: of a partial its function, of an object its `__call__`."""
    while isinstance(target, functools.partial):
        target = target.func
    if inspect.isroutine(target) or inspect.isclass(target):
        return target
    call = getattr(type(target), "__call__", target)
    return call if inspect.isroutine(call) else target
