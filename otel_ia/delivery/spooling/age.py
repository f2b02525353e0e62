"""How long ago a file of the spool was written to, whatever has been done to the clock since.

Several witnesses are asked, and the youngest age that any of them claims counts. The wall clock was noted when the
segment was made, whenever its process looked after it, and by the system when the file was written to. What of that
lies in the future says nothing: the clock was set back. The clock that counts from the machine's start and is never
set was noted too, and speaks where the machine has not been started again, nor the file moved to another.

So a clock that steps either way while the machine runs drops nothing early and keeps nothing long. A file of which
all that is known lies in the future is dated now, that it may grow old. What cannot be seen through is a clock that
was behind for all that a process wrote and is put right only after the machine was started again.
"""

import os
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from otel_ia import clock
from otel_ia.delivery.spooling.header import Header, last_alive, last_seen

_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", None)


@cache
def boot() -> bytes:
    """What tells this start of the machine from every other; empty where the system does not say."""
    if _CLOCK is None:
        return b""
    try:
        return bytes.fromhex(Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", ""))
    except (OSError, ValueError):
        return b""


def since_boot() -> int:
    """Nanoseconds since that start, with those for which the machine was suspended; 0 where it cannot be known."""
    return time.clock_gettime_ns(_CLOCK) if _CLOCK is not None else 0


def youngest_age(*, created: int, changed: int, header: Header | None, head: bytes) -> float | None:
    """The seconds since the file was written to; None when all that is known lies in the future.

    `created` is what its name says and `changed` what the system does, in nanoseconds since the Unix epoch. `header`
    (None: unreadable) and `head`, the part that changes, are the segment's own.
    """
    now = clock.wall()
    said = [now - created, now - changed, now - (last_seen(head) or created)]
    if header is not None and header.boot == boot():
        said.append(since_boot() - max(header.made, last_alive(head)))
    past = [age for age in said if age >= 0]
    return min(past) / 1e9 if past else None


def date_now(descriptor: int) -> None:
    """Has the system say that the file was written to just now. Never raises."""
    now = clock.wall()
    with suppress(OSError):
        os.utime(descriptor, ns=(now, now))
