"""The processes of one service on one machine, and the directory in which they show each other their metrics.

A member has a file that is locked while it lives (`.alive`), its counts of calls (`.cells`) and the page of all else,
written now and then (`.page`). What has ended members counted is folded into one file, `folded-N.page`, which names
those it holds: whoever reads it leaves their own files out, so that a crash in the middle doubles nothing. The next
fold has the next number. A reader locks nothing: when the folded file is another one in the end, it reads again.
"""

import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from otel_ia import clock
from otel_ia.delivery.spooling.directory import create_file, open_file, opened
from otel_ia.delivery.spooling.ownership import lock
from otel_ia.forks import at_forks
from otel_ia.prometheus import turns
from otel_ia.prometheus.counter_file import CounterFile, read_counters
from otel_ia.prometheus.definitions import count_page
from otel_ia.prometheus.life import Life, is_alive
from otel_ia.prometheus.pages import Buckets, Page, decode, encode, lasting, merge, to_bytes

ALIVE: Final = ".alive"
CELLS: Final = ".cells"
PAGE: Final = ".page"
_MAKING: Final = ".making"
_FOLDED: Final = "folded-"
_LOCK: Final = "group.lock"
KEPT: Final = (_LOCK, turns.LOCK, turns.SIGN)
"""What stays while the group lives, and is nobody's."""
_PATIENCE: Final = 0.5
"""Seconds that a process waits for one that stands still in the middle of a fold; it then goes on without."""
_ATTEMPTS: Final = 10
_REPLACED: Final = 20
"""How often a file may be replaced between opening it and looking whose it is: it then has no name any more."""
_changing = threading.Lock()


class Group:
    """This process's place in its group, taken by `join`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._life: Life | None = None
        self._name = ""
        self._written = b""

    def join(self) -> None:
        """Lets others see this process. Where no other one lives, all that was counted before is forgotten.

        Raises OSError where the directory cannot be used.
        """
        if self._life is not None:
            return
        with opened(self.directory, create=True) as at, _only_one(at, _PATIENCE) as is_only:
            if is_only and not _remove_if_nobody_lives(at):
                _fold(at)
            self._name = f"{max(clock.wall(), 0):016x}-{os.getpid()}-{secrets.token_hex(4)}"
            self._written = b""
            self._life = Life(at, f"{self._name}{ALIVE}")

    def open_counters(self) -> CounterFile:
        """A file for the counts of this member. Raises OSError."""
        with opened(self.directory) as at:
            return CounterFile(at, f"{self._name}{CELLS}")

    def write(self, page: Page) -> None:
        """Shows the others what this process has measured. Raises OSError."""
        content = to_bytes(encode(page))
        if content != self._written and self._life is not None:
            with opened(self.directory) as at:
                _write(at, f"{self._name}{PAGE}", content)
            self._written = content

    def read(self, own: Page | None) -> Page:
        """What all members show together, the ended ones too; `own` is what this process would write."""
        with opened(self.directory) as at:
            with _only_one(at, 0) as is_only:
                if is_only:
                    _fold(at)
            for _ in range(_ATTEMPTS):
                folded = _last_fold(at)
                pages = self._read_all(at, folded, own)
                if folded == _last_fold(at):
                    break
        return merge(pages)

    def _read_all(self, at: int, folded: str | None, own: Page | None) -> list[tuple[Page, bool]]:
        page, left_out = _read_fold(at, folded)
        pages = [(page, False)]
        for name in _names(at, ALIVE):
            stem = name.removesuffix(ALIVE)
            if stem not in left_out:
                lives = is_alive(at, name)
                pages.append((_read_member(at, stem, own if stem == self._name else None), lives))
        return pages

    def leave(self) -> None:
        """Ends to be seen. What this process counted stays while another one lives, else nothing stays."""
        life, self._life = self._life, None
        if life is None:
            return
        with suppress(OSError), opened(self.directory) as at, _only_one(at, _PATIENCE) as is_only:
            life.end()
            if is_only:
                _remove_if_nobody_lives(at)
        life.end()

    def begin_in_child(self) -> None:
        """In a forked child: no member yet."""
        life, self._life = self._life, None
        if life is not None:
            life.end()


def _names(at: int, suffix: str) -> list[str]:
    return sorted(name for name in os.listdir(at) if name.endswith(suffix))


def _last_fold(at: int) -> str | None:
    found = [name for name in _names(at, PAGE) if name.startswith(_FOLDED)]
    return max(found, default=None)


def _fold(at: int) -> None:
    """Takes the ended members into the next folded file. Only one at a time may be here; never raises."""
    with suppress(OSError):
        before = _last_fold(at)
        page, left_out = _read_fold(at, before)
        present = {name.removesuffix(ALIVE) for name in _names(at, ALIVE)}
        dead = sorted(stem for stem in present - left_out if not is_alive(at, f"{stem}{ALIVE}"))
        if dead:
            number = int(before.removeprefix(_FOLDED).removesuffix(PAGE), 16) + 1 if before is not None else 0
            whole = merge([(page, False), *((lasting(_read_member(at, stem, None)), False) for stem in dead)])
            named = [*(left_out & present), *dead]
            _write(at, f"{_FOLDED}{number:016x}{PAGE}", to_bytes({"members": named, "page": encode(whole)}))
        for name in [name for name in _names(at, PAGE) if name.startswith(_FOLDED)][:-1]:
            os.unlink(name, dir_fd=at)
        for stem in (*(left_out & present), *dead):
            for suffix in (CELLS, PAGE, ALIVE):  # in the end what says that there is such a member
                with suppress(FileNotFoundError):
                    os.unlink(f"{stem}{suffix}", dir_fd=at)


def _remove_if_nobody_lives(at: int) -> bool:
    """Whether nobody does. Who comes while it looks, without waiting for the lock, keeps what is its own."""
    names = os.listdir(at)
    if any(is_alive(at, name) for name in names if name.endswith(ALIVE)):
        return False
    for name in names:
        if name not in KEPT:
            with suppress(OSError):
                os.unlink(name, dir_fd=at)
    return True


def _read_fold(at: int, name: str | None) -> tuple[Page, set[str]]:
    stored = _read_json(at, name) if name is not None else None
    with suppress(ValueError, TypeError, KeyError):
        if stored is not None:
            return decode(stored["page"]), set(stored["members"])
    return Page(), set()


def _read_member(at: int, stem: str, own: Page | None) -> Page:
    """The page of a member, with the counts of its file in place of those that it has written."""
    page = own
    if page is None:
        with suppress(ValueError, TypeError, KeyError):
            stored = _read_json(at, f"{stem}{PAGE}")
            page = decode(stored) if stored is not None else None
    if page is None:
        page = Page()
    descriptor = open_file(at, f"{stem}{CELLS}", os.O_RDONLY)
    if descriptor is not None:
        try:
            counted = count_page(read_counters(descriptor))
        finally:
            os.close(descriptor)
        _replace_counts(page, counted)
    return page


def _replace_counts(page: Page, counted: Page) -> None:
    for key, family in counted.families.items():
        shown = page.family(*key, family.help)
        for labels, value in family.series.items():
            before = shown.series.get(labels)
            if isinstance(value, Buckets) and isinstance(before, Buckets) and before.bounds == value.bounds:
                value.exemplars = before.exemplars
            shown.series[labels] = value


def _read_json(at: int, name: str) -> Any:
    """What the file says; None where there is none. Raises ValueError when it is none of ours."""
    for _ in range(_REPLACED):
        descriptor = open_file(at, name, os.O_RDONLY)
        if descriptor is not None:
            with os.fdopen(descriptor, "rb") as file:
                return json.loads(file.read())
        try:
            os.stat(name, dir_fd=at, follow_symlinks=False)
        except OSError:
            return None
    return None


def _write(at: int, name: str, content: bytes) -> None:
    """Puts the whole file in the place of the one before. Raises OSError."""
    making = f"{name}{_MAKING}"
    with suppress(FileNotFoundError):
        os.unlink(making, dir_fd=at)
    descriptor = create_file(at, making)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.rename(making, name, src_dir_fd=at, dst_dir_fd=at)
    except OSError:
        with suppress(OSError):
            os.unlink(making, dir_fd=at)
        raise


@contextmanager
def _only_one(at: int, patience: float) -> Iterator[bool]:
    """True inside for one process and thread at a time; False when it is another's turn for so long (s)."""
    end = time.monotonic() + patience
    changing = _changing
    if not changing.acquire(timeout=patience):
        yield False
        return
    try:
        descriptor = open_file(at, _LOCK, os.O_RDWR | os.O_CREAT)
        try:
            yield descriptor is not None and _lock_until(descriptor, end)
        finally:
            if descriptor is not None:
                os.close(descriptor)
    finally:
        changing.release()


def _lock_until(descriptor: int, end: float) -> bool:
    while not lock(descriptor):
        if time.monotonic() >= end:
            return False
        time.sleep(0.01)
    return True


def _begin_in_child() -> None:
    global _changing  # noqa: PLW0603 - a thread of the parent may have held it
    _changing = threading.Lock()


at_forks(after_in_child=_begin_in_child)
