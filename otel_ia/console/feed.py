"""The way of a change into the book and of a page onto the stream, from any thread, without waiting for any."""

import atexit
import threading
import weakref
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Final

from otel_ia import clock
from otel_ia.console.book import Book, Call, Change
from otel_ia.console.outline import Page
from otel_ia.console.reading import Started
from otel_ia.forks import at_forks
from otel_ia.guard import guarded

_WAITING_PAGES: Final = 1_000
_LEAST_WAIT: Final = 0.05
_LONGEST_WAIT: Final = 3600.0
_PATIENCE: Final = 1.0
_feeds: "weakref.WeakSet[Feed]" = weakref.WeakSet()


class Feed:
    """Puts changes into a book and prints the pages it gives back.

    Whoever brings a change puts it into a queue and, if nobody else is at it, empties the queue into the book, then the
    pages onto the stream. Who finds another at work (or itself: a finalizer that runs inside) leaves its change there;
    the one at work takes it along. So nobody ever waits for a lock, and nothing is printed while the book's is held.

    One daemon thread, started with the first span, looks at the traces that stay open. It sleeps while none is.
    """

    def __init__(self, print_page: Callable[[Page], None], *, delay: float) -> None:
        self._print_page = print_page
        self._delay = delay
        self._closed = False
        self.begin()
        _feeds.add(self)
        _mind_forks()

    def begin(self) -> None:
        """Starts empty: at first, and in a forked child, which has neither locks nor traces from its parent."""
        self._book = Book(delay=self._delay)
        self._changes: deque[Change] = deque()
        self._pages: deque[Page] = deque(maxlen=_WAITING_PAGES)
        self._noting = threading.Lock()
        self._printing = threading.Lock()
        self._starting = threading.Lock()
        self._printer: int | None = None
        self._wake = threading.Event()
        self._held_for_fork = False
        self._sleeps = False
        self._watching = True
        self._thread: threading.Thread | None = None

    def put(self, change: Change) -> None:
        """Notes the change and prints what has become due by it. Spans of the stream's own `write` are not noted."""
        if self._closed or (isinstance(change, Started) and self._printer == threading.get_ident()):
            return
        self._changes.append(change)
        self._work()
        if self._thread is None:
            if isinstance(change, Started):
                self._start_thread()
        elif self._sleeps and self._book.due is not None:
            self._sleeps = False
            self._wake.set()

    def close(self) -> None:
        """Prints what is still open and ends the thread. After that nothing is printed."""
        if self._closed:
            return
        self._closed = True
        self._changes.append(Call.CLOSE)
        self._work()
        self._end_thread()
        for lock in (self._noting, self._printing):
            if self._printer != threading.get_ident() and lock.acquire(timeout=_PATIENCE):
                lock.release()
        self._work()

    def _work(self) -> None:
        while self._changes:
            noting, changes, book = self._noting, self._changes, self._book
            if not noting.acquire(blocking=False):
                return
            try:
                while changes:
                    self._pages.extend(_take(book, changes.popleft()) or ())
            finally:
                noting.release()
        while self._pages:
            printing, pages = self._printing, self._pages
            if not printing.acquire(blocking=False):
                return
            self._printer = threading.get_ident()
            try:
                while pages:
                    self._print_page(pages.popleft())
            finally:
                self._printer = None
                printing.release()

    def hold(self) -> None:
        """Lets a print that is under way come to its end, so that a forked child inherits no stream in mid-write."""
        if self._printer != threading.get_ident() and self._printing.acquire(timeout=_PATIENCE):
            self._held_for_fork = True

    def release(self) -> None:
        """Goes on after a fork."""
        if self._held_for_fork:
            self._held_for_fork = False
            self._printing.release()
            self._work()

    def _start_thread(self) -> None:
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None and not self._closed:
                thread = threading.Thread(target=self._watch, name="otel_ia-console", daemon=True)
                thread.start()
                self._thread = thread
                # A daemon thread that is writing while the interpreter goes down takes the process with it.
                atexit.register(self._end_thread)
        except RuntimeError:  # too late in the life of the interpreter, or no thread to be had
            return
        finally:
            self._starting.release()

    def _end_thread(self) -> None:
        atexit.unregister(self._end_thread)
        self._watching = False
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_PATIENCE)

    def _watch(self) -> None:
        while self._watching:
            self._wake.clear()
            self._changes.append(Call.LOOK)
            self._work()
            # First said, then asked: whoever makes something due in between sees it and wakes the thread.
            self._sleeps = True
            due = self._book.due
            if due is None:
                self._wake.wait()
            else:
                self._sleeps = False
                self._wake.wait(min(_LONGEST_WAIT, max(_LEAST_WAIT, due - clock.monotonic() / 1e9)))


@guarded
def _take(book: Book, change: Change) -> list[Page]:
    return book.take(change)


@cache
def _mind_forks() -> None:
    at_forks(before=_hold_all, after_in_parent=_release_all, after_in_child=_begin_all)


def _hold_all() -> None:
    for feed in list(_feeds):
        feed.hold()


def _release_all() -> None:
    for feed in list(_feeds):
        feed.release()


def _begin_all() -> None:
    for feed in list(_feeds):
        feed.begin()
