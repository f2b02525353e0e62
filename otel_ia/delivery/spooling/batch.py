"""What the shipper is given to send: consecutive frames of one process."""

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Consecutive frames of one process, in the order in which they were appended.

    `identity` is the opaque identity of that process. `scopes` are the payloads of every SCOPE frame the frames can
    refer to (and perhaps more, perhaps one twice). `frames` are pairs of kind and payload; SCOPE is never among them.
    START is among them only when `is_adopted`, and then stands for a span that was open when its process died:
    `last_seen`, nanoseconds since the Unix epoch, is the last moment at which that process is known to have lived.

    Read again without an acknowledgement, the same frames come again.
    """

    identity: bytes
    scopes: tuple[bytes, ...]
    frames: list[tuple[int, bytes]]
    is_adopted: bool = False
    last_seen: int = 0
    lease: threading.Lock
    when_done: Callable[[], None]
    when_partly_done: Callable[[int], None]
    when_refused: Callable[[int, bytes, tuple[bytes, ...]], bool]

    def begin(self) -> bool:
        """To be called before the frames are sent: until `pause` the limits do not drop them.

        False when they have been dropped, and counted, since they were read: they are not to be sent any more.
        """
        return self.lease.acquire(blocking=False)

    def pause(self) -> None:
        """Ends what `begin` began."""
        self.lease.release()

    def acknowledge(self) -> None:
        """The frames are done with and never come again. Holds through a kill at any instruction; never raises."""
        self.when_done()

    def acknowledge_first(self, count: int) -> None:
        """The same for so many of them, counted from the first."""
        self.when_partly_done(count)

    def set_aside(self, index: int) -> bool:
        """Keeps a frame that the server refuses for good in a `.refused` file, for a person to look at.

        Counted as refused, and as dropped where it cannot be kept: then False. The batch is to be acknowledged all the
        same, when the rest of it is done with.
        """
        return self.when_refused(*self.frames[index], self.scopes)
