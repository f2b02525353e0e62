"""Keeps a deadline over the official batch processors, which keep none."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

from otel_ia.guard import guarded


class Processor(Protocol):
    """What span and log record processors have in common."""

    def force_flush(self, timeout_millis: int = ...) -> bool: ...
    def shutdown(self) -> None: ...


class Sender:
    """A batch processor whose flush and shutdown run on a thread kept ready for them.

    The thread is there beforehand because none can be started while the interpreter exits (Python 3.12), and its name
    keeps what the HTTP library logs on it from being exported. After a fork the child starts one at need.
    """

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = self._start()

    def flush(self) -> Callable[[float], bool]:
        """Begins to send what is queued; the returned function waits some seconds and says whether it is done."""
        return self._begin(self._processor.force_flush)

    def shutdown(self) -> Callable[[float], bool]:
        """Begins to send what is queued and to stop; the returned function waits some seconds for the end."""
        wait = self._begin(self._processor.shutdown)
        self._jobs.put(None)

        def wait_for_thread(timeout: float) -> bool:
            done = wait(timeout)
            self._thread.join(0.1 if done else 0)
            return done

        return wait_for_thread

    def _start(self) -> threading.Thread:
        thread = threading.Thread(target=self._work, name="otel_ia sender", daemon=True)
        thread.start()
        return thread

    def _begin(self, action: Callable[[], object]) -> Callable[[float], bool]:
        done = threading.Event()
        results: list[bool] = []

        @guarded
        def run() -> None:
            try:
                results.append(action() is not False)
            finally:
                done.set()

        if not self._thread.is_alive():
            self._jobs = SimpleQueue()
            self._thread = self._start()
        self._jobs.put(run)
        return lambda timeout: done.wait(timeout) and results == [True]

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
