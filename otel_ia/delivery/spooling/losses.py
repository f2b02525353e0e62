"""Gives up what the limits leave no room for: counted and written down before it is gone."""

import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from otel_ia.delivery.spooling.adopted import SpanKey
from otel_ia.delivery.spooling.counters import Counters
from otel_ia.delivery.spooling.ownership import FileKey


class Held(Protocol):
    """A segment of this process, or one that it has adopted.

    Who delivers from it or gives it up has its lease, which nobody waits for.
    """

    @property
    def lease(self) -> threading.Lock: ...
    def waiting(self) -> Iterable[tuple[int, bytes]]: ...


class Losses:
    """What one spool gives up.

    The number of every frame that was dropped stands in one DROPPED frame on the disk until a batch with that is
    acknowledged: who gives up a segment writes down how many frames it held, and anew what its DROPPED frames say.

    `find` is given the key of a file and returns the spool's segment that may be given up. `record` writes down what
    `counters` have not recorded yet, `remove` takes a segment from the spool and from the disk. `span_key` is as for
    `recovery.scan`.
    """

    def __init__(
        self,
        counters: Counters,
        *,
        find: Callable[[FileKey], Held | None],
        record: Callable[[], None],
        remove: Callable[[Held], None],
        span_key: SpanKey | None,
    ) -> None:
        self.counters = counters
        self.find = find
        self.span_key = span_key
        self.record = record
        self._remove = remove
        _all.add(self)

    def give_up(self, held: Held, reason: str) -> bool:
        """Drops it; False while it is being delivered from."""
        if not held.lease.acquire(blocking=False):
            return False
        self.counters.lose(reason, held.waiting())
        self.record()
        self._remove(held)
        return True


def give_up_held(key: FileKey, reason: str) -> bool:
    """Drops a file that this process works on, whichever of its spools does; False when it cannot be given up."""
    for losses in list(_all):
        held = losses.find(key)
        if held is not None:
            return losses.give_up(held, reason)
    return False


_all: Final[weakref.WeakSet[Losses]] = weakref.WeakSet()
