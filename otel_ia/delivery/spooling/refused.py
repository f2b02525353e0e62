"""Frames that the server refuses for good, kept for a person to look at, and to offer again."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from otel_ia.delivery.spooling import directory as folder
from otel_ia.delivery.spooling.frames import SCOPE, encode_frame
from otel_ia.delivery.spooling.header import Header, encode_header
from otel_ia.delivery.spooling.ownership import file_key, hold, lock, release


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
    try:
        key = file_key(os.stat(name, dir_fd=opened, follow_symlinks=False))
    except FileNotFoundError:
        return _begin(opened, name, head + content)
    if not hold(key):  # to open and close it would give up this process's own lock
        return False
    try:
        return _append(opened, name, content)
    finally:
        release(key)


def _begin(opened: int, name: str, content: bytes) -> bool:
    try:
        descriptor = folder.create_file(opened, name)
    except FileExistsError:  # another's, of this moment
        return False
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)
    return True


def _append(opened: int, name: str, content: bytes) -> bool:
    descriptor = folder.open_file(opened, name, os.O_WRONLY | os.O_APPEND)
    if descriptor is None:
        return False
    try:
        is_free = lock(descriptor) and os.fstat(descriptor).st_nlink == 1
        if is_free:
            os.write(descriptor, content)
        return is_free
    finally:
        os.close(descriptor)
