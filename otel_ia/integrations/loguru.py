"""loguru like the standard library's logging: ids on its records, and each of them exported.

    otel_ia.integrations.loguru.install()

Handlers of yours stay as they are and in their places; their formats may use `{extra[trace_id]}`, `{extra[span_id]}`,
`{extra[trace_flags]}`, `{extra[service_name]}` and what `otel_ia.bound` binds. Records that are handed on to the
standard library's logging, or come from there, are exported once. `logger.remove()` and `logger.configure(handlers=…)`
take every handler away, ours too: call `install` after them.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from opentelemetry._logs import LogRecord

from otel_ia import semconv, values
from otel_ia.guard import guarded
from otel_ia.integrations.installing import install_once, require
from otel_ia.recording.correlation import current_fields
from otel_ia.recording.in_flight import take_over, watch
from otel_ia.sdk.bridges import ExportedFields, Said
from otel_ia.sdk.record_handler import record_handler
from otel_ia.sdk.records import severity_number
from otel_ia.undo import Undo


def install(*, level: str | int = "DEBUG") -> Undo:
    """From now on loguru's records bear the trace's ids, and those of this level or above are exported.

    Twice is once; the first one's level holds.

    Raises:
        MissingLibraryError: loguru is not installed.
        ValueError: loguru knows no such level.
    """
    logger = require("loguru", extra="loguru").logger
    return install_once("loguru", lambda: _connect(logger, level))


def _connect(logger: Any, level: str | int) -> Callable[[], None]:
    # A filter, for what it refuses is not formatted, and no lock of loguru's is held while it runs.
    number = logger.add(_discard, level=level, filter=_export)
    core = logger._core  # noqa: SLF001 - loguru has one patcher, and no other way to learn which
    before = core.patcher
    lowest = logger.level(level).no if isinstance(level, str) else level
    mine = partial(_stamp, core, number, lowest, before)
    logger.configure(patcher=mine)
    unwatch = watch()

    def disconnect() -> None:
        unwatch()
        if core.patcher is mine:
            core.patcher = before
        with suppress(ValueError):  # the user has removed it with all the others
            logger.remove(number)

    return disconnect


def _discard(_message: str) -> None:
    """Is never called: `_export` refuses every record."""


def _stamp(core: Any, number: int, lowest: int, before: Callable[[Any], None] | None, record: dict[str, Any]) -> None:
    if before is not None:
        before(record)
    _add_fields(record, will_be_exported=number in core.handlers and record["level"].no >= lowest)


@guarded
def _add_fields(record: dict[str, Any], *, will_be_exported: bool) -> None:
    fields = {**current_fields(), **record["extra"]}
    record["extra"] = ExportedFields(fields) if will_be_exported else fields


def _export(record: dict[str, Any]) -> bool:
    _hand_on(record)
    return False


@guarded
def _hand_on(record: dict[str, Any]) -> None:
    from_stdlib = take_over(record["message"])
    if from_stdlib is not None:  # which knows more of it: its logger, the fields of `extra`
        record_handler.export(from_stdlib.name, from_stdlib)
    else:
        record_handler.export(record["name"] or "", _translate(record))


def _translate(record: dict[str, Any]) -> LogRecord:
    stamped = current_fields()
    extra = {name: value for name, value in record["extra"].items() if not _is_same(value, stamped.get(name))}
    error = record["exception"].value if record["exception"] is not None else None
    attributes = Said(None, extra, error).attributes()
    attributes[semconv.CODE_FILE_PATH] = values.text(record["file"].path)
    attributes[semconv.CODE_LINE_NUMBER] = record["line"]
    if record["function"] != "<module>":
        attributes[semconv.CODE_FUNCTION_NAME] = values.text(record["function"])
    return LogRecord(
        timestamp=int(record["time"].timestamp() * 1e9),
        severity_number=severity_number(record["level"].no),
        severity_text=values.text(record["level"].name, 64),
        body=values.text(record["message"]),
        attributes=attributes,
    )


def _is_same(value: object, stamped: object) -> bool:
    return type(value) is type(stamped) and value == stamped  # of a type of the user's no comparison is run
