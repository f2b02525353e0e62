"""Finds what dead processes left in the directory of the spool."""

import os
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from otel_ia import clock
from otel_ia.delivery.spooling import directory as folder
from otel_ia.delivery.spooling.adopted import Adopted, SpanKey, TimeOf, adopt
from otel_ia.delivery.spooling.counters import Counters
from otel_ia.delivery.spooling.holding import Encode
from otel_ia.delivery.spooling.ownership import FileKey, hold, let_go, lock
from otel_ia.forks import at_forks

MOST_AT_ONCE: Final = 64
"""Each adopted segment keeps a descriptor open. It is more where those of one process would not all be among them."""
_STALE_AFTER: Final = 60 * 10**9
_scanning = threading.Lock()


def scan(  # noqa: PLR0913 - most of them keyword-only, for what is found
    directory: Path,
    fingerprint: bytes,
    *,
    span_key: SpanKey | None = None,
    time_of: TimeOf | None = None,
    encode: Encode | None = None,
    counters: Counters | None = None,
    leaving: Collection[FileKey] = (),
) -> list[Adopted] | None:
    """The segments that dead processes left for this destination, the oldest first, now this process's own.

    None while another process or thread scans the same directory, empty when the directory cannot be read. With
    `span_key`, the span id in a START or SPAN payload, spans that were open come as START frames. `time_of` finds the
    time (ns) in a payload, or None: without it, the last moment a process is known to have lived is when its shipper
    last looked after the segment. `encode` makes fields of a span of what a HELD frame has in their place. Those in
    `leaving` are left alone.
    """
    counters = counters if counters is not None else Counters()
    found: list[Adopted] = []
    try:
        with folder.opened(directory) as opened, _only_scanner(opened) as is_only:
            if not is_only:
                return None
            found = _adopt_all(opened, directory, fingerprint, leaving)
            _remove_half_made(opened)
    except OSError:
        pass
    known: dict[bytes, set[bytes]] = {}
    settled: dict[bytes, dict[bytes, bytes]] = {}
    seen: dict[bytes, set[bytes]] = {}
    siblings: dict[bytes, list[Adopted]] = {}
    for adopted in found:
        adopted.span_key = span_key
        adopted.time_of = time_of
        adopted.encode = encode
        adopted.counters = counters
        adopted.known = known.setdefault(adopted.header.instance, set())
        adopted.settled = settled.setdefault(adopted.header.instance, {})
        adopted.seen = seen.setdefault(adopted.header.instance, set())
        adopted.siblings = siblings.setdefault(adopted.header.instance, [])
        adopted.siblings.append(adopted)
        counters.adopted += 1
    return found


def take_refused(path: Path, *, span_key: SpanKey | None = None, time_of: TimeOf | None = None) -> Adopted | None:
    """The frames of a `.refused` file, to be offered again; None while another works on it, and when it is gone."""
    adopted = None
    with suppress(OSError), folder.opened(path.parent) as opened:
        for entry in folder.entries(opened, folder.REFUSED):
            if entry.name == path.name and entry.size:  # empty, it is one that is being made
                adopted = adopt(opened, path.parent, entry, fingerprint=None)
    if adopted is not None:
        adopted.span_key = span_key
        adopted.time_of = time_of
    return adopted


def _adopt_all(opened: int, directory: Path, fingerprint: bytes, leaving: Collection[FileKey]) -> list[Adopted]:
    found: list[Adopted] = []
    begun: set[str] = set()
    for entry in folder.entries(opened, folder.SEGMENT):
        is_enough = len(found) >= MOST_AT_ONCE and entry.instance not in begun
        if is_enough or entry.key in leaving:
            continue
        try:
            adopted = adopt(opened, directory, entry, fingerprint=fingerprint)
        except OSError:  # out of descriptors, or a disk that cannot be read
            continue
        if adopted is not None:
            found.append(adopted)
            begun.add(entry.instance)
    return found


@contextmanager
def _only_scanner(opened: int) -> Iterator[bool]:
    """True inside for one at a time. POSIX locks tell processes apart, the other lock this one's threads."""
    if not _scanning.acquire(blocking=False):
        yield False
        return
    try:
        descriptor = folder.open_file(opened, folder.SCANNER, os.O_RDWR | os.O_CREAT)
        try:
            yield descriptor is not None and lock(descriptor)
        finally:
            if descriptor is not None:
                os.close(descriptor)
    finally:
        _scanning.release()


def _remove_half_made(opened: int) -> None:
    """Removes what a process that died while it made a segment left."""
    for entry in folder.entries(opened, folder.MAKING):
        # in the future or long ago: if the clock was set meanwhile, the lock decides
        if abs(clock.wall() - entry.created) > _STALE_AFTER and hold(entry.key):
            descriptor = folder.open_file(opened, entry.name)
            if descriptor is not None and lock(descriptor):
                os.unlink(entry.name, dir_fd=opened)
            let_go(entry.key, descriptor)


def _forget_after_fork() -> None:
    global _scanning  # noqa: PLW0603 - a thread of the parent may have held it
    _scanning = threading.Lock()


at_forks(after_in_child=_forget_after_fork)
