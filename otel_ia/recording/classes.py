"""A whole class: its public methods monitored in place, the class itself the same object."""

import types
from collections.abc import Callable
from typing import Any, TypeVar

from otel_ia.recording.callables import MonitoredCallable
from otel_ia.recording.outcome import is_wrapper

T = TypeVar("T", bound=type)


def monitor_class(cls: T, decorate: Callable[[Any, str], Any]) -> T:
    """The class, its own public methods and `__call__` replaced by what `decorate(method, name)` makes of them.

    Static and class methods count; properties, inherited methods and methods that are monitored already stay as they
    are.
    """
    for name, member in list(vars(cls).items()):
        is_public = not name.startswith("_") or name == "__call__"
        is_method = isinstance(member, types.FunctionType | staticmethod | classmethod)
        if is_public and is_method and not is_monitored(member):
            setattr(cls, name, decorate(member, name))
    return cls


def is_monitored(target: Any) -> bool:
    """Whether this is a function, a method object or another callable that `monitor` made."""
    function: Any = target.__func__ if isinstance(target, staticmethod | classmethod) else target
    while is_wrapper(getattr(function, "__code__", None)):
        if getattr(_site_of(function), "opens_spans", True):
            return True
        function = function.__wrapped__  # what `bound` made
    return isinstance(function, MonitoredCallable)


def _site_of(wrapper: types.FunctionType) -> object:
    cells = dict(zip(wrapper.__code__.co_freevars, wrapper.__closure__ or (), strict=True))
    return cells["site"].cell_contents if "site" in cells else None
