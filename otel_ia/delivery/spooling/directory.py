"""The directory of the spool: only this user's, only what we put there."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from otel_ia.delivery.spooling.ownership import FileKey, file_key

SEGMENT: Final = ".segment"
REFUSED: Final = ".refused"
MAKING: Final = ".making"
SCANNER: Final = "scanner.lock"
VERDICTS: Final = ".verdicts"
_SUFFIXES: Final = (SEGMENT, REFUSED, MAKING, SCANNER, VERDICTS)
_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Entry:
    """A file of the spool as its directory shows it. In order, they are as old as they say.

    `created` and `changed` are in nanoseconds since the Unix epoch.
    """

    created: int
    instance: str
    sequence: int
    name: str
    size: int
    changed: int
    key: FileKey


def default_directory(name: str = "spool") -> Path:
    """`$XDG_STATE_HOME/otel_ia/spool`, else `~/.local/state/otel_ia/spool`; never a shared temporary folder.

    Raises OSError when the user has no home.
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    if Path(state).is_absolute():  # the convention: a relative one is not valid
        return Path(state) / "otel_ia" / name
    try:
        home = Path.home()
    except RuntimeError as error:
        raise OSError("the user has no home directory") from error
    return home / ".local" / "state" / "otel_ia" / name


@contextmanager
def opened(directory: Path, *, create: bool = False) -> Iterator[int]:
    """A descriptor of the directory, made if asked for. Raises OSError when it is missing or not safe to use."""
    if create:
        _make(directory)
    descriptor = os.open(directory, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _NO_LINKS)
    try:
        _check(descriptor, directory)
        yield descriptor
    finally:
        os.close(descriptor)


def create_file(directory: int, name: str) -> int:
    """A new file, for this user alone, open for reading and writing."""
    return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINKS, 0o600, dir_fd=directory)


def open_file(directory: int, name: str, flags: int = os.O_RDWR) -> int | None:
    """A descriptor of a file of ours; None when it is gone, a link, of another kind or another user's."""
    try:
        descriptor = os.open(name, flags | _NO_LINKS, 0o600, dir_fd=directory)
    except OSError:
        return None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_nlink != 1:
        os.close(descriptor)
        return None
    return descriptor


def remove_file(path: Path, key: FileKey) -> None:
    """Removes the file if the name still means it. Never raises."""
    try:
        if file_key(path.lstat()) == key:
            path.unlink()
    except OSError:
        return


def entries(directory: int, *suffixes: str) -> list[Entry]:
    """The files with these endings, the oldest first."""
    found = []
    with os.scandir(directory) as listing:
        for item in listing:
            entry = _entry(item) if item.name.endswith(suffixes) else None
            if entry is not None:
                found.append(entry)
    return sorted(found)


def file_name(*, created: int, instance: bytes, sequence: int) -> str:
    """The name of a segment, without its ending: sorted by name, segments are sorted by age."""
    return f"{max(created, 0):016x}-{instance.hex()}-{sequence:06x}"


def _entry(item: os.DirEntry[str]) -> Entry | None:
    parts = item.name.partition(".")[0].split("-")
    try:
        status = item.stat(follow_symlinks=False)
        created, instance, sequence = parts
        return Entry(
            created=int(created, 16),
            instance=instance,
            sequence=int(sequence, 16),
            name=item.name,
            size=status.st_size,
            changed=status.st_mtime_ns,
            key=file_key(status),
        )
    except (OSError, ValueError):  # gone meanwhile, or not named by us
        return None


def _make(directory: Path) -> None:
    for folder in (*reversed(directory.parents), directory):
        if not folder.is_dir():
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:
                continue


def _check(descriptor: int, directory: Path) -> None:
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid():
        raise PermissionError(f"{directory} belongs to another user")
    if status.st_mode & 0o077:
        if not all(name.endswith(_SUFFIXES) for name in os.listdir(descriptor)):
            raise PermissionError(f"{directory} is open to other users and holds more than a spool")
        os.fchmod(descriptor, 0o700)
