"""The one handler of ours for the standard library's logging, which sits above the root logger."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from opentelemetry import trace
from opentelemetry._logs import Logger, LogRecord

from otel_ia.guard import guarded
from otel_ia.recording.correlation import add_handler_above_root, is_handled_by_user
from otel_ia.recording.in_flight import land, watchers
from otel_ia.sdk.bridges import is_exported
from otel_ia.sdk.entries import Entry
from otel_ia.sdk.logs import KNOWN_LOGGERS, provider
from otel_ia.sdk.records import read, users_code
from otel_ia.sdk.uncaught import is_passed_on

_OURS: Final = "otel_ia"
_KNOWN_LOGGERS: Final = 10_000
_DELIVERING_THREADS: Final = ("otel_ia ", "OtelBatch")
_CARRIERS: Final = frozenset(("asyncio", "grpc", "http", "ssl", "urllib3"))
"""Loggers of what carries telemetry away on our threads, by their first word."""
_root: Final = logging.root
_EXPORTERS: Final = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal")
_SECONDS_BETWEEN_TELLINGS: Final = 60.0


class RecordHandler(logging.Handler):
    """Turns records into entries and hands them to the outputs."""

    def __init__(self) -> None:
        super().__init__()
        self._theirs: set[str] = set()
        self._loggers: dict[str, Logger] = {}
        self._tell_after = 0.0

    def createLock(self) -> None:  # noqa: N802 - the standard library's name
        """Does without a lock: nothing here needs one, and a record may come while another is handled."""
        self.lock = None

    @guarded
    def handle(self, record: logging.LogRecord) -> bool:  # type: ignore[override]  # noqa: C901 - None where it fails
        """Emits without the lock, which from Python 3.13 on has to be there."""
        if self.filters and not self.filter(record):
            return False
        was_taken_over = watchers and land(record)
        if not _root.handlers and not users_code.is_running:
            users_code.is_running = True
            try:
                self._show_if_unheard(record)
            finally:
                users_code.is_running = False
        # past the attributes, which the specializing interpreter does not help with: 100 ns
        fields = record.__dict__
        name = fields["name"]
        takers, others = provider.takers, provider.others
        if was_taken_over or (fields.get("extra") is not None and is_exported(record)):
            return True
        if name not in self._theirs and self._is_ours(name):
            state = provider.current
            takers, others = (state.local_takers if state is not None and name == _OURS else ()), None
        elif (thread := fields["threadName"] or "").startswith(_DELIVERING_THREADS) and _is_of_delivery(name, thread):
            return False
        elif name == "asyncio" and is_passed_on(_caught_by(record)):
            return True
        if takers or others is not None:
            entry = read(record)
            if entry is not None:
                for take in takers:
                    take(entry)
                if others is not None:
                    _emit_to_others(entry)
        return True

    @guarded
    def export(self, name: str, record: logging.LogRecord | LogRecord) -> None:
        """Exports what another library says or has taken over, on the logger of this name."""
        quiet = _is_of_delivery(name, threading.current_thread().name)
        if users_code.is_running or quiet or (name not in self._theirs and self._is_ours(name)):
            return
        if isinstance(record, logging.LogRecord):
            entry = read(record)
            if entry is not None:
                for take in provider.takers:
                    take(entry)
                _emit_to_others(entry)
            return
        logger = self._loggers.get(name)
        if logger is None:
            if len(self._loggers) >= KNOWN_LOGGERS:
                self._loggers.clear()
            logger = self._loggers[name] = provider.get_logger(name)
        users_code.is_running = True
        try:
            logger.emit(record)
        finally:
            users_code.is_running = False

    def _is_ours(self, name: str) -> bool:
        if name in (_OURS, "opentelemetry") or name.startswith("opentelemetry."):
            return True
        if len(self._theirs) < _KNOWN_LOGGERS:
            self._theirs.add(name)
        return False

    def emit(self, record: logging.LogRecord) -> None:
        """Takes a record that comes past `handle`, too."""
        self.handle(record)

    def shows_here(self) -> bool:
        """Whether the console shows what is written at this moment: lines always, the tree inside a span."""
        state = provider.current
        return state is not None and (
            state.is_printed or (state.is_shown and trace.get_current_span().get_span_context().is_valid)
        )

    @guarded
    def _show_if_unheard(self, record: logging.LogRecord) -> None:
        """Does what logging does with a record that no handler hears, for logging believes that we hear it."""
        last_resort = logging.lastResort
        if last_resort is None or record.levelno < last_resort.level:
            return
        state = provider.current
        # a file hears like a handler of the user's; what we say of ourselves may be that it cannot be written
        if state is not None and state.local_takers and (state.is_printed or record.name != _OURS):
            return
        if self.shows_here() or is_handled_by_user(logging.getLogger(record.name)):
            return
        if record.name.startswith(_EXPORTERS):
            # an exporter tells each try; where nobody set up logging, one a minute is enough
            if time.monotonic() < self._tell_after:
                return
            self._tell_after = time.monotonic() + _SECONDS_BETWEEN_TELLINGS
        last_resort.handle(record)


def _is_of_delivery(name: str, thread: str) -> bool:
    """Whether this logger tells, on this thread, of the delivery itself: delivered, it would tell again.

    Finalizers of the user's run on any thread, and what they log is exported. On the SDK's threads nothing is: an
    exporter there may be anyone's.
    """
    if thread.startswith("otel_ia "):
        return name.partition(".")[0] in _CARRIERS
    return thread.startswith(_DELIVERING_THREADS)


def _caught_by(record: logging.LogRecord) -> object:
    caught: Any = record.exc_info
    return caught[1] if type(caught) is tuple and len(caught) > 1 else None


def _emit_to_others(entry: Entry) -> None:
    if not users_code.is_running:
        users_code.is_running = True
        try:
            provider.emit_to_others(entry)
        finally:
            users_code.is_running = False


record_handler: Final = RecordHandler()
_undo_listening: Final[list[Callable[[], None]]] = []


def listen() -> None:
    """From now on listens whenever there is a processor, and only then: a record that passes by costs 0.3 µs."""
    provider.tell_listener = _follow
    _follow(hears=provider.hears)


def _follow(*, hears: bool) -> None:
    if hears and not _undo_listening:
        _undo_listening.append(add_handler_above_root(record_handler))
    while _undo_listening and not hears:
        _undo_listening.pop()()
