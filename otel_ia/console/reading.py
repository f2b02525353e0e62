"""What the console needs to know of the SDK's spans and log records, as plain data."""

import os
import re
import sysconfig
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import ReadWriteLogRecord
from opentelemetry.trace import StatusCode

from otel_ia import semconv
from otel_ia.console import words
from otel_ia.console.redacting import AnySpan
from otel_ia.redaction import Redactor

_MESSAGE_LIMIT: Final = 300
_TEXT_LIMIT: Final = 200
_STACKTRACE_TAIL: Final = 16_000
_ATTRIBUTES_LIMIT: Final = 64
_FRAME: Final = re.compile(r'File "([^"\n]+)", line (\d+)')
_NOT_OF_THE_USER: Final = (
    f"{sysconfig.get_path('stdlib')}{os.sep}",
    f"{Path(__file__).parents[1]}{os.sep}",
    "<frozen",
)
_LEVELS: Final = ((21, "CRITICAL"), (17, "ERROR"), (13, "WARNING"), (9, "INFO"), (5, "DEBUG"), (1, "TRACE"))
WARNING: Final = 13
"""Lowest severity number that stands out (https://opentelemetry.io/docs/specs/otel/logs/data-model/#severity-fields)."""

Key = tuple[int, int]
"""Trace id and span id."""


# Named tuples and not frozen dataclasses, because they are made for every span: 0.4 µs instead of 1.6 each.
class Failure(NamedTuple):
    """An error: the text `type: message`, and `file:line` of the last frame of the user's code, where known."""

    text: str
    place: str


class Facts(NamedTuple):
    """A span as it stands; `ended` is `None` while it runs. Times in nanoseconds since the epoch."""

    name: str
    started: int
    ended: int | None
    attributes: tuple[tuple[str, object], ...]
    failure: Failure | None
    outcome: str
    slow: bool


class Started(NamedTuple):
    """A span that began. `parent` is `None` where this process does not hold the parent."""

    key: Key
    parent: Key | None
    span: AnySpan


class Finished(NamedTuple):
    """A span that ended."""

    key: Key
    facts: Facts


class Line(NamedTuple):
    """A log line."""

    time: int
    level: str
    severity: int
    message: str


class Logged(NamedTuple):
    """A log line and the span it was written in."""

    key: Key
    line: Line


def read_start(span: AnySpan) -> Started | None:
    context = span.get_span_context()
    if context is None:
        return None
    parent = span.parent
    inside = None if parent is None or parent.is_remote else (parent.trace_id, parent.span_id)
    return Started((context.trace_id, context.span_id), inside, span)


def read_end(span: AnySpan) -> Finished | None:
    context = span.get_span_context()
    return None if context is None else Finished((context.trace_id, context.span_id), read_facts(span))


def read_facts(span: AnySpan) -> Facts:
    """The facts of a running or an ended span. Takes the span's own lock, so never call it holding ours."""
    attributes = span.attributes or {}
    started = span.start_time or 0
    return Facts(
        name=words.one_line(span.name),
        started=started,
        ended=None if span.end_time is None else max(span.end_time, started),
        attributes=_shown(attributes),
        failure=_failure(span, attributes),
        outcome=str(attributes.get(semconv.OUTCOME, "")),
        slow=attributes.get(semconv.SLOW) is True,
    )


def read_service(span: AnySpan) -> str:
    """The service's name, empty where nobody gave one."""
    name = str(span.resource.attributes.get(semconv.SERVICE_NAME, ""))
    return "" if name.startswith("unknown_service") else words.one_line(name, limit=_TEXT_LIMIT)


def read_log(record: ReadWriteLogRecord, redactor: Redactor | None = None) -> Logged | None:
    """The log line, or `None` for one that was written outside of any span."""
    log_record = record.log_record
    if not log_record.trace_id or not log_record.span_id:
        return None
    number = SeverityNumber(log_record.severity_number or 0).value
    body: Any = log_record.body
    attributes: Mapping[str, Any] = log_record.attributes or {}
    if redactor is not None:
        body = redactor.redact_text(body) if isinstance(body, str) else redactor.redact_value("", body)
        attributes = redactor.redact_attributes(attributes)
    message = words.one_line(body, limit=_MESSAGE_LIMIT) if isinstance(body, str) else words.value(body)
    if semconv.EXCEPTION_TYPE in attributes:
        message = f"{message} ({_error_text(attributes)})"
    line = Line(
        time=log_record.timestamp or log_record.observed_timestamp or 0,
        level=_level(str(log_record.severity_text or ""), number),
        severity=number,
        message=message,
    )
    return Logged((log_record.trace_id, log_record.span_id), line)


def _level(text: str, number: int) -> str:
    if text and text != "WARN":
        return words.one_line(text, limit=12)
    return next((name for lowest, name in _LEVELS if number >= lowest), "LOG")


# Filtering a key by its prefixes costs more than all else here; the same few dozen keys come again and again.
@lru_cache(maxsize=512)
def _is_shown(name: str) -> bool:
    return words.short_name(name) is not None


def _shown(attributes: Mapping[str, Any]) -> tuple[tuple[str, object], ...]:
    if not attributes:
        return ()
    return tuple(
        (name, content[:_TEXT_LIMIT] if isinstance(content, str) else content)
        for name, content in list(attributes.items())[:_ATTRIBUTES_LIMIT]
        if _is_shown(name)
    )


def _failure(span: AnySpan, attributes: Mapping[str, Any]) -> Failure | None:
    status = span.status
    if status.status_code is not StatusCode.ERROR:
        return None
    for event in reversed(span.events):
        if event.name == semconv.EXCEPTION_EVENT and event.attributes:
            stacktrace = str(event.attributes.get(semconv.EXCEPTION_STACKTRACE, ""))
            return Failure(_error_text(event.attributes), _place(stacktrace))
    kind = str(attributes.get(semconv.ERROR_TYPE, ""))
    description = status.description or ""
    text = description if description.startswith(kind) else f"{kind}: {description}"
    return Failure(words.one_line(text or kind, limit=_MESSAGE_LIMIT), "")


def _error_text(attributes: Mapping[str, Any]) -> str:
    kind = str(attributes.get(semconv.EXCEPTION_TYPE, "")).removeprefix("builtins.")
    message = attributes.get(semconv.EXCEPTION_MESSAGE)
    return words.one_line(f"{kind}: {message}" if message else kind, limit=_MESSAGE_LIMIT)


def _place(stacktrace: str) -> str:
    frames = _FRAME.findall(stacktrace[-_STACKTRACE_TAIL:])
    users = [frame for frame in frames if _is_of_the_user(frame[0])]
    if not frames:
        return ""
    path, number = (users or frames)[-1]
    try:
        shown = os.path.relpath(path)
    except (OSError, ValueError):
        shown = path
    return words.one_line(f"{Path(path).name if shown.startswith('..') else shown}:{number}")


def _is_of_the_user(path: str) -> bool:
    return not path.startswith(_NOT_OF_THE_USER) and "site-packages" not in path
