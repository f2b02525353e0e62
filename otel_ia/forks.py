"""What is to be done where a process forks; nothing where processes do not."""

import os
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")


def at_forks(**hooks: Callable[[], object]) -> None:
    """Has these called at each fork from now on; they are named as those of `os.register_at_fork` are."""
    if hasattr(os, "register_at_fork"):
        register: Any = os.register_at_fork
        register(**hooks)


def begun_anew(begin: Callable[[_T], object]) -> "weakref.WeakSet[_T]":
    """A set of what is alive of a kind: `begin` is called with each of them in each forked child."""
    alive: weakref.WeakSet[_T] = weakref.WeakSet()

    def begin_all() -> None:
        for one in list(alive):
            begin(one)

    at_forks(after_in_child=begin_all)
    return alive
