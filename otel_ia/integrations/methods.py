"""The methods of one object, each monitored in the way in which its class keeps it."""

import functools
import threading
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, Final

from otel_ia.guard import guarded
from otel_ia.values import qualified_name
from otel_ia.values.origin import instance_members, line_of, members_of

Decorate = Callable[[Any], Any]
"""What makes a span of each call of a function."""


def is_method(target: Any, name: str) -> bool:
    """Whether the object has such a method, or may have it later.

    Raises:
        TypeError: it cannot be read.
    """
    kept = _kept(target, name)
    if name == "__call__" or type(kept) is FunctionType:
        return kept is not None
    answer = _is_callable(target, name, missing=kept is not None)
    if answer is None:
        raise TypeError(f"{qualified_name(type(target))} cannot be instrumented: reading its `{name}` raises an error")
    return answer


def _kept(target: Any, name: str) -> Any:
    """What stands under the name in the object or its class, without running anything."""
    own = (instance_members(target) or {}) if name != "__call__" else {}
    return own[name] if name in own else _of_class(type(target), name)


def _of_class(kind: type, name: str) -> Any:
    return next((members_of(above)[name] for above in line_of(kind) if name in members_of(above)), None)


@guarded(ours=False)  # a property of the user's
def _is_callable(target: Any, name: str, *, missing: bool) -> bool:
    try:
        return callable(getattr(target, name))
    except AttributeError:  # scikit-learn has methods that depend on a parameter
        return missing


def monitored_method(target: Any, name: str, shown: str, decorate: Decorate) -> Any:
    """What is to stand under the name in the object's own class. It serves whichever class the object is of now.

    `shown` is the method whose signature and place are to be seen.
    """
    original = type(target)
    kept = _kept(target, name)
    is_own = name != "__call__" and name in (instance_members(target) or {})
    if type(kept) is FunctionType and not is_own and shown == name:
        return decorate(kept)

    def look_up(instance: Any) -> Any:
        own = (instance_members(instance) or {}) if is_own else {}
        if name in own:
            return own[name]
        found = _of_class(original, name)
        if found is not None:
            bind = getattr(type(found), "__get__", None)
            return bind(found, instance, original) if bind is not None else found
        further = _of_class(original, "__getattr__")
        if further is None:
            raise AttributeError(f"{original.__name__!r} object has no attribute {name!r}", name=name, obj=instance)
        return further(instance, name)

    def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return look_up(self)(*args, **kwargs)

    function = getattr(original, shown, getattr(original, name, None))
    monitored = decorate(functools.update_wrapper(call, function) if callable(function) else call)
    if name == "__call__":
        return monitored
    return (OwnMethod if is_own else LateMethod)(original, name, monitored, look_up)


_running: Final = threading.local()
"""In each thread the object of which a method runs, where only the outermost is monitored."""


def outermost(function: Any, monitored: Any) -> Any:
    """The monitored form of a method, which calls the other one from inside the same object."""

    @functools.wraps(monitored)
    def choose(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        before = getattr(_running, "target", None)
        if before is self:
            return function(self, *args, **kwargs)
        _running.target = self
        try:
            return monitored(self, *args, **kwargs)
        finally:
            _running.target = before

    return choose


class LateMethod:
    """A method that is not known before it is read, as those of scikit-learn that depend on a parameter."""

    __slots__ = ("_look_up", "_monitored", "_name", "_original")

    def __init__(self, original: type, name: str, monitored: Any, look_up: Callable[[Any], Any]) -> None:
        self._original = original
        self._name = name
        self._monitored = monitored
        self._look_up = look_up

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return getattr(self._original, self._name)
        found = self._look_up(instance)
        return MethodType(self._monitored, instance) if callable(found) else found


class OwnMethod(LateMethod):
    """A callable that is stored in the object itself, where it stays, and may be exchanged."""

    __slots__ = ()

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self._name] = value

    def __delete__(self, instance: Any) -> None:
        if self._name not in instance.__dict__:
            raise AttributeError(self._name)
        del instance.__dict__[self._name]
