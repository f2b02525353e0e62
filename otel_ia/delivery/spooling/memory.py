"""Where frames go while the disk cannot or shall not take them: a bounded part of memory, the oldest dropped first."""

from collections import deque

from otel_ia.delivery.spooling.frames import DELIVERED, HEAD, HEAD_SIZE


class MemoryRing:
    """Encoded frames in the order they came. Those that are being sent are kept apart and are not dropped.

    Every step leaves it whole: a signal handler or finalizer may add in the middle of another's call, and a thread
    take while another adds.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._frames: deque[bytes] = deque()
        self._size = 0
        self._taken: list[bytes] = []
        self._taken_size = 0
        self._done = 0
        self.added = 0
        """How many frames were ever kept."""

    def __len__(self) -> int:
        return len(self._frames) + len(self._taken)

    @property
    def size(self) -> int:
        """Bytes, what is being sent included."""
        return self._size + self._taken_size

    def add(self, frame: bytes) -> list[tuple[int, bytes]]:
        """Keeps a frame, unless it is of a kind that only serves a later process; what was dropped for it."""
        if split(frame)[0] not in DELIVERED:
            return []
        self._frames.append(frame)
        self._resize(len(frame))
        self.added += 1  # one statement without a call: nothing gets in between
        dropped = []
        while self.size > self._limit and (oldest := self.pop()) is not None:
            dropped.append(split(oldest))
        return dropped

    def pop(self) -> bytes | None:
        """The oldest frame that is not being sent, which is no longer kept."""
        try:
            frame = self._frames.popleft()
        except IndexError:
            return None
        self._resize(-len(frame))
        return frame

    def take_all(self) -> list[tuple[int, bytes]]:
        """All frames that are not being sent, which are no longer kept."""
        taken = []
        while (frame := self.pop()) is not None:
            taken.append(split(frame))
        return taken

    def read(self, limit_bytes: int, limit_frames: int) -> list[tuple[int, bytes]]:
        """The oldest frames, at least one if there is one; the same again until they are acknowledged.

        At most half of the memory: what comes meanwhile needs room.
        """
        if self._done:
            self._taken, self._done = self._taken[self._done :], 0
            self._taken_size = sum(map(len, self._taken))
        if not self._taken:
            limit_bytes = min(limit_bytes, self._limit // 2 + 1)
            while self._frames and len(self._taken) < limit_frames and self._taken_size < limit_bytes:
                frame = self.pop()
                if frame is not None:
                    self._taken.append(frame)
                    self._taken_size += len(frame)
        return [split(frame) for frame in self._taken]

    def acknowledge(self) -> None:
        """What was read is done with."""
        self._taken, self._taken_size, self._done = [], 0, 0

    def acknowledge_first(self, count: int) -> None:
        """So many of what was read are done with."""
        self._done = count

    def put_back(self) -> None:
        """What was read and not acknowledged is kept again, as the oldest."""
        left = self._taken[self._done :]
        self.acknowledge()
        while left:
            frame = left.pop()
            self._frames.appendleft(frame)
            self._resize(len(frame))

    def _resize(self, change: int) -> None:
        self._size += change  # the same: no other thread comes in between


def split(frame: bytes) -> tuple[int, bytes]:
    """Kind and payload of an encoded frame."""
    return int(HEAD.unpack_from(frame)[0]) & 255, frame[HEAD_SIZE:]
