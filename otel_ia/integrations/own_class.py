"""A class of its own for one object, on which its methods are monitored and nothing else is different.

The object's class is replaced by an empty subclass, and put back by the undo. Attributes on the object itself, the
other way, would be pickled with it, would be in the way of classes with `__slots__`, and could not stand for
`__call__`. Here the object says the class that it had: `isinstance`, `obj.__class__`, `repr` and scikit-learn's `clone`
see it; copies and pickles are of it and hold nothing of ours, so that they can be loaded where there is no otel_ia.
Only `type(obj)` tells the difference.
"""

import copyreg
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from otel_ia.guard import guarded
from otel_ia.values import qualified_name

_CLASS: Final[Any] = vars(object)["__class__"]  # past any `__setattr__` of the object's
_USERS: Final = "__otel_ia__"


class Users(NamedTuple):
    """Who asked for the class of an object, and what takes it back."""

    asking: list[object]
    take_back: Callable[[], None]


def users_of(target: object) -> Users | None:
    """Who has had the object instrumented, if anybody has."""
    found = vars(type(target)).get(_USERS)
    return found if isinstance(found, Users) else None


def give_own_class(target: Any, members: dict[str, Any]) -> Users:
    """Puts the object into a class of its own, which has these members.

    Raises:
        TypeError: its class allows no subclass, or not that an object changes into one.
    """
    original = type(target)
    made = _subclass(original)
    if made is None:
        raise TypeError(_refusal(original, "its class cannot be subclassed"))
    for name, member in members.items():
        type.__setattr__(made, name, member)
    try:
        _CLASS.__set__(target, made)
    except TypeError:  # a class made in C, or one whose objects cannot be told apart from it
        raise TypeError(_refusal(original, "Python does not let an object of its class change")) from None

    def take_back() -> None:
        if type(target) is made:
            _CLASS.__set__(target, original)

    users = Users([], take_back)
    type.__setattr__(made, _USERS, users)
    return users


def _refusal(kind: type, reason: str) -> str:
    shown = qualified_name(kind)
    return f"{shown} cannot be instrumented in place: {reason}; use `predict = otel_ia.monitor(obj.predict)` instead"


@guarded(ours=False)  # a metaclass, or an `__init_subclass__`, may refuse in any way
def _subclass(original: Any) -> type | None:
    made: Any = None

    def reduce(self: Any, protocol: Any) -> Any:
        registered = copyreg.dispatch_table.get(original)
        reduced = registered(self) if registered is not None else original.__reduce_ex__(self, protocol)
        return _exchanged(reduced, made, original)

    body = {
        "__slots__": (),
        "__module__": original.__module__,
        "__qualname__": original.__qualname__,
        "__doc__": original.__doc__,
        "__class__": property(lambda _: original, _CLASS.__set__),
        "__reduce_ex__": reduce,
    }
    # empty until it is made: scikit-learn wraps each `transform` that it finds in the body of a subclass
    made = type(original)(original.__name__, (original,), body)
    return made if type(made) is type(original) else None


def _exchanged(reduced: Any, made: type, original: type) -> Any:
    """What is pickled, with the class that the object had before."""
    if not isinstance(reduced, tuple):
        return reduced
    function, args, *rest = reduced
    function = original if function is made else function
    return function, tuple(original if arg is made else arg for arg in args), *rest
