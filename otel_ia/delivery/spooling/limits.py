"""How much of the disk the spool of all processes together may use, and what goes first."""

import os
from pathlib import Path
from typing import Final

from otel_ia.delivery.spooling import directory as folder
from otel_ia.delivery.spooling.adopted import Adopted, adopt
from otel_ia.delivery.spooling.age import youngest_age
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

    Called before a segment is made, with a limit that leaves room for it, so that the directory is within its own at
    every moment; and after, so that processes that make one at once see each other's.
    """
    with folder.opened(directory) as opened:
        found = folder.entries(opened, folder.SEGMENT, folder.REFUSED)
        used = sum(entry.size for entry in found)
        for entry in found:
            if used <= limit:
                break
            if _drop(opened, directory, entry, losses):
                used -= entry.size
    return used <= limit


def drop_expired(directory: Path, limit: float, losses: Losses) -> None:
    """Drops what dead processes left longer ago than the limit (s), whoever it was for. Raises OSError.

    What this process has adopted is not looked at.
    """
    with folder.opened(directory) as opened:
        for entry in folder.entries(opened, folder.SEGMENT, folder.REFUSED):
            known = youngest_age(created=entry.created, changed=entry.changed, header=None, head=b"")
            if (known is not None and known <= limit) or held_descriptor(entry.key) is not None:
                continue
            adopted = _adopt(opened, directory, entry, losses)
            if adopted is not None and (adopted.age <= limit or not losses.give_up(adopted, "age")):
                adopted.close()


def _drop(opened: int, directory: Path, entry: folder.Entry, losses: Losses) -> bool:
    if held_descriptor(entry.key) is not None:
        return give_up_held(entry.key, "size")
    adopted = _adopt(opened, directory, entry, losses)
    return adopted is not None and losses.give_up(adopted, "size")


def _adopt(opened: int, directory: Path, entry: folder.Entry, losses: Losses) -> Adopted | None:
    adopted = adopt(opened, directory, entry, fingerprint=None)
    if adopted is not None:
        adopted.counters, adopted.span_key = losses.counters, losses.span_key
    return adopted


def _used(opened: int) -> int:
    return sum(entry.size for entry in folder.entries(opened, folder.SEGMENT, folder.REFUSED))
