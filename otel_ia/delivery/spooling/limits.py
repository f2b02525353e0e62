"""How much of the disk the spool of all processes together may use, and what goes first."""

import os
from pathlib import Path
from typing import Final

from otel_ia import clock
from otel_ia.delivery.spooling import directory as folder
from otel_ia.delivery.spooling.adopted import adopt
from otel_ia.delivery.spooling.losses import Losses, give_up_held
from otel_ia.delivery.spooling.ownership import held_descriptor

SHARE_OF_FREE_SPACE: Final = 0.1


def size_limit(opened: int, configured: int) -> int:
    """The bytes that the directory may hold: as configured, and at most a tenth of what is free without it."""
    if not hasattr(os, "fstatvfs"):
        return configured
    status = os.fstatvfs(opened)
    free = status.f_bavail * status.f_frsize + _used(opened)
    return min(configured, int(free * SHARE_OF_FREE_SPACE))


def keep_within(directory: Path, limit: int, losses: Losses) -> bool:
    """Drops the oldest full segments, of anyone, until the directory is within the limit; False when it cannot be.

    Called after a segment has been made, so that processes that make one at once see each other's.
    """
    with folder.opened(directory) as opened:
        found = folder.entries(opened, folder.SEGMENT, folder.REFUSED)
        used = sum(entry.size for entry in found)
        for entry in found:
            if used <= limit:
                break
            if _drop(opened, directory, entry, "size", losses):
                used -= entry.size
    return used <= limit


def drop_expired(directory: Path, age: float, losses: Losses) -> None:
    """Drops what dead processes left longer ago than the age (s), whoever it was for. Raises OSError."""
    with folder.opened(directory) as opened:
        for entry in folder.entries(opened, folder.SEGMENT, folder.REFUSED):
            if clock.wall() - entry.created > age * 1e9 and held_descriptor(entry.key) is None:
                _drop(opened, directory, entry, "age", losses)


def _drop(opened: int, directory: Path, entry: folder.Entry, reason: str, losses: Losses) -> bool:
    if held_descriptor(entry.key) is not None:
        return give_up_held(entry.key, reason)
    adopted = adopt(opened, directory, entry, fingerprint=None)
    if adopted is None:
        return False
    adopted.counters, adopted.span_key = losses.counters, losses.span_key
    return losses.give_up(adopted, reason)


def _used(opened: int) -> int:
    return sum(entry.size for entry in folder.entries(opened, folder.SEGMENT, folder.REFUSED))
