"""Reads the metrics at each interval and when asked to, on a thread of its own, and hands them on."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from opentelemetry.sdk.metrics.export import MetricsData

from otel_ia.delivery.spooling.bell import Bell
from otel_ia.forks import begun_anew
from otel_ia.guard import guarded
from otel_ia.sdk.metering import MeteringState

THREAD_NAME: Final = "otel_ia metrics"
"""What is logged on threads whose name begins with "otel_ia " is not exported."""
_PATIENCE: Final = 0.3


class Source(Protocol):
    """What is read, such as a `Reading`."""

    def read(self) -> MetricsData | None: ...


class MetricExport:
    """Hands all metrics of a state to the outputs. A forked child has no thread until it counts something.

    It is always our thread that reads, not the one that asks: that may be a signal handler in the middle of a
    measurement, which would wait for a lock of its own.
    """

    def __init__(
        self,
        state: MeteringState,
        reading: Source,
        outputs: Sequence[Callable[[MetricsData], None]],
        *,
        interval: float,
        patience: float,
    ) -> None:
        self._state = state
        self._reading = reading
        self._outputs = tuple(guarded(output) for output in outputs)
        self._interval = interval
        self._patience = patience
        self._is_stopped = False
        self._begin()
        state.exports.append(self)
        _all.add(self)

    def _begin(self) -> None:
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._bell = Bell()
        self._requests: deque[Bell] = deque()

    def start(self) -> bool:
        """Makes sure that the thread runs; False where none can be started any more, as while the interpreter exits."""
        if self._is_stopped or not self._starting.acquire(blocking=False):
            return self._thread is not None
        try:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
                thread.start()
                self._thread = thread
        except RuntimeError:
            return False
        finally:
            self._starting.release()
        return True

    def force_flush(self, timeout_millis: int = 10_000) -> bool:
        """Reads now; whether that was done within the timeout."""
        if self._state.inner is None or self._is_stopped:  # a child that has counted nothing, or the end
            return True
        if not self.start():
            self._export()
            return True
        done = Bell()
        self._requests.append(done)
        self._bell.ring()
        if self._is_stopped:  # meanwhile: the thread may have ended, after it read for the last time
            return True
        return done.sleep(timeout_millis / 1e3)

    def shutdown(self) -> None:
        """Reads for the last time, and ends. Idempotent."""
        if self._is_stopped:
            return
        self._state.is_ending = True
        self.force_flush(int(self._patience * 1e3))
        self._is_stopped = True
        self._state.is_ending = False
        self._bell.ring()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE)

    def begin_in_child(self) -> None:
        """In a forked child: no thread, and nothing under way."""
        self._begin()

    def _run(self) -> None:
        due = time.monotonic() + self._interval
        while not self._is_stopped:
            self._bell.sleep(due - time.monotonic())
            asked = len(self._requests)
            if asked or time.monotonic() >= due:
                self._export()
                due = time.monotonic() + self._interval
            for _ in range(asked):
                self._requests.popleft().ring()

    @guarded
    def _export(self) -> None:
        data = self._reading.read()
        if data is not None:
            for output in self._outputs:
                output(data)


_all: Final = begun_anew(MetricExport.begin_in_child)
