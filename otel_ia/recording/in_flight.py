"""Which record of the standard library's logging this thread has made and not handled to the end yet.

A library that is handed such a record's message cannot tell where it came from; asked here, it can.
"""

import logging
import threading
import weakref
from collections.abc import Callable
from typing import Final

_thread: Final = threading.local()
watchers: Final[list[object]] = []
"""Who wants to be able to ask; while there is nobody, nothing is noted."""


class Flight:  # a dataclass takes 1 ms of `import otel_ia`
    """A record on its way, and whether it was exported before its end."""

    __slots__ = ("is_exported", "record")

    def __init__(self, record: "weakref.ref[logging.LogRecord]") -> None:
        self.record: Final = record
        self.is_exported = False


def watch() -> Callable[[], None]:
    """From now on records are noted; returns the undo."""
    watcher = object()
    watchers.append(watcher)

    def undo() -> None:
        if watcher in watchers:
            watchers.remove(watcher)

    return undo


def note(record: logging.LogRecord) -> None:
    """This thread has made the record. What `makeLogRecord` copies another one into has no name yet."""
    if watchers and record.name is not None:
        _thread.flight = Flight(weakref.ref(record))


def land(record: logging.LogRecord) -> bool:
    """The record has come to its end; whether it was exported on its way."""
    if not watchers:
        return False
    flight: Flight | None = getattr(_thread, "flight", None)
    if flight is None or flight.record() is not record:
        return False
    del _thread.flight
    return flight.is_exported


def take_over(message: str) -> logging.LogRecord | None:
    """The record that this thread is working on, if it says the same: from now on it counts as exported.

    Only once, for it may be kept alive after its way, and then an equal message is another one.
    """
    flight: Flight | None = getattr(_thread, "flight", None)
    record = flight.record() if flight is not None and not flight.is_exported else None
    if flight is None or record is None or record.getMessage() != message:
        return None
    flight.is_exported = True
    return record
