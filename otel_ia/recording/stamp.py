"""Log records of the standard library's kind that bear the ids of the span and the fields bound around them."""

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from os import getpid
from threading import current_thread, get_ident
from typing import Any, Final, NamedTuple, TypeAlias, cast

from opentelemetry.trace import INVALID_SPAN, INVALID_SPAN_CONTEXT, SpanContext

from otel_ia.recording.current import SPAN_KEY, context_here, get_current
from otel_ia.recording.fields import BOUND_KEY, bound_in
from otel_ia.recording.in_flight import note, watchers
from otel_ia.values import Value

STAMPED: Final = ("trace_id", "span_id", "trace_flags", "service_name")
"""The attributes that records are stamped with: present, and empty outside a span."""

KNOWN_FILES: Final = 1_024
"""Source files whose names are kept; when one more comes, it starts anew."""
_EMPTY: Final = ("", "", "")
_LogRecord: Final = logging.LogRecord
_new: Final[Callable[[type[logging.LogRecord]], logging.LogRecord]] = object.__new__
Factory: TypeAlias = Callable[..., logging.LogRecord]


class RecordFields(dict[str, Any]):
    """A record's `__dict__` that denies to hold the stamped names, bound fields included.

    `Logger.makeRecord` refuses an `extra` whose key is in the record already. Here the key is there for formatters,
    `getattr` and iteration, and the user's own value takes its place.
    """

    __slots__ = ("stamp",)

    stamp: "Stamp"
    """What was put in; where something else stands now, it is the user's own."""

    def __contains__(self, key: object) -> bool:
        return key not in STAMPED and key not in self.stamp.fields and dict.__contains__(self, key)

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)


class Stamp(NamedTuple):
    """What records of one span, with the same fields bound, are stamped with."""

    context: SpanContext
    service_name: str
    fields: Mapping[str, Value]
    """Ids, the service's name, and the bound fields but for those that every record has."""
    texts: list[str]
    """The ids and the service's name in the order of `STAMPED`; to be left as it is."""
    numbers: tuple[int, int, int]
    """Trace id, span id and flags."""
    bound: Mapping[str, Value] | None
    """The bound fields, all of them; `None` where there are none."""


def make_stamp(context: SpanContext, service_name: str, bound: Mapping[str, Value] | None) -> Stamp:
    """What records of this span with these fields bound are stamped with."""
    texts = [*ids_of(context), service_name]
    numbers = (context.trace_id, context.span_id, int(context.trace_flags))
    fields: dict[str, Value] = {name: value for name, value in (bound or {}).items() if name not in _OF_EVERY_RECORD}
    fields.update(zip(STAMPED, texts, strict=True))
    return Stamp(context, service_name, fields, texts, numbers, bound)


class Stamps:
    """What records are stamped with: ids of the current span, the name of the service on top, bound fields."""

    def __init__(self) -> None:
        self.below: Factory = logging.LogRecord
        self.was_called = False
        self.service_name: str | None = None
        self._names: tuple[str, ...] = ()
        self.latest = make_stamp(INVALID_SPAN_CONTEXT, "", None)
        """The last record's."""

    def push(self, service_name: str) -> None:
        """Stamps this name from now on."""
        self._names = (*self._names, service_name)
        self.service_name = service_name

    def take_out(self, service_name: str) -> None:
        """Forgets a name that was pushed; without any, nothing is stamped."""
        left = list(self._names)
        left.remove(service_name)
        self._names = tuple(left)
        self.service_name = left[-1] if left else None

    def of(self, context: SpanContext, service_name: str, bound: Mapping[str, Value] | None) -> Stamp:
        """The stamp of this span and these fields, which all of their lines share."""
        latest = self.latest
        if latest.context is not context or latest.bound is not bound or latest.service_name is not service_name:
            self.latest = latest = make_stamp(context, service_name, bound)
        return latest


def current_span_context() -> SpanContext:
    """The context of the current span; an invalid one outside a span."""
    span: Any = get_current().get(SPAN_KEY, INVALID_SPAN)
    return context_here(span)


def stamp_of(fields: Mapping[str, Any]) -> Stamp:
    """What the record with these fields was stamped with; where it was not, the present ids and bound fields."""
    if type(fields) is RecordFields:
        stamp: Stamp | None = getattr(fields, "stamp", None)
        if stamp is not None:
            return stamp
    return make_stamp(current_span_context(), "", bound_in(get_current()))


def ids_of(context: SpanContext) -> tuple[str, str, str]:
    """Trace id (32 hex digits), span id (16) and trace flags (2); empty texts for an invalid context."""
    if not context.is_valid:
        return _EMPTY
    return f"{context.trace_id:032x}", f"{context.span_id:016x}", f"{context.trace_flags:02x}"


def make_stamped(  # noqa: PLR0913 - the signature is that of `LogRecord`
    name: str,
    level: int,
    pathname: str,
    lineno: int,
    msg: object,
    args: Any,
    exc_info: Any,
    func: str | None = None,
    sinfo: str | None = None,
    **kwargs: Any,
) -> logging.LogRecord:
    """The record factory that adds ids and bound fields.

    One per process, for it may stay buried under factories set after it.
    """
    stamps.was_called = True
    service_name = stamps.service_name
    if service_name is None:
        return stamps.below(name, level, pathname, lineno, msg, args, exc_info, func, sinfo, **kwargs)
    current: Any = get_current()
    stamp = stamps.of(context_here(current.get(SPAN_KEY, INVALID_SPAN)), service_name, current.get(BOUND_KEY))
    if stamps.below is not _LogRecord or not _is_quick or kwargs or type(pathname) is not str:
        record = stamps.below(name, level, pathname, lineno, msg, args, exc_info, func, sinfo, **kwargs)
        record.__dict__ = _stamped(record.__dict__, stamp)
        if watchers:
            note(record)
        return record
    # What `LogRecord.__init__` does: to have it called, and then add to what it made, takes 1.1 µs more. The fields of
    # an instance are copied into a dict in half of the time, of 2.4 µs, that it takes to fill one with as many.
    made: Any = _new(_LogRecord)
    created = time.time()
    if args and len(args) == 1 and isinstance(args[0], Mapping) and args[0]:
        args = args[0]
    made.name = name
    made.msg = msg
    made.args = args
    made.levelname = logging.getLevelName(level)
    made.levelno = level
    made.pathname = pathname
    made.filename, made.module = _files.get(pathname) or _named(pathname)
    made.exc_info = exc_info
    made.exc_text = None
    made.stack_info = sinfo
    made.lineno = lineno
    made.funcName = func
    made.created = created
    made.msecs = int((created - int(created)) * 1000) + 0.0
    made.relativeCreated = (created - _started) * 1000
    made.thread = get_ident() if logging.logThreads else None
    made.threadName = current_thread().name if logging.logThreads else None
    made.processName = _process_name() if logging.logMultiprocessing else None
    made.process = getpid() if logging.logProcesses else None
    if stamp.bound is None:
        made.trace_id, made.span_id, made.trace_flags, made.service_name = stamp.texts
    fields = RecordFields(made.__dict__)
    if stamp.bound is not None:
        fields.update(stamp.fields)
    fields.stamp = stamp
    made.__dict__ = fields
    if watchers:
        note(made)
    return cast("logging.LogRecord", made)


def _process_name() -> str:
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing is None or not hasattr(multiprocessing, "current_process"):  # while it is being imported
        return "MainProcess"
    return str(multiprocessing.current_process().name)


def _stamped(given: dict[str, Any], stamp: Stamp) -> RecordFields:
    """The fields of a record that another factory made, whose own stay as they are."""
    fields = RecordFields(given)
    if stamp.bound is not None:
        added = {name: value for name, value in stamp.fields.items() if not dict.__contains__(given, name)}
        stamp = stamp._replace(fields=added)
    for name, value in stamp.fields.items():
        fields.setdefault(name, value)
    fields.stamp = stamp
    return fields


def _named(pathname: str) -> tuple[str, str]:
    if len(_files) >= KNOWN_FILES:
        _files.clear()
    file = os.path.basename(pathname)  # noqa: PTH119 - as logging itself takes it
    named = _files[pathname] = (file, os.path.splitext(file)[0])  # noqa: PTH122
    return named


def _is_as_of_logging() -> bool:
    """Whether this Python's log records have just the fields that are written here; from 3.12 on they have more."""
    return list(vars(_LogRecord("", 0, "", 0, "", (), None))) == _WRITTEN


def _logging_started() -> float:
    probe = _LogRecord("", 0, "", 0, "", (), None)
    return probe.created - probe.relativeCreated / 1000


_OF_EVERY_RECORD: Final = frozenset(vars(_LogRecord("", 0, "", 0, "", (), None)))
stamps: Final = Stamps()
_files: Final[dict[str, tuple[str, str]]] = {}
_WRITTEN: Final = [
    *("name", "msg", "args", "levelname", "levelno", "pathname", "filename", "module", "exc_info", "exc_text"),
    *("stack_info", "lineno", "funcName", "created", "msecs", "relativeCreated", "thread", "threadName"),
    *("processName", "process"),
]
_started: Final = _logging_started()
_is_quick: Final = _is_as_of_logging()
