"""Whose a file is: one process at a time, and one place in it.

`fcntl.lockf` decides between processes: its locks die with the process, whatever its id, and are not inherited over a
fork, as those of `flock` are. But they are dropped when *any* descriptor of the file is closed, and do not exclude
inside a process. So a table says what this one holds, and nothing opens what stands in it.
"""

import os
from typing import Final

from otel_ia.forks import at_forks

try:
    import fcntl
except ImportError:  # Windows: the spool stays in memory
    fcntl = None  # type: ignore[assignment]

CAN_LOCK: Final = fcntl is not None
FileKey = tuple[int, int]
_held: dict[FileKey, list[int]] = {}


def file_key(status: os.stat_result) -> FileKey:
    """What tells a file from every other, whatever its name."""
    return status.st_dev, status.st_ino


def hold(key: FileKey) -> bool:
    """Notes, before it is opened, that this place of the process works on a file; False when another one does."""
    mine = [-1]
    return _held.setdefault(key, mine) is mine


def note_descriptor(key: FileKey, descriptor: int) -> None:
    """Notes the descriptor through which the rest of the process may look at a file that is held."""
    _held[key] = [descriptor]


def let_go(key: FileKey, descriptor: int | None = None) -> None:
    """Closes the last descriptor of a file, if there is one, and forgets it."""
    mine = _held.get(key)
    if descriptor is not None and descriptor >= 0:
        os.close(descriptor)
    # From then on the next file that is made may have this key, and what is noted of that stays. No call from here to
    # the end, so no other thread gets in between.
    if key in _held and _held[key] is mine:
        del _held[key]


def held_descriptor(key: FileKey) -> int | None:
    """The descriptor through which this process works on the file; -1 while it opens it, None when it does not."""
    found = _held.get(key)
    return found[0] if found is not None else None


def lock(descriptor: int) -> bool:
    """Makes the file this process's own until it closes it or dies; False when it is another's."""
    if fcntl is None:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


at_forks(after_in_child=_held.clear)
