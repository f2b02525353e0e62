"""Records of the standard library's logging as OpenTelemetry log records."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry import trace
from opentelemetry._logs import Logger, LogRecord, SeverityNumber

from otel_ia import semconv, values
from otel_ia.exceptions import describe
from otel_ia.guard import guarded
from otel_ia.recording.correlation import STAMPED, current_ids, is_handled_by_user
from otel_ia.recording.in_flight import land
from otel_ia.sdk.bridges import is_exported, said_in
from otel_ia.sdk.logs import provider
from otel_ia.sdk.uncaught import is_passed_on

_QUIET_THREADS: Final = ("otel_ia ", "OtelBatch")  # what is logged on threads of ours and of the SDK is never exported
_EXPORTERS: Final = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal")
_SECONDS_BETWEEN_TELLINGS: Final = 60.0
_STANDARD: Final = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}
_LOGGER_LIMIT: Final = 1_000


class RecordHandler(logging.Handler):
    """The one handler of ours, above the root logger: turns records into OpenTelemetry's and hands them on."""

    def __init__(self) -> None:
        super().__init__()
        self._loggers: dict[str, Logger] = {}
        self._busy = threading.local()
        self._tell_after = 0.0

    def createLock(self) -> None:  # noqa: N802 - the standard library's name
        """Does without a lock: nothing here needs one, and a record may come while another is handled."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Emits without the lock, which from Python 3.13 on has to be there."""
        is_wanted = bool(self.filter(record))
        if is_wanted:
            self.emit(record)
        return is_wanted

    def emit(self, record: logging.LogRecord) -> None:
        was_exported = _was_exported(record)
        if getattr(self._busy, "is_busy", False):
            return
        self._busy.is_busy = True
        try:
            self._show_if_unheard(record)
            if not was_exported and not _is_our_own(record.name, record.threadName):
                self._hand_on(record, record.name)
        finally:
            self._busy.is_busy = False

    def export(self, name: str, record: logging.LogRecord | LogRecord) -> None:
        """Exports what another library says or has taken over, on the logger of this name."""
        if getattr(self._busy, "is_busy", False) or _is_our_own(name, threading.current_thread().name):
            return
        self._busy.is_busy = True
        try:
            self._hand_on(record, name)
        finally:
            self._busy.is_busy = False

    @guarded
    def _hand_on(self, record: logging.LogRecord | LogRecord, name: str) -> None:
        logger = self._loggers.get(name)
        if logger is None:
            if len(self._loggers) >= _LOGGER_LIMIT:
                self._loggers.clear()
            logger = self._loggers[name] = provider.get_logger(name)
        logger.emit(record if isinstance(record, LogRecord) else translate(record))

    def shows_here(self) -> bool:
        """Whether the console shows what is written at this moment, for it does inside a span."""
        state = provider.current
        return state is not None and state.is_shown and trace.get_current_span().get_span_context().is_valid

    @guarded
    def _show_if_unheard(self, record: logging.LogRecord) -> None:
        """Does what logging does with a record that no handler hears, for logging believes that we hear it."""
        last_resort = logging.lastResort
        if last_resort is None or record.levelno < last_resort.level or logging.root.handlers:
            return
        if self.shows_here() or is_handled_by_user(logging.getLogger(record.name)):
            return
        if record.name.startswith(_EXPORTERS):
            # an exporter tells each try; where nobody set up logging, one a minute is enough
            if time.monotonic() < self._tell_after:
                return
            self._tell_after = time.monotonic() + _SECONDS_BETWEEN_TELLINGS
        last_resort.handle(record)


def translate(record: logging.LogRecord) -> LogRecord:
    """The record in OpenTelemetry's terms: body, severity, `code.*`, exception and the fields of its `extra`."""
    return LogRecord(
        timestamp=int(record.created * 1e9),
        severity_number=severity_number(record.levelno),
        severity_text=values.text(record.levelname, 64),
        body=_body(record),
        attributes=_attributes(record),
    )


def severity_number(level: int) -> SeverityNumber:
    """OpenTelemetry's severity of a logging level: DEBUG is 5, INFO 9, WARNING 13, ERROR 17, CRITICAL 21.

    Levels between two named ones count up by one for each quarter of the way, as the data model's four steps a
    severity allow (https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber).
    """
    if level < logging.DEBUG:
        return SeverityNumber(max(1, 1 + level * 4 // 10)) if level > 0 else SeverityNumber.UNSPECIFIED
    step, rest = divmod(min(level, 59), 10)
    return SeverityNumber(min(24, 1 + step * 4 + rest * 4 // 10))


def _body(record: logging.LogRecord) -> values.Value | None:
    said = said_in(record)
    if said is not None:
        return said.body
    if not record.args and type(record.msg) is str:
        return values.text(record.msg)
    message = _message(record)
    if message is not None:
        return values.text(message)
    template = values.legal(record.msg)
    return values.text(f"{template} {values.legal(record.args)}" if record.args else str(template))


@guarded(ours=False)
def _message(record: logging.LogRecord) -> str:
    return record.getMessage()


def _attributes(record: logging.LogRecord) -> Mapping[str, values.Value]:
    extra = {key: value for key, value in record.__dict__.items() if key not in _STANDARD and key not in STAMPED}
    for key, own in zip(STAMPED, current_ids(), strict=False):
        given = record.__dict__.get(key, own)
        if given != own:
            extra[key] = given
    said = said_in(record)
    found = said.attributes() if said is not None else values.attributes(extra) if extra else {}
    if record.pathname:
        found[semconv.CODE_FILE_PATH] = values.text(record.pathname)
        found[semconv.CODE_LINE_NUMBER] = record.lineno
    if record.funcName and record.funcName != "<module>":
        found[semconv.CODE_FUNCTION_NAME] = values.text(record.funcName)
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        found.update(describe(error))
    return found


@guarded
def _was_exported(record: logging.LogRecord) -> bool:
    """Whether it was, or is for sure, by another library, or as an uncaught exception that asyncio tells of."""
    if land(record) or is_exported(record):
        return True
    error: Any = record.exc_info[1] if record.exc_info else None
    return record.name == "asyncio" and is_passed_on(error)


def _is_our_own(name: str, thread: str | None) -> bool:
    is_ours = name in ("otel_ia", "opentelemetry") or name.startswith("opentelemetry.")
    return is_ours or (thread or "").startswith(_QUIET_THREADS)


record_handler: Final = RecordHandler()
