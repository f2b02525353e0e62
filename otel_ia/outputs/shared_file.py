"""A log file that many processes write and one of them rotates, by the library `concurrent-log-handler`."""

import errno
import logging
import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

from otel_ia.errors import SettingError
from otel_ia.outputs.line_stream import LineStream
from otel_ia.outputs.rotation import WHEN, Rotation

_NO_RECORD: Final = ("", logging.INFO, "", 0)


class SharedFile:
    """Writes lines under a lock that all processes of this file share.

    A line waits for the lines of the others, and for the rotation. A process that is stopped (SIGSTOP) in the middle
    of a line keeps the others waiting; one that is killed does not.
    """

    def __init__(self, path: Path, rotation: Rotation) -> None:
        """Raises SettingError where the library is missing."""
        self._path = path
        self._rotation = rotation
        self._make = _maker()
        self._handler: Any = None

    def write(self, line: str) -> None:
        """Writes the line and its end; OSError where it cannot be written."""
        try:
            self._write(line)
        except FileNotFoundError:  # the folder was deleted, or was never there
            self.close()
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._write(line)
        except (RuntimeError, ValueError) as error:  # the library found no lock, or a closed file
            self.close()
            raise OSError(errno.ENOLCK, str(error)) from error

    def _write(self, line: str) -> None:
        handler = self._handler
        if handler is None:
            handler = self._handler = self._make(self._path, self._rotation)
        locking = getattr(handler, "clh", handler)
        if _is_gone(locking):
            locking.stream_lock.close()  # and is opened anew
        handler.emit(logging.LogRecord(*_NO_RECORD, line, None, None))

    def close(self) -> None:
        """Gives the file back; a line that comes still opens it again."""
        handler, self._handler = self._handler, None
        if handler is not None:
            handler.close()


def _is_gone(locking: Any) -> bool:
    """Whether the lock file was deleted, and others lock another one by now."""
    lock = locking.stream_lock
    if lock is None or lock.closed:
        return False
    with suppress(OSError):
        return os.stat(locking.lockFilename).st_ino != os.fstat(lock.fileno()).st_ino  # noqa: PTH116 - 2 µs less
    return True


def _maker() -> Any:
    try:
        from concurrent_log_handler import ConcurrentRotatingFileHandler, ConcurrentTimedRotatingFileHandler
    except ImportError:
        raise SettingError(
            source="otel_ia",
            key="log_file_shared",
            expected="possible without concurrent-log-handler",
            hint='python -m pip install "otel_ia[files]"',
        ) from None

    def make(path: Path, rotation: Rotation) -> Any:
        handler: Any
        if rotation.period is None:
            handler = ConcurrentRotatingFileHandler(
                str(path), maxBytes=rotation.size, backupCount=rotation.backups, encoding="utf-8"
            )
        else:
            handler = ConcurrentTimedRotatingFileHandler(
                str(path), when=WHEN[rotation.period], backupCount=rotation.backups, encoding="utf-8"
            )
        handler.handleError = _raise_again
        getattr(handler, "clh", handler).do_open = partial(_open, path)
        return handler

    return make


def _open(path: Path, mode: str | None = None) -> LineStream:
    stream = LineStream(path)
    if mode == "w":
        os.ftruncate(stream.fileno(), 0)
    return stream


def _raise_again(record: logging.LogRecord) -> NoReturn:  # noqa: ARG001 - a handler's signature
    raise  # noqa: PLE0704 - what the handler has just caught
