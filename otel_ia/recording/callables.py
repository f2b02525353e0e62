"""How to stand in for a callable that is no function: bound method, partial, callable object, C function."""

import copy
import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, Final

_SHADOWED: Final = ("__module__", "__doc__")


class MonitoredCallable:
    """A callable that is no function, with a span around each call.

    Everything but the call is the original's: class, attributes, binding to an instance, pickling, copying.
    """

    def __init__(
        self, target: Callable[..., Any], call: Callable[..., Any], remake: Callable[[Callable[..., Any]], Any]
    ) -> None:
        own = self.__dict__  # past our own `__setattr__`
        own["__wrapped__"] = target
        own["_otel_ia_call"] = call
        own["_otel_ia_remake"] = remake
        own.update((name, getattr(target, name, None)) for name in _SHADOWED)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self.__dict__["_otel_ia_call"](*args, **kwargs)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return self.__wrapped__.__class__  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        if name == "__wrapped__":  # while it is being made, or copied by others
            raise AttributeError(name)
        return getattr(self.__wrapped__, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.__wrapped__, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__wrapped__, name)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        bind = getattr(type(self.__wrapped__), "__get__", None)
        if bind is None or instance is None or bind(self.__wrapped__, instance, owner) is self.__wrapped__:
            return self
        return types.MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<monitored {self.__wrapped__!r}>"

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.__dict__["_otel_ia_remake"], (self.__wrapped__,)

    def __copy__(self) -> Any:
        return self.__dict__["_otel_ia_remake"](copy.copy(self.__wrapped__))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.__dict__["_otel_ia_remake"](copy.deepcopy(self.__wrapped__, memo))


def below_stand_ins(target: Callable[..., Any]) -> Callable[..., Any]:
    """What is called in the end by partials and by callables that are monitored already."""
    while True:
        if type(target) is MonitoredCallable:
            target = target.__wrapped__
        elif isinstance(target, functools.partial):
            target = target.func
        else:
            return target


def called_function(target: Callable[..., Any]) -> Callable[..., Any]:
    """The function that runs when the target is called: of an object its `__call__`."""
    if inspect.isroutine(target) or inspect.isclass(target):
        return target
    call = getattr(type(target), "__call__", target)  # noqa: B004 - the method itself is wanted
    return call if inspect.isroutine(call) else target
