"""The life of a process as others see it: a lock on a file of its own, which the kernel frees when it ends.

Whoever looks takes a shared lock for a moment: two who look are not in each other's way, the owner's excludes them.
"""

import os
from typing import Final

from otel_ia.delivery.spooling import ownership
from otel_ia.delivery.spooling.directory import create_file, open_file

try:
    import fcntl
except ImportError:  # Windows: each process shows its own metrics
    fcntl = None  # type: ignore[assignment]

_MAKING: Final = ".making"


class Life:
    """The file that is locked as long as this process wants to be seen."""

    def __init__(self, directory: int, name: str) -> None:
        """Makes and locks the file before anybody sees it. Raises OSError."""
        making = f"{name}{_MAKING}"
        self.descriptor = create_file(directory, making)
        self._key = ownership.file_key(os.fstat(self.descriptor))
        self._process = os.getpid()
        ownership.hold(self._key)
        if not ownership.lock(self.descriptor):
            self.end()
            raise OSError("the file system has no locks")
        ownership.note_descriptor(self._key, self.descriptor)
        try:
            os.rename(making, name, src_dir_fd=directory, dst_dir_fd=directory)
        except OSError:
            self.end()
            raise

    def end(self) -> None:
        """From now on others see that it has ended. In a forked child only its copy is closed."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            if self._process == os.getpid():
                ownership.let_go(self._key, descriptor)
            else:
                os.close(descriptor)


def is_alive(directory: int, name: str) -> bool:
    """Whether the process whose file this is lives and wants to be seen."""
    try:
        key = ownership.file_key(os.stat(name, dir_fd=directory, follow_symlinks=False))
    except OSError:
        return False
    if ownership.held_descriptor(key) is not None:
        return True
    descriptor = open_file(directory, name, os.O_RDONLY)
    if descriptor is None or fcntl is None:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
