"""What is to be done where a process forks; nothing where processes do not."""

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

_T = TypeVar("_T")
_PATIENCE: Final = 1.0
"""Seconds that a fork waits for another thread that is making something; it then goes on all the same."""


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


def held_at_forks(
    take: Callable[[], Iterable[Callable[[], object]]], begin: Callable[[], object] = lambda: None
) -> None:
    """Has `take` called before each fork: it takes locks, and yields of each how to let go of it.

    That is done in the parent after the fork. In the child they are as they were, the forking thread's own or a dead
    one's: `begin` makes new ones.
    """
    taken: dict[int, list[list[Callable[[], object]]]] = {}  # of each thread: several may be about to fork

    def before() -> None:
        mine: list[Callable[[], object]] = []
        taken.setdefault(threading.get_ident(), []).append(mine)
        for release in take():
            mine.append(release)  # noqa: PERF402 - what it took is known, however it ends

    def after_in_parent() -> None:
        thread = threading.get_ident()
        mine = taken[thread].pop()
        if not taken[thread]:
            del taken[thread]
        for release in reversed(mine):
            release()

    def after_in_child() -> None:
        taken.clear()
        begin()

    at_forks(before=before, after_in_parent=after_in_parent, after_in_child=after_in_child)


class ProcessLock:
    """`with lock.here:` keeps other threads out, and no signal handler. Who held it in the parent is not in a child."""

    def __init__(self) -> None:
        self.begin()
        _locks.add(self)

    def begin(self) -> None:
        """Nobody has it: at first, and in a forked child."""
        self.here = threading.RLock()


_locks: Final = begun_anew(ProcessLock.begin)
_making: Final = ProcessLock()


@contextmanager
def undivided() -> Iterator[None]:
    """No other thread forks inside: what is made here is also noted when a child looks what it must give up.

    For a few calls of the system, none that waits for anybody.
    """
    with _making.here:
        yield


def _take() -> Iterator[Callable[[], object]]:
    lock = _making.here
    if lock.acquire(timeout=_PATIENCE):
        yield lock.release


held_at_forks(_take)
