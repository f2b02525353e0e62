"""What answers a scrape, in each process of a service: its own metrics and those of all others.

Calls are counted in a mapped file that the others read. All else, and the exemplars, is written for them now and then
by the thread that reads metrics, and by whoever answers a scrape before it answers: so nothing that was shown is gone
when this process is killed a moment later.
"""

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

from opentelemetry.sdk.metrics.export import MetricsData
from prometheus_client import CollectorRegistry, Metric, make_wsgi_app

from otel_ia.forks import begun_anew
from otel_ia.guard import guarded
from otel_ia.prometheus.counter_file import CAN_ALLOCATE, CounterFile
from otel_ia.prometheus.definitions import define
from otel_ia.prometheus.families import Families
from otel_ia.prometheus.group import Group
from otel_ia.prometheus.pages import Page, keep_exemplars, merge
from otel_ia.prometheus.server import THREAD_NAME, serve
from otel_ia.prometheus.translation import page_of
from otel_ia.prometheus.turns import CAN_TAKE_TURNS, Waker, take_turn
from otel_ia.recording.measures import Measure
from otel_ia.redaction import Redactor
from otel_ia.sdk.metering import MeteringState
from otel_ia.sdk.metric_redaction import redact_metrics
from otel_ia.sdk.reading import Reading
from otel_ia.sdk.tallies import Attributes, Cells, cell_count, in_memory

_logger: Final = logging.getLogger("otel_ia")
_PATIENCE: Final = 2.0
_LONGEST: Final = 10.0
"""Seconds that a scrape waits for a callback of the user's."""


class Scrapes:
    """One configuration's exit to Prometheus. A forked child takes part from its first measurement on."""

    def __init__(  # noqa: PLR0913 - keyword-only, from one caller
        self,
        reading: Reading,
        *,
        directory: Path | None,
        host: str,
        port: int,
        redactor: Redactor | None,
        is_shown: bool = True,
    ) -> None:
        """`directory` is the group's, None where there are no files; with port 0 nothing listens."""
        self._reading = reading
        self._directory = directory
        self._host = host
        self._port = port
        self._redactor = redactor
        self._families = Families(_tell)
        self._state: MeteringState | None = None
        self._is_stopped = False
        self._is_told = False
        registry = CollectorRegistry(support_collectors_without_names=True)
        registry.register(self)
        self._app = make_wsgi_app(registry)
        self._group = Group(directory) if directory is not None and CAN_TAKE_TURNS else None
        self._begin()
        _all.add(self)
        if is_shown:
            shown.append(self)

    def _begin(self) -> None:
        self._counters: CounterFile | None = None
        self._page: Page | None = None
        self._waker: Waker | None = None
        self._thread: threading.Thread | None = None
        self._is_allotting = False
        self._changing = threading.RLock()
        self._collecting = threading.RLock()
        self._taking = threading.RLock()

    def watch(self, state: MeteringState) -> None:
        """Answers for this state from now on, and takes a place in the group."""
        self._state = state
        state.exports.append(self)

    def allot(self, measure: Measure, attributes: Attributes, bounds: tuple[float, ...]) -> Cells:
        """Cells that the other processes see; in memory where that cannot be."""
        if self._is_allotting:  # a signal handler or finalizer in the middle of it: the page has these
            return in_memory(measure, attributes, bounds)
        self._is_allotting = True
        try:
            return guarded(self._map)(measure, attributes, bounds) or in_memory(measure, attributes, bounds)
        finally:
            self._is_allotting = False

    def _map(self, measure: Measure, attributes: Attributes, bounds: tuple[float, ...]) -> Cells | None:
        group = self._join()
        if group is None or not CAN_ALLOCATE:
            return None
        try:
            if self._counters is None:
                self._counters = group.open_counters()
            definition = define(measure, attributes, bounds, self._redactor)
            return cast(Cells, self._counters.allot(definition, cell_count(bounds)))
        except OSError as error:
            self._tell_trouble(error)
            return None

    def _join(self) -> Group | None:
        """The group, with this process in it."""
        with self._changing:
            if self._group is not None and not self._is_stopped:
                try:
                    self._group.join()
                except OSError as error:
                    self._tell_trouble(error)
                    self._group = None
            return self._group

    def _tell_trouble(self, error: OSError) -> None:
        if not self._is_told:
            self._is_told = True
            _tell(
                f"{self._directory}: {error}; a scrape sees counts of this process late, or, where it can make no file "
                "there at all, only of the process that answers. Name another place in `prometheus_directory` "
                "(OTEL_IA_PROMETHEUS_DIRECTORY)"
            )

    def read(self) -> None:
        """Shows the others what this process has measured so far; there is nothing more to do with it."""
        self._take_page()

    def _take_page(self) -> Page | None:
        """What this process has measured so far, shown to the others; None while that is nothing.

        One at a time reads and writes: an older page in the place of a newer one would let counters fall.
        """
        state = self._state
        if state is None or state.inner is None or not self._taking.acquire(timeout=_LONGEST):
            return self._page
        try:
            data = self._reading.read()
            if data is not None:
                self._page = self._write(data, self._page)
            return self._page
        finally:
            self._taking.release()

    def _write(self, data: MetricsData, before: Page | None) -> Page:
        if self._redactor is not None:
            data = redact_metrics(data, self._redactor)
        page = page_of(data, os.getpid())
        if before is not None:
            keep_exemplars(page, before)
        group = self._join()
        if group is not None:
            try:
                group.write(page)
            except OSError as error:
                self._tell_trouble(error)
        return page

    def collect(self) -> Iterator[Metric]:
        """All metrics of the service at this moment, for a registry of `prometheus_client`. Never raises."""
        yield from guarded(self._collect)() or ()

    def _collect(self) -> list[Metric]:
        with self._collecting:
            return list(self._families.metrics(self._merge_all(self._take_page())))

    def _merge_all(self, own: Page | None) -> Page:
        group = self._join()
        if group is not None:
            try:
                return group.read(own)
            except OSError as error:  # somebody has removed the directory
                self._tell_trouble(error)
        return merge([(own, True)] if own is not None else [])

    def start(self) -> bool:
        """Takes a place in the group, and listens when it is this process's turn."""
        with self._changing:
            if self._is_stopped:
                return False
            self._join()
            if self._port and self._thread is None:
                self._waker = Waker()
                thread = threading.Thread(target=self._run, args=(self._waker,), name=THREAD_NAME, daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the interpreter exits
                    self._waker.close()
                    self._waker = None
                    return False
                self._thread = thread
        return True

    @guarded
    def _run(self, waker: Waker) -> None:
        def listen() -> None:
            serve(self._host, self._port, self._app, waker, _tell)

        if self._group is None:
            listen()
            return
        try:
            take_turn(self._group.directory, waker, listen)
        except OSError as error:
            self._tell_trouble(error)
            listen()

    def force_flush(self, timeout_millis: int = 0) -> bool:  # noqa: ARG002 - a processor's signature
        """There is nothing to send."""
        return True

    def shutdown(self) -> None:
        """Frees the port and leaves the group. Idempotent."""
        with self._changing:
            if self._is_stopped:
                return
            self._is_stopped = True
            if self in shown:
                shown.remove(self)
            if self._waker is not None:
                self._waker.wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE)
        if self._waker is not None:
            self._waker.close()
        if self._state is not None:
            self._state.tallies.let_go(_PATIENCE)
        if self._counters is not None:
            self._counters.close()
        if self._group is not None:
            self._group.leave()

    def begin_in_child(self) -> None:
        """In a forked child: nothing is held, and nothing of the parent's is counted in."""
        if self._state is not None:
            self._state.begin_in_child()  # a state that is not on top would begin too late
        if self._counters is not None:
            self._counters.close()
        if self._group is not None:
            self._group.begin_in_child()
        self._begin()


def _tell(sentence: str) -> None:
    _logger.warning("%s", sentence)


shown: Final[list[Scrapes]] = []
"""Those of the configurations in effect; the last one is the newest."""
_all: Final = begun_anew(Scrapes.begin_in_child)
