"""Where frames go while the disk cannot or shall not take them: a bounded part of memory, the oldest dropped first."""

from collections import deque

from otel_ia.delivery.spooling.frames import COUNTED, DELIVERED, HEAD, HEAD_SIZE


class MemoryRing:
    """Encoded frames in the order they came. Those that are being sent are kept apart and are not dropped.

    Every step leaves it whole: a signal handler or finalizer may add in the middle of another's call.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._frames: deque[bytes] = deque()
        self._size = 0
        self._taken: list[bytes] = []
        self._taken_size = 0
        self.added = 0
        """How many frames were ever kept."""

    def __len__(self) -> int:
        return len(self._frames) + len(self._taken)

    @property
    def size(self) -> int:
        """Bytes, what is being sent included."""
        return self._size + self._taken_size

    def add(self, frame: bytes) -> int:
        """Keeps a frame, unless it is of a kind that only serves a later process; how many were dropped for it."""
        if _kind(frame) not in DELIVERED:
            return 0
        self._frames.append(frame)
        self._size += len(frame)
        self.added += 1  # one statement without a call: nothing gets in between
        dropped = 0
        while self.size > self._limit and (oldest := self.pop()) is not None:
            dropped += _kind(oldest) in COUNTED
        return dropped

    def pop(self) -> bytes | None:
        """The oldest frame that is not being sent, which is no longer kept."""
        try:
            frame = self._frames.popleft()
        except IndexError:
            return None
        self._size -= len(frame)
        return frame

    def read(self, limit_bytes: int, limit_frames: int) -> list[tuple[int, bytes]]:
        """The oldest frames, at least one if there is one; the same again until `acknowledge`.

        At most half of the memory: what comes meanwhile needs room.
        """
        if not self._taken:
            limit_bytes = min(limit_bytes, self._limit // 2 + 1)
            while self._frames and len(self._taken) < limit_frames and self._taken_size < limit_bytes:
                frame = self.pop()
                if frame is not None:
                    self._taken.append(frame)
                    self._taken_size += len(frame)
        return [(_kind(frame), frame[HEAD_SIZE:]) for frame in self._taken]

    def acknowledge(self) -> None:
        """What was read is done with."""
        self._taken, self._taken_size = [], 0

    def put_back(self) -> None:
        """What was read and not acknowledged is kept again, as the oldest."""
        while self._taken:
            frame = self._taken.pop()
            self._taken_size -= len(frame)
            self._frames.appendleft(frame)
            self._size += len(frame)


def _kind(frame: bytes) -> int:
    return int(HEAD.unpack_from(frame)[0]) & 255
