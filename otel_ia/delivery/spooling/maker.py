"""Makes the segments of one process, one after the other, within the limits."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from otel_ia import clock
from otel_ia.delivery.spooling import age
from otel_ia.delivery.spooling import directory as folder
from otel_ia.delivery.spooling.fresh import make_segment
from otel_ia.delivery.spooling.header import Header, this_process
from otel_ia.delivery.spooling.limits import keep_within, size_limit
from otel_ia.delivery.spooling.losses import Losses
from otel_ia.delivery.spooling.ownership import CAN_LOCK
from otel_ia.delivery.spooling.segment import Segment
from otel_ia.guard import guarded

FIRST_SIZE: Final = 256 << 10
LARGEST_SIZE: Final = 8 << 20
_LEAST_SIZE: Final = 32 << 10
_SEGMENTS_IN_LIMIT: Final = 8


class Maker:
    """Knows who this process is and how large its next segment shall be, if it is to have any."""

    def __init__(  # noqa: PLR0913 - keyword-only, from one caller
        self,
        *,
        directory: Path | None,
        fingerprint: bytes,
        identity: Callable[[], bytes],
        limit: int,
        losses: Losses,
        is_on_disk: bool,
        is_durable: bool,
    ) -> None:
        self._given = directory
        self._is_on_disk = is_on_disk
        self._fingerprint = fingerprint
        self._ask_identity = guarded(identity)
        self._configured_limit = limit
        self._limit: int | None = None
        self._losses = losses
        self._is_durable = is_durable
        self.begin()

    def begin(self) -> None:
        """A process that has made nothing yet: at first, and in a forked child."""
        self._instance = os.urandom(16)
        self._sequence = 0
        self._created = 0
        self._size = FIRST_SIZE
        self._identity: bytes | None = None
        self._first_header: Header | None = None

    @property
    def directory(self) -> Path:
        """Where the segments are. Raises OSError when the user has no home, and when none are to be on the disk."""
        if not self._is_on_disk:
            raise OSError("nothing is kept on the disk")
        return self._given if self._given is not None else folder.default_directory()

    @property
    def identity(self) -> bytes:
        """The identity of this process, asked for once."""
        if self._identity is None:
            self._identity = self._ask_identity() or b""
        return self._identity

    @property
    def first_header(self) -> Header:
        """The same each time, for what is kept beside the segments."""
        if self._first_header is None:
            self._first_header = self._header()
        return self._first_header

    def _header(self) -> Header:
        process, start = this_process()
        # a clock may be set back, even to before the epoch: the names of a process stay in order
        self._created = max(self._created + 1, clock.wall())
        return Header(
            fingerprint=self._fingerprint,
            identity=self.identity,
            instance=self._instance,
            sequence=self._sequence,
            process=process,
            process_start=start,
            created=self._created,
            made=age.since_boot(),
            boot=age.boot(),
        )

    def make(self, content: int) -> Segment:
        """The next segment, with room for at least this many bytes of frames. Raises OSError."""
        if not CAN_LOCK:
            raise OSError("this system has no POSIX file locks")
        directory = self.directory
        header = self._next_header()
        least = header.size + content
        limit = self._look_at_limit(directory, least)
        largest = min(LARGEST_SIZE, max(_LEAST_SIZE, limit // _SEGMENTS_IN_LIMIT))
        size = max(least, min(self._size, largest))
        try:
            segment = self._make_some(directory, header, size, max(least, _LEAST_SIZE))
        except FileExistsError:  # made by a child that a signal handler forked at this very place
            segment = self._make_some(directory, self._next_header(), size, max(least, _LEAST_SIZE))
        self._size = min(2 * segment.size, LARGEST_SIZE)
        return segment

    def make_again(self, segment: Segment) -> None:
        """Makes the file of a full segment anew, which somebody has removed. Raises OSError."""
        size = max(segment.written, segment.header.size)
        segment.move_to(make_segment(self.directory, segment.header, size, is_durable=self._is_durable))

    def _look_at_limit(self, directory: Path, least: int) -> int:
        """Asked for once, and again while it is too little: a disk that was full may have room since.

        It only grows: on a disk that became full a smaller one would drop what is there.
        """
        if self._limit is None or self._limit < least:
            with folder.opened(directory, create=True) as opened:
                self._limit = max(self._limit or 0, size_limit(opened, self._configured_limit))
        if self._limit < min(least, self._configured_limit):
            raise OSError(f"the spool's limit is {self._limit} bytes, a tenth of what is free on the disk")
        if self._limit < least:
            raise OSError(f"the spool's limit of {self._limit} bytes is less than a segment needs")
        return self._limit

    def _next_header(self) -> Header:
        header = self._header()
        self._sequence += 1
        return header

    def _make_some(self, directory: Path, header: Header, size: int, least: int) -> Segment:
        """A segment of the size, or the least one when the disk has no room for it."""
        assert self._limit is not None
        # Within the limit of the setting at every moment; not of the share of the free space, for on a disk that became
        # full this would drop what is there for a segment that cannot be made.
        with suppress(FileNotFoundError):  # of the directory, which is then made
            keep_within(directory, self._configured_limit - size, self._losses)
        try:
            segment = make_segment(directory, header, size, is_durable=self._is_durable)
        except OSError as error:
            if least >= size or isinstance(error, FileExistsError):
                raise
            segment = make_segment(directory, header, least, is_durable=self._is_durable)
        try:
            if keep_within(directory, self._limit, self._losses):
                return segment
        except OSError:
            segment.close(keep=False)
            raise
        segment.close(keep=False)
        raise OSError(f"the spool's limit of {self._limit} bytes is used up by other processes")
