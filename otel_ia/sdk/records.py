"""Records of the standard library's logging in OpenTelemetry's terms."""

import logging
import threading
from collections.abc import Mapping
from operator import itemgetter
from time import time_ns
from typing import Any, Final

from opentelemetry._logs import SeverityNumber

from otel_ia import semconv, values
from otel_ia.exceptions import describe
from otel_ia.guard import guarded
from otel_ia.recording.stamp import STAMPED, Stamp, stamp_of
from otel_ia.sdk.bridges import said_in
from otel_ia.sdk.entries import PLACES, Entry, place_of

_STANDARD: Final = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}
_EXPECTED: Final = _STANDARD | frozenset(STAMPED)
_LENGTH: Final = len(vars(logging.LogRecord("", 0, "", 0, "", (), None))) + len(STAMPED)
_OF_PLACES: Final = frozenset([semconv.CODE_FILE_PATH, semconv.CODE_LINE_NUMBER, semconv.CODE_FUNCTION_NAME])
_KNOWN_LEVELS: Final = 256
_LEVEL_NAME_LIMIT: Final = 64


class _UsersCode(threading.local):
    is_running = False


users_code: Final = _UsersCode()
"""Whether this thread runs code of the user's for us, which may write lines itself, and these lines again."""
_severities: Final[dict[int, int]] = {}
_level_names: Final[dict[str, str]] = {}
_new: Final = tuple.__new__
_parts: Final = itemgetter(
    *("name", "msg", "args", "levelname", "levelno", "pathname", "exc_info", "stack_info", "lineno", "funcName"),
    *("created", *STAMPED),
)


def read(record: logging.LogRecord) -> Entry | None:  # noqa: C901, PLR0912 - without calls, for speed
    """The record as an entry: body, severity, `code.*`, exception and the fields of its `extra`.

    None for one that the code of another record's contents writes while that is read, if it is unusual itself: such
    lines may never end.
    """
    fields: Any = record.__dict__
    try:
        _, _, _, texts, (trace_id, span_id, flags), bound = stamp = fields.stamp
        # all at once: 0.8 µs less than one by one, for the specializing interpreter does not help with such a dict
        name, body, args, title, level, path, caught, stack, line, function, created, trace, span, flag, service = (
            _parts(fields)
        )
    except (AttributeError, KeyError):  # not stamped, or something was deleted
        return _read_unusual(record)
    own = bound
    if bound is None:
        own_trace, own_span, own_flag, own_service = texts
        is_plain = (
            len(fields) == _LENGTH
            and caught is stack is None
            and trace is own_trace  # by identity, for it may be the user's own
            and span is own_span
            and flag is own_flag
            and service is own_service
        )
    else:
        is_plain = caught is stack is None and _is_as_stamped(fields, stamp)
    place = PLACES.get((path, line, function)) or place_of(path, line, function)
    if type(body) is not str or (args and type(args) is not tuple):
        body = None
    elif args:
        for arg in args:
            kind = type(arg)  # by identity, for the hash of a class may be the user's code
            if not (kind is str or kind is int or kind is float or kind is bool or arg is None):
                body = None
                break
        else:
            # Formatting plain values runs no code of the user's, so that nothing has to be guarded: 300 ns.
            try:
                body %= args
            except (TypeError, ValueError, KeyError, OverflowError, MemoryError):
                body = None
    if body is None or not is_plain:
        if users_code.is_running:
            return None
        if said_in(record) is not None:
            return _read_unusual(record)
        users_code.is_running = True
        try:
            body = _unusual_body(record) if body is None else body
            own = own if is_plain else _own_attributes(record, stamp, place)
        finally:
            users_code.is_running = False
    if len(body) > values.TEXT_LIMIT or not body.isascii():
        body = values.text(body)
    # past the named tuple's own function: 300 ns
    return _new(
        Entry,
        (
            int(created * 1e9),
            time_ns(),
            _severities.get(level) or _severity(level),
            _level_names.get(title) or _level_name(title),
            body,
            place,
            own,
            trace_id,
            span_id,
            flags,
            name,
            None,
            None,
            0,
        ),
    )


def _read_unusual(record: logging.LogRecord) -> Entry | None:
    if users_code.is_running:
        return None
    users_code.is_running = True
    try:
        stamp = stamp_of(record.__dict__)
        path, line = getattr(record, "pathname", ""), getattr(record, "lineno", 0)
        place = place_of(path, line, getattr(record, "funcName", None))
        return Entry(
            int(record.created * 1e9),
            time_ns(),
            _severity(record.levelno),
            _level_name(record.levelname),
            _unusual_body(record),
            place,
            _own_attributes(record, stamp, place),
            *stamp.numbers,
            logger=record.name,
        )
    finally:
        users_code.is_running = False


def _is_as_stamped(fields: Mapping[str, Any], stamp: Stamp) -> bool:
    """Whether the bound fields are all that the record has beyond what each has, and none is the user's own."""
    if len(fields) != _LENGTH - len(STAMPED) + len(stamp.fields) or not _OF_PLACES.isdisjoint(stamp.fields):
        return False
    return all(fields.get(name) is value for name, value in stamp.fields.items())


def severity_number(level: int) -> SeverityNumber:
    """OpenTelemetry's severity of a logging level: DEBUG is 5, INFO 9, WARNING 13, ERROR 17, CRITICAL 21.

    Levels between two named ones count up by one for each quarter of the way, as the data model's four steps a
    severity allow (https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber).
    """
    if level < logging.DEBUG:
        return SeverityNumber(max(1, 1 + level * 4 // 10)) if level > 0 else SeverityNumber.UNSPECIFIED
    step, rest = divmod(min(level, 59), 10)
    return SeverityNumber(min(24, 1 + step * 4 + rest * 4 // 10))


def _severity(level: int) -> int:
    number: int = severity_number(level).value
    if len(_severities) < _KNOWN_LEVELS:
        _severities[level] = number
    return number


def _level_name(name: object) -> str:
    legal = values.text(name if isinstance(name, str) else str(values.legal(name)), _LEVEL_NAME_LIMIT)
    if type(name) is str and len(_level_names) < _KNOWN_LEVELS:
        _level_names[name] = legal
    return legal


def _unusual_body(record: logging.LogRecord) -> values.Value | None:
    said = said_in(record)
    if said is not None:
        return said.body
    message = _message(record)
    if message is not None:
        return values.text(message)
    template = values.legal(record.msg)
    return values.text(f"{template} {values.legal(record.args)}" if record.args else str(template))


@guarded(ours=False)
def _message(record: logging.LogRecord) -> str:
    return record.getMessage()


def _own_attributes(
    record: logging.LogRecord, stamp: Stamp, place: Mapping[str, Any]
) -> Mapping[str, values.Value] | None:
    fields = record.__dict__
    extra: dict[str, Any] = {}
    if not fields.keys() <= _EXPECTED:
        extra.update((key, value) for key, value in list(fields.items()) if key not in _EXPECTED)
    for key, own in zip(STAMPED, stamp.texts, strict=True):
        given = fields.get(key, own)
        if given is not own and (type(given) is not str or given != own):
            extra[key] = given
    said = said_in(record)
    found = said.attributes() if said is not None else values.attributes(extra) if extra else {}
    if record.stack_info:
        found[semconv.CODE_STACKTRACE] = values.text(str(values.legal(record.stack_info)))
    caught = record.exc_info
    error = caught[1] if type(caught) is tuple and len(caught) > 1 else None
    if isinstance(error, BaseException):
        found.update(describe(error))
    for name, value in (stamp.bound or {}).items():
        found.setdefault(name, value)
    for name in place:
        found.pop(name, None)
    return found or None
