"""Makes the file of a new segment: allocated, mapped, locked and named, or not there at all."""

import mmap
import os
from pathlib import Path
from typing import Final

from otel_ia.delivery.spooling import directory as folder
from otel_ia.delivery.spooling.header import Header, encode_header
from otel_ia.delivery.spooling.ownership import file_key, hold, let_go, lock, note_descriptor
from otel_ia.delivery.spooling.segment import Segment

CAN_ALLOCATE: Final = hasattr(os, "posix_fallocate")


def make_segment(directory: Path, header: Header, size: int, *, is_durable: bool = False) -> Segment:
    """A new segment of this size, locked, in a directory that is made if it is missing. Raises OSError.

    It has another ending while it is made: nobody takes a segment that is not locked yet for a dead process's. With
    `is_durable` its name lasts through a loss of power when this returns.
    """
    name = folder.file_name(created=header.created, instance=header.instance, sequence=header.sequence)
    path = directory / f"{name}{folder.SEGMENT}"
    with folder.opened(directory, create=True) as opened:
        _check_process(header)
        descriptor = folder.create_file(opened, f"{name}{folder.MAKING}")
        key = file_key(os.fstat(descriptor))
        mapping: mmap.mmap | bytearray | None = None
        try:
            hold(key)
            note_descriptor(key, descriptor)
            _check_process(header)
            _lock(descriptor)
            mapping = _room(descriptor, size)
            content = encode_header(header)
            _check_process(header)
            mapping[: len(content)] = content
            if isinstance(mapping, bytearray):
                os.pwrite(descriptor, content, 0)
            _check_process(header)
            os.rename(f"{name}{folder.MAKING}", path.name, src_dir_fd=opened, dst_dir_fd=opened)
            if is_durable:
                os.fsync(opened)
        except BaseException:
            if header.process == os.getpid():
                _remove(opened, f"{name}{folder.MAKING}")
            if isinstance(mapping, mmap.mmap):
                mapping.close()
            let_go(key, descriptor)
            raise
    return Segment(path=path, header=header, mapping=mapping, size=size, descriptor=descriptor, key=key)


def _check_process(header: Header) -> None:
    """A child that a signal handler forked at one of these steps must not take the next one before its parent does."""
    if header.process != os.getpid():
        raise OSError("forked while a segment was made, which is the parent's")


def _lock(descriptor: int) -> None:
    if not lock(descriptor):
        raise OSError("the new segment cannot be locked")


def _room(descriptor: int, size: int) -> mmap.mmap | bytearray:
    if not CAN_ALLOCATE:
        return bytearray(size)
    os.posix_fallocate(descriptor, 0, size)
    return mmap.mmap(descriptor, size)


def _remove(directory: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except OSError:
        return
