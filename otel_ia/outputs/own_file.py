"""A log file that one process writes and rotates."""

import time
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Final

from otel_ia.forks import begun_anew
from otel_ia.outputs.claims import Claim, claim, give_back
from otel_ia.outputs.line_stream import LineStream
from otel_ia.outputs.losses import Losses
from otel_ia.outputs.rotation import Rotation, Turner

SECONDS_BETWEEN_TURNS: Final = 60.0
"""After a rotation that was denied; until then the file grows."""


class OwnFile:
    """Writes lines to the path, or to one beside it where another process has it; usable from any thread.

    The file is opened with the first line, and anew when it was deleted or moved. A forked child has a file of its own.
    """

    def __init__(self, path: Path, rotation: Rotation, losses: Losses) -> None:
        self._asked = path
        self._rotation = rotation
        self._losses = losses
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        self._lock = RLock()
        self._claim: Claim | None = None
        self._stream: LineStream | None = None
        self._turner: Turner | None = None
        self._turn_after = 0.0
        self._denied: OSError | None = None
        self._is_writing = False
        self._is_ending = False

    def write(self, line: str) -> None:
        """Writes the line and its end; OSError where it cannot be written."""
        text = f"{line}\n"
        with self._lock:
            around = self._is_writing
            self._is_writing = True
            try:
                stream = self._stream
                if stream is None or not stream.is_in_place:
                    stream = self._open()
                if stream.is_regular and self._is_due(stream.tell(), len(text)):
                    stream = self._turn()
                stream.write(text)
            finally:
                self._is_writing = around
                if self._is_ending and not around:
                    self._end()
        denied, self._denied = self._denied, None
        if denied is not None:  # told without the lock: who hears it may log
            self._losses.tell_denied_turn(denied)

    def close(self) -> None:
        """Gives the file back; a line that comes still opens it again.

        A signal handler in the middle of writing leaves that to what it interrupts, or the line would be lost.
        """
        with self._lock:
            self._is_ending = self._is_writing
            if not self._is_ending:
                self._end()

    def _end(self) -> None:
        self._is_ending = False
        self._close_stream()
        if self._turner is not None:
            self._turner.close()
        if self._claim is not None:
            give_back(self._claim)
        self._claim = self._turner = None

    def _open(self) -> LineStream:
        self._close_stream()
        if self._claim is None or not self._claim.is_good:
            self._asked.parent.mkdir(parents=True, exist_ok=True)
            if self._claim is not None:
                give_back(self._claim)
            self._claim = claim(self._asked)
            self._turner = None
        stream = self._stream = LineStream(self._claim.path)
        if self._turner is None and stream.is_regular:
            self._turner = Turner(self._claim.path, self._rotation)
        return stream

    def _is_due(self, size: int, more: int) -> bool:
        return self._turner is not None and self._turner.is_due(size, more) and time.monotonic() >= self._turn_after

    def _turn(self) -> LineStream:
        assert self._turner is not None
        self._close_stream()
        try:
            self._turner.turn()
        except OSError as error:
            self._turn_after = time.monotonic() + SECONDS_BETWEEN_TURNS
            self._denied = error
        return self._open()

    def _close_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(OSError):
                stream.close()

    def begin_in_child(self) -> None:
        """Lets go of what is the parent's."""
        self._close_stream()
        self._begin()


_all: Final = begun_anew(OwnFile.begin_in_child)
