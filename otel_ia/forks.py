"""What is to be done where a process forks; nothing where processes do not."""

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

_T = TypeVar("_T")
_PATIENCE: Final = 1.0
"""Seconds that a fork waits for another thread that is making something; it then goes on all the same."""
_making: Final = threading.RLock()
"""Not a Lock: a signal handler may fork in the middle of it."""
_held: Final[list[bool]] = []


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


@contextmanager
def undivided() -> Iterator[None]:
    """No other thread forks inside: what is made here is also noted when a child looks what it must give up.

    For a few calls of the system, none that waits for anybody.
    """
    with _making:
        yield


def _wait() -> None:
    _held.append(_making.acquire(timeout=_PATIENCE))


def _go_on() -> None:
    if _held.pop():
        _making.release()


at_forks(before=_wait, after_in_parent=_go_on, after_in_child=_go_on)
