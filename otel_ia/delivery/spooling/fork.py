"""What a fork does to the spools of a process: the child has none of its parent's segments."""

import weakref
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from otel_ia.delivery.spooling.writer import PATIENCE, Writer
from otel_ia.forks import held_at_forks


class Owner(Protocol):
    """Who has a writer and more that a child must begin anew."""

    def begin_after_fork(self) -> None: ...


def follow_forks(writer: Writer, owner: Owner) -> None:
    """From now on a fork finds the writer between two frames, and the child begins both anew."""
    _owners[writer] = weakref.ref(owner)


def _take_locks() -> Iterator[Callable[[], object]]:
    for writer in list(_owners):
        for lock in (writer.next.lock, writer.lock):
            if lock.acquire(timeout=PATIENCE):
                yield lock.release


def _begin_all() -> None:
    for writer, find_owner in list(_owners.items()):
        _begin(writer)
        owner = find_owner()
        if owner is not None:
            owner.begin_after_fork()


def _begin(writer: Writer) -> None:
    parents = [*writer.full, writer.current]
    if writer.next.ready is not None:
        parents.append(writer.next.ready)
    writer.next.end()
    writer.begin()
    # Forked by a signal handler in the middle of an append, that goes on here too, and must not write to the parent's
    # file any more. Closing the descriptors does not touch the parent's locks: they belong to the parent.
    for segment in parents:
        segment.forget()


_owners: Final[weakref.WeakKeyDictionary[Writer, weakref.ref[Owner]]] = weakref.WeakKeyDictionary()
held_at_forks(_take_locks, _begin_all)
