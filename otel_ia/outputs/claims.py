"""Which process writes which file, where each writes one of its own.

Of the processes that are to write `app.log` the first gets it, the second `app.2.log`, and so on. What a process has
is a lock on a byte of `.app.log.lock` beside it. The kernel frees it when the process ends, however it ends; a forked
child has none of its parent's. Where there are no such locks (Windows), or where nothing can be made in the folder, so
that nothing can be rotated either, all write the one file.
"""

import errno
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Final

from otel_ia.forks import at_forks

with suppress(ImportError):  # not on Windows
    import fcntl

MOST_FILES: Final = 1_000
_HAS_LOCKS: Final = "fcntl" in sys.modules


@dataclass(slots=True, eq=False)
class _Held:
    """What this process holds of one lock file; closing any descriptor of it would free all of it."""

    descriptor: int
    counts: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """A file that is this process's to write, until it is given back."""

    path: Path
    lock: Path
    number: int | None
    """Which byte is locked; None without a lock."""
    inode: int
    process: int

    @property
    def is_good(self) -> bool:
        """Whether it still keeps others out: not in a forked child, nor when the lock file is gone."""
        if self.process != os.getpid():
            return False
        if self.number is None:
            return True
        with suppress(OSError):
            return self.lock.stat().st_ino == self.inode
        return False


_held: Final[dict[tuple[Path, int, int], _Held]] = {}
_changing = RLock()


def claim(path: Path) -> Claim:
    """The file of this process: the path, or one numbered beside it; OSError where there is no folder."""
    lock = path.with_name(f".{path.name}.lock")
    unclaimed = Claim(path, lock, None, 0, os.getpid())
    if not _HAS_LOCKS or (path.exists() and not path.is_file()):
        return unclaimed
    with _changing:
        try:
            key, held = _open(lock)
            for number in range(MOST_FILES):
                if number in held.counts or _is_free(held.descriptor, number):
                    held.counts[number] = held.counts.get(number, 0) + 1
                    name = path.name if not number else f"{path.stem}.{number + 1}{path.suffix}"
                    return Claim(path.with_name(name), lock, number, key[1], key[2])
        except FileNotFoundError:
            raise
        except OSError:  # nothing can be made here, or the file system has no locks
            return unclaimed
    return unclaimed


def _open(lock: Path) -> tuple[tuple[Path, int, int], _Held]:
    with suppress(OSError):
        key = (lock, lock.stat().st_ino, os.getpid())
        if key in _held:  # a second descriptor must not be, for closing it would free all locks
            return key, _held[key]
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    key = (lock, os.fstat(descriptor).st_ino, os.getpid())
    return key, _held.setdefault(key, _Held(descriptor))


def give_back(given: Claim) -> None:
    """Another process may have the file now."""
    with _changing:
        key = (given.lock, given.inode, given.process)
        held = _held.get(key)
        if held is None or given.number is None or given.process != os.getpid():
            return
        held.counts[given.number] -= 1
        if held.counts[given.number]:
            return
        del held.counts[given.number]
        if held.counts:
            fcntl.lockf(held.descriptor, fcntl.LOCK_UN, 1, given.number)
        else:
            del _held[key]
            os.close(held.descriptor)


def _is_free(descriptor: int, number: int) -> bool:
    """Whether nobody had this byte; then it is ours."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise
    return True


def _begin_in_child() -> None:
    """A child holds nothing: its copies of the descriptors are closed, which frees nothing of the parent's."""
    global _changing  # noqa: PLW0603 - the parent's may be locked for ever
    _changing = RLock()
    for held in _held.values():
        with suppress(OSError):
            os.close(held.descriptor)
    _held.clear()


at_forks(after_in_child=_begin_in_child)
