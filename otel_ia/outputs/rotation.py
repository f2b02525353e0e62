"""When a log file is set aside for a new one, and how many of those are kept."""

import time
from dataclasses import dataclass
from itertools import chain, count
from logging.handlers import RotatingFileHandler, TimedRotatingFileHandler
from pathlib import Path
from typing import Final, Literal, TypeAlias

Period: TypeAlias = Literal["minute", "hour", "day", "week"]

WHEN: Final[dict[str, str]] = {"minute": "M", "hour": "H", "day": "MIDNIGHT", "week": "W0"}
"""What the standard library calls them: days end at midnight, weeks with the Sunday."""
DEFAULT_SIZE: Final = 10 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """By size in bytes (0: never), or by period; so many backups are kept."""

    size: int = DEFAULT_SIZE
    period: Period | None = None
    backups: int = 5


class Turner:
    """Turns the page of one file, with the standard library's handlers, which open and write nothing here."""

    def __init__(self, path: Path, rotation: Rotation) -> None:
        self._rotation = rotation
        self._sized: RotatingFileHandler | None = None
        self._timed: TimedRotatingFileHandler | None = None
        if rotation.period is None:
            self._sized = RotatingFileHandler(
                path, maxBytes=rotation.size, backupCount=rotation.backups, encoding="utf-8", delay=True
            )
        else:
            self._timed = TimedRotatingFileHandler(
                path, when=WHEN[rotation.period], backupCount=rotation.backups, encoding="utf-8", delay=True
            )
            self._timed.namer = _free_name

    def is_due(self, size: int, more: int) -> bool:
        """Whether a file of so many bytes is to be set aside before so many more are written."""
        if self._timed is not None:
            return time.time() >= self._timed.rolloverAt
        return 0 < self._rotation.size < size + more and size > 0

    def turn(self) -> None:
        """Sets the file aside, which is closed; OSError where that cannot be done. Without backups it is deleted."""
        handler = self._timed or self._sized
        assert handler is not None
        if self._rotation.backups:
            handler.doRollover()
            return
        Path(handler.baseFilename).unlink(missing_ok=True)
        if self._timed is not None:
            self._timed.rolloverAt = self._timed.computeRollover(int(time.time()))

    def close(self) -> None:
        for handler in (self._sized, self._timed):
            if handler is not None:
                handler.close()


def _free_name(name: str) -> str:
    """The name, or one with a number behind it where it is taken: the standard library would delete what has it."""
    candidates = chain((name,), (f"{name}.{number}" for number in count(2)))
    return next(candidate for candidate in candidates if not Path(candidate).exists())
