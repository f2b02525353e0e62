"""Threads that tests run beside them."""

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def meanwhile(change: Callable[[int], object]) -> Iterator[None]:
    """Another thread calls it with 1, 2, 3 and so on, without a pause, and gets its turn very often."""
    is_over = threading.Event()

    def go_on() -> None:
        for number in itertools.count(1):
            if is_over.is_set():
                return
            change(number)

    thread = threading.Thread(target=go_on)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        sys.setswitchinterval(interval)
