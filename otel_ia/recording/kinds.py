"""Which way of calling stands in for what was given: a function, a generator, a method object."""

import functools
import inspect
from collections.abc import Callable
from functools import cached_property, partialmethod
from typing import TYPE_CHECKING, Any

from otel_ia import values
from otel_ia.recording.callables import MonitoredCallable, below_stand_ins, called_function
from otel_ia.recording.callsite import CallSite
from otel_ia.recording.capturing import follow_wishes
from otel_ia.recording.functions import monitor_coroutine_function, monitor_function, resembling
from otel_ia.recording.generators import monitor_async_generator_function, monitor_generator_function
from otel_ia.recording.places import Place, place_of_function

if TYPE_CHECKING:
    from otel_ia.recording.summaries import Reduction


def decorate(target: Any, site_at: Callable[[Place], CallSite], reduction: "Reduction | None" = None) -> Any:
    """What was given with each of its calls going through a call site of its own: of the same kind and name.

    The items of a generator are reduced, if they are to be. Raises TypeError.
    """

    def again(part: Any) -> Any:
        return decorate(part, site_at, reduction) if part is not None else None

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
    if not callable(target):
        raise TypeError(f"only what can be called can be decorated, not {values.qualified_name(type(target))}")
    below = below_stand_ins(target)
    called = called_function(below)
    monitor_kind = _choose(called)
    if reduction is not None:
        if monitor_kind not in (monitor_generator_function, monitor_async_generator_function):
            raise TypeError("reduce is for generator functions and async generator functions")
        monitor_kind = functools.partial(monitor_kind, reduction=reduction)
    site = site_at(place_of_function(called, below))
    monitored = monitor_kind(target, site)
    follow_wishes(monitored, target, site)
    if inspect.isfunction(target):
        return resembling(monitored, target)
    return MonitoredCallable(target, monitored, functools.partial(decorate, site_at=site_at, reduction=reduction))


def _choose(called: Callable[..., Any]) -> Callable[[Callable[..., Any], CallSite], Callable[..., Any]]:
    if inspect.isasyncgenfunction(called):
        return monitor_async_generator_function
    if inspect.isgeneratorfunction(called):
        is_awaitable = inspect.unwrap(called).__code__.co_flags & inspect.CO_ITERABLE_COROUTINE
        return monitor_coroutine_function if is_awaitable else monitor_generator_function
    if inspect.iscoroutinefunction(called):
        return monitor_coroutine_function
    return monitor_function
