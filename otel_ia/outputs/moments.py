"""The time of a log record as text."""

import time
from functools import lru_cache
from typing import Final

from otel_ia.sdk.entries import Entry

_SECOND: Final = 1_000_000_000


def moment_of(entry: Entry) -> int:
    """Nanoseconds since 1970: when it was written, else when it was seen."""
    return entry.time or entry.observed or 0


def in_utc(nanoseconds: int) -> str:
    """`2026-11-22T14:33:48.123456Z`."""
    seconds, rest = divmod(nanoseconds, _SECOND)
    return f"{_second_in_utc(seconds)}.{rest // 1000:06d}Z"


def here(nanoseconds: int) -> str:
    """`2026-11-22 14:33:48.123`, in the time zone of this machine."""
    seconds, rest = divmod(nanoseconds, _SECOND)
    return f"{_second_here(seconds)}.{rest // 1_000_000:03d}"


# Many lines come in one second, and to write it out takes 1 to 2 µs.
@lru_cache(maxsize=16)
def _second_in_utc(seconds: int) -> str:
    return _written("%Y-%m-%dT%H:%M:%S", seconds, in_zone=False)


@lru_cache(maxsize=16)
def _second_here(seconds: int) -> str:
    return _written("%Y-%m-%d %H:%M:%S", seconds, in_zone=True)


def _written(pattern: str, seconds: int, *, in_zone: bool) -> str:
    try:
        return time.strftime(pattern, time.localtime(seconds) if in_zone else time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):  # a time that no calendar has
        return _written(pattern, 0, in_zone=in_zone)
