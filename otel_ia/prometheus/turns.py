"""Who of a group listens: one process, and when it ends, another one.

The one that listens holds a lock, which the kernel frees when it ends. To wait for that lock itself could not be
broken off. So the others wait for the end of a named pipe that the holder has open: the kernel tells them at once, and
nobody polls.
"""

import os
import secrets
import select
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from otel_ia.delivery.spooling import ownership
from otel_ia.delivery.spooling.directory import open_file, opened
from otel_ia.forks import at_forks, undivided

CAN_TAKE_TURNS: Final = ownership.CAN_LOCK and hasattr(os, "mkfifo")
LOCK: Final = "listener.lock"
SIGN: Final = "listener.sign"
_LONGEST: Final = 20.0
"""Seconds after which it is looked anyway: a child forked past Python (in C) may keep a dead holder's pipe open."""
_SOON: Final = 0.05
_LOOKS: Final = 5
_NEVER: Final = -1
_SIGN_FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW if hasattr(os, "O_NONBLOCK") else 0


class Waker:
    """Ends a wait of one thread from another one."""

    def __init__(self) -> None:
        with undivided():
            self._reader, self._writer = os.pipe()
            _process.descriptors |= {self._reader, self._writer}
        self.is_woken = False

    def wake(self) -> None:
        """Ends this wait and all later ones."""
        self.is_woken = True
        with suppress(OSError):
            os.write(self._writer, b"\0")
        with _process.changed:
            _process.changed.notify_all()

    def wait(self, timeout: float | None, *descriptors: int) -> None:
        """Returns when woken, when there is something about a descriptor, or when the time (s) is up."""
        poll = select.poll()
        for descriptor in (self._reader, *descriptors):
            poll.register(descriptor, select.POLLIN)
        poll.poll(None if timeout is None else timeout * 1e3)

    def close(self) -> None:
        """Gives back what it needs. Idempotent."""
        for descriptor in (self._reader, self._writer):
            _close(descriptor)
        self._reader = self._writer = _NEVER


class _Process:
    """Which directories have a listener in this process, for files do not lock its threads against each other."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.busy: set[Path] = set()
        self.descriptors: set[int] = set()


def take_turn(directory: Path, waker: Waker, listen: Callable[[], None]) -> None:
    """Calls `listen` when it is this process's turn; returns after it, or when woken before.

    Raises OSError where the directory cannot be used.
    """
    process = _process
    with process.changed:
        process.changed.wait_for(lambda: waker.is_woken or directory not in process.busy)
        if waker.is_woken:
            return
        process.busy.add(directory)
    try:
        with opened(directory, create=True) as at:
            _take_turn(at, waker, listen)
    finally:
        with process.changed:
            process.busy.discard(directory)
            process.changed.notify_all()


def _take_turn(at: int, waker: Waker, listen: Callable[[], None]) -> None:
    _make_sign(at)
    lock = open_file(at, LOCK, os.O_RDWR | os.O_CREAT)  # a child's copy of it locks nothing
    if lock is None:
        raise PermissionError(f"{LOCK} is not this user's")
    _process.descriptors.add(lock)
    sign = _NEVER
    try:
        if _is_mine_at_last(at, lock, waker):
            sign = _open_sign(at, os.O_RDWR)  # nobody has to read it for that
            listen()
    finally:
        _close(lock)
        _close(sign)  # and the next one finds the lock free


def _is_mine_at_last(at: int, lock: int, waker: Waker) -> bool:
    while not waker.is_woken:
        sign = _open_sign(at, os.O_RDONLY)
        try:
            for _ in range(_LOOKS):  # who has the lock may be about to open the sign, or to let go of the lock
                if ownership.lock(lock):
                    return True
                waker.wait(_SOON)
            waker.wait(_LONGEST + secrets.randbelow(10), sign)
        finally:
            _close(sign)
    return False


def _make_sign(at: int) -> None:
    with suppress(FileExistsError):
        os.mkfifo(SIGN, 0o600, dir_fd=at)
    status = os.stat(SIGN, dir_fd=at, follow_symlinks=False)
    if not stat.S_ISFIFO(status.st_mode) or status.st_uid != os.geteuid():
        raise PermissionError(f"{SIGN} is not what it was made to be")


def _open_sign(at: int, flags: int) -> int:
    with undivided():
        descriptor = os.open(SIGN, flags | _SIGN_FLAGS, dir_fd=at)
        _process.descriptors.add(descriptor)
    return descriptor


def _close(descriptor: int) -> None:
    with undivided():
        if descriptor in _process.descriptors:
            _process.descriptors.discard(descriptor)
            os.close(descriptor)


def _begin_in_child() -> None:
    """A child listens to nothing yet. With its copies open, nobody would see its parent's end."""
    global _process
    descriptors, _process = _process.descriptors, _Process()
    for descriptor in descriptors:
        with suppress(OSError):
            os.close(descriptor)


_process = _Process()
at_forks(after_in_child=_begin_in_child)
