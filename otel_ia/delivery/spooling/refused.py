"""Frames that the server refuses for good, kept for a person to look at, and to offer again."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path

from otel_ia.delivery.spooling import directory as folder
from otel_ia.delivery.spooling.frames import SCOPE, encode_frame
from otel_ia.delivery.spooling.header import Header, encode_header
from otel_ia.delivery.spooling.ownership import FileKey, file_key, hold, let_go, lock


def keep_refused(directory: Path, header: Header, frame: bytes, *, scopes: Iterable[bytes], last_seen: int = 0) -> None:
    """Adds a frame to a `.refused` file named like the segment it was read from, which has the form of a segment.

    While the frames of that file are offered again, by whichever process, another one takes its place: when they are
    through, it is removed. `last_seen` is when the process of an adopted segment is known to have lived (ns). Raises
    OSError when the directory cannot be written.
    """
    # the scopes each time: there may be more of them by now
    content = b"".join((*(encode_frame(SCOPE, scope) for scope in scopes), frame))
    head = encode_header(header, last_seen=last_seen)
    with folder.opened(directory, create=True) as opened:
        while not _add(opened, _file_name(header), content, head=head):
            header = replace(header, sequence=header.sequence + 1)


def _file_name(header: Header) -> str:
    name = folder.file_name(created=header.created, instance=header.instance, sequence=header.sequence)
    return f"{name}{folder.REFUSED}"


def _add(opened: int, name: str, content: bytes, *, head: bytes) -> bool:
    """Whether it was added; not to a file that someone reads at this moment."""
    found = _find_or_create(opened, name)
    if found is None:
        return False
    key, descriptor = found
    if not hold(key):  # to open and close it would give up this process's own lock
        if descriptor is not None:
            os.close(descriptor)  # empty as it is, nobody takes it
        return False
    try:
        if descriptor is None:
            descriptor = folder.open_file(opened, name)
        return descriptor is not None and _append(descriptor, content, head=head)
    finally:
        let_go(key, descriptor)


def _find_or_create(opened: int, name: str) -> tuple[FileKey, int | None] | None:
    """The file, and a descriptor if it is new; None when another makes it at this moment."""
    with suppress(FileNotFoundError):
        return file_key(os.stat(name, dir_fd=opened, follow_symlinks=False)), None
    try:
        descriptor = folder.create_file(opened, name)
    except FileExistsError:
        return None
    return file_key(os.fstat(descriptor)), descriptor


def _append(descriptor: int, content: bytes, *, head: bytes) -> bool:
    if not lock(descriptor):
        return False
    status = os.fstat(descriptor)
    if status.st_nlink != 1:  # taken and removed before it was locked
        return False
    content = content if status.st_size else head + content
    if os.pwrite(descriptor, content, status.st_size) != len(content):
        os.ftruncate(descriptor, status.st_size)
        raise OSError(ENOSPC, os.strerror(ENOSPC))
    return True
