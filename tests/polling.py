"""Waiting for what can only be asked."""

import time
from collections.abc import Callable


def poll_until(is_so: Callable[[], bool], timeout: float = 30.0) -> None:
    """Returns when it is so: for what can only be asked, not waited for."""
    end = time.monotonic() + timeout
    while not is_so():
        assert time.monotonic() < end, "it did not become so"
        time.sleep(0.005)
