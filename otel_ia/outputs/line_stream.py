"""A file that takes whole lines or nothing."""

import os
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import Final

# without waiting for a reader, where it is a pipe
_FURTHER: Final = sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NOCTTY", "O_NONBLOCK", "O_BINARY"))


class LineStream:
    """An open file to append to, with what the standard library's rotating handlers ask of a stream.

    Nothing is kept in memory between two writes: what was written survives the process, a fork doubles nothing, and
    what a full disk took of a line is taken back.
    """

    encoding: Final = "utf-8"

    def __init__(self, path: Path) -> None:
        """Opens the file, makes it where it is missing, and the folder too; OSError where that cannot be."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _FURTHER
        try:
            self._descriptor = os.open(path, flags, 0o666)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, flags, 0o666)
        status = os.fstat(self._descriptor)
        self._identity = (status.st_dev, status.st_ino)
        self._path = path
        self.is_regular = S_ISREG(status.st_mode)
        """False for what only looks like a file: a pipe, a terminal, `/dev/stdout`."""
        self.closed = False

    @property
    def is_in_place(self) -> bool:
        """Whether the path still leads here: not after it was deleted, moved or replaced."""
        with suppress(OSError):
            status = os.stat(self._path)  # noqa: PTH116 - 2 µs less than through `Path`
            return (status.st_dev, status.st_ino) == self._identity
        return False

    def write(self, text: str) -> int:
        """Writes the whole text, or nothing and raises OSError."""
        given = text.encode("utf-8", "replace")
        written = os.write(self._descriptor, given)
        while written < len(given):
            try:
                written += os.write(self._descriptor, given[written:])
            except OSError:
                if self.is_regular:
                    with suppress(OSError):
                        os.ftruncate(self._descriptor, self.tell() - written)
                raise
        return len(text)

    def flush(self) -> None:
        """Has nothing to do."""

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002 - a stream's signature
        """Has nothing to do: each write is at the end."""
        return self.tell()

    def tell(self) -> int:
        """How many bytes the file has."""
        return os.fstat(self._descriptor).st_size

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)
