"""The start, finish, slow and error lines of a call, on the logger of the function's module."""

import logging
import threading
from typing import Final

from otel_ia.errors import SettingError
from otel_ia.exceptions import message_of
from otel_ia.guard import guarded
from otel_ia.recording import correlation
from otel_ia.recording.outcome import Outcome
from otel_ia.recording.places import Place


def level_number(level: str | int) -> int:
    """The number of a logging level given by name or number; anything else is a `SettingError`."""
    number = logging.getLevelNamesMapping().get(level.upper()) if isinstance(level, str) else level
    if not isinstance(number, int) or isinstance(number, bool):
        expected = "a logging level: " + ", ".join(logging.getLevelNamesMapping())
        raise SettingError(source="monitor", key="log", value=level, expected=expected)
    return number


@guarded
def write_start(place: Place, level: int, name: str) -> None:
    """Writes `NAME started`."""
    _write(place, level, "%s started", name)


@guarded
def write_end(  # noqa: PLR0913 - what the line says
    place: Place, level: int, name: str, seconds: float, outcome: Outcome, error: BaseException | None
) -> None:
    """Writes `NAME finished in 0.123 s`, or how else it ended: at ERROR where it failed."""
    if outcome is Outcome.ERROR and error is not None:
        failure = f"{type(error).__name__}: {message_of(error)}"
        _write(place, logging.ERROR, "%s failed after %.3f s: %s", name, seconds, failure)
    elif outcome is Outcome.CANCELLED:
        _write(place, level, "%s was cancelled after %.3f s", name, seconds)
    elif outcome is Outcome.CLOSED_EARLY:
        _write(place, level, "%s was closed early after %.3f s", name, seconds)
    else:
        _write(place, level, "%s finished in %.3f s", name, seconds)


@guarded
def write_slow(place: Place, name: str, seconds: float, slow_after: float) -> None:
    """Writes the WARNING `NAME was slow: 1.234 s, over 0.500 s`."""
    _write(place, logging.WARNING, "%s was slow: %.3f s, over %.3f s", name, seconds, slow_after)


def _write(place: Place, level: int, message: str, *args: object) -> None:
    logger = logging.getLogger(place.module)
    is_unheard = correlation.is_unheard(logger, level)
    if not is_unheard and not logger.isEnabledFor(level):
        return
    if getattr(_thread, "is_writing", False):
        return
    _thread.is_writing = True
    try:
        function = place.function.rpartition(".")[2]
        record = logger.makeRecord(logger.name, level, place.file, place.line, message, args, None, function)
        if not is_unheard:
            logger.handle(record)
        elif logger.filter(record):
            correlation.handle_unheard(record)
    finally:
        _thread.is_writing = False


_thread: Final = threading.local()
"""Remembers that this thread writes a line: a handler that calls a function with lines of its own gets none of them,
where two lines a call, each with two more, would never end."""
