"""How to call a monitored function or coroutine function.

Each in two forms, whose variables are the same, so that one can take the other's code: without capture a call is to
cost nothing for it, not even a question.
"""

import functools
from collections.abc import Callable, Coroutine
from typing import Any

from otel_ia.recording import current  # as a module, for cloudpickle cannot send what is in it
from otel_ia.recording.callsite import CallSite, CapturingSite


def monitor_function(function: Callable[..., Any], site: CallSite) -> Callable[..., Any]:
    """The function with a span around each call."""

    def monitored(*args: Any, **kwargs: Any) -> Any:
        call = site.open()
        if call is None:
            return function(*args, **kwargs)
        held = current.hold()
        token = current.put(call.inside)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            call.close(error)
            raise
        else:
            call.close()
            return result
        finally:
            held = current.hold()  # noqa: F841 - what `leave` does, without its call
            try:  # noqa: SIM105
                current.reset(token)
            except ValueError:
                pass

    return monitored


def monitor_capturing_function(function: Callable[..., Any], site: CapturingSite) -> Callable[..., Any]:
    """The same where arguments or result are captured."""

    def monitored(*args: Any, **kwargs: Any) -> Any:
        plan = site.plan
        call = site.open((plan, args, kwargs))
        if call is None:
            return function(*args, **kwargs)
        held = current.hold()
        token = current.put(call.inside)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            call.close(error)
            raise
        else:
            call.close_capturing(plan, result)
            return result
        finally:
            held = current.hold()  # noqa: F841 - what `leave` does, without its call
            try:  # noqa: SIM105
                current.reset(token)
            except ValueError:
                pass

    return monitored


def monitor_coroutine_function(
    function: Callable[..., Coroutine[Any, Any, Any]], site: CallSite
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The coroutine function with a span around each of its coroutines, from first step to end."""

    async def monitored(*args: Any, **kwargs: Any) -> Any:
        coroutine = function(*args, **kwargs)
        del args, kwargs  # the body alone decides how long its arguments live
        call = site.open()
        if call is None:
            return await coroutine
        held = current.hold()
        token = current.put(call.inside)
        try:
            result = await coroutine
        except BaseException as error:
            call.close(error)
            raise
        else:
            call.close()
            return result
        finally:
            held = current.hold()  # noqa: F841 - what `leave` does, without its call
            try:  # noqa: SIM105
                current.reset(token)
            except ValueError:
                pass

    return monitored


def monitor_capturing_coroutine_function(
    function: Callable[..., Coroutine[Any, Any, Any]], site: CapturingSite
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The same where arguments or result are captured."""

    async def monitored(*args: Any, **kwargs: Any) -> Any:
        coroutine = function(*args, **kwargs)
        plan = site.plan
        call = site.open((plan, args, kwargs))
        del args, kwargs  # the body alone decides how long its arguments live
        if call is None:
            return await coroutine
        held = current.hold()
        token = current.put(call.inside)
        try:
            result = await coroutine
        except BaseException as error:
            call.close(error)
            raise
        else:
            call.close_capturing(plan, result)
            return result
        finally:
            held = current.hold()  # noqa: F841 - what `leave` does, without its call
            try:  # noqa: SIM105
                current.reset(token)
            except ValueError:
                pass

    return monitored


def resembling(monitored: Any, function: Callable[..., Any]) -> Any:
    """`monitored` with the name, module, docstring, signature and defaults of the function it calls."""
    functools.update_wrapper(monitored, function)
    monitored.__defaults__ = getattr(function, "__defaults__", None)
    monitored.__kwdefaults__ = getattr(function, "__kwdefaults__", None)
    return monitored
