"""Trace ids and bound fields on every record of stdlib logging, and a place for one handler above the root logger."""

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from opentelemetry import trace

from otel_ia.recording.current import get_current
from otel_ia.recording.fields import bound_in
from otel_ia.recording.in_flight import note
from otel_ia.values import Value

STAMPED: Final = ("trace_id", "span_id", "trace_flags", "service_name")
"""The attributes that `stamp_records` puts on records: present, and empty outside a span."""

_EMPTY: Final = ("", "", "")
_Factory = Callable[..., logging.LogRecord]


class _RecordFields(dict[str, Any]):
    """A record's `__dict__` that denies to hold the stamped names, bound fields included.

    `Logger.makeRecord` refuses an `extra` whose key is in the record already. Here the key is there for formatters,
    `getattr` and iteration, and the user's own value takes its place.
    """

    __slots__ = ("bound",)

    bound: Collection[str]

    def __contains__(self, key: object) -> bool:
        return key not in STAMPED and key not in self.bound and dict.__contains__(self, key)

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)


class _Stamp:
    """The record factory that adds ids; one per process, for it may stay buried under factories set after it."""

    def __init__(self) -> None:
        self.service_names: list[str] = []
        self.below: _Factory = logging.LogRecord
        self.was_called = False

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        self.was_called = True
        record = self.below(*args, **kwargs)
        if self.service_names:
            fields = _RecordFields(record.__dict__)
            trace_id, span_id, trace_flags = current_ids()
            fields.setdefault("trace_id", trace_id)
            fields.setdefault("span_id", span_id)
            fields.setdefault("trace_flags", trace_flags)
            fields.setdefault("service_name", self.service_names[-1])
            bound = bound_in(get_current())
            fields.bound = () if bound is None else _add(bound, fields)
            record.__dict__ = fields
            note(record)
        return record


def _add(bound: Mapping[str, Value], fields: dict[str, Any]) -> list[str]:
    """Puts the bound fields among a record's, but for those that every record has; which they were."""
    added = [name for name in bound if not dict.__contains__(fields, name)]
    fields.update((name, bound[name]) for name in added)
    return added


_stamp: Final = _Stamp()
_above_root: Final[list[logging.Handler]] = []


def current_ids() -> tuple[str, str, str]:
    """Trace id (32 hex digits), span id (16) and trace flags (2) of the current span; empty texts outside one."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return _EMPTY
    return f"{context.trace_id:032x}", f"{context.span_id:016x}", f"{context.trace_flags:02x}"


def current_fields() -> dict[str, Value]:
    """What a record made now is stamped with: ids, the service's name, the fields bound here."""
    ids = current_ids()
    names = _stamp.service_names
    stamped = dict(zip(STAMPED, (*ids, names[-1] if names else ""), strict=True))
    return {**(bound_in(get_current()) or {}), **stamped}


def stamp_records(service_name: str) -> Callable[[], None]:
    """Every record made from now on carries the ids of the span and the fields bound around it; returns the undo."""
    factory = logging.getLogRecordFactory()
    _stamp.was_called = False
    factory("otel_ia", logging.DEBUG, __file__, 0, "", (), None)
    if not _stamp.was_called:
        _stamp.below = factory
        logging.setLogRecordFactory(_stamp)
    _stamp.service_names.append(service_name)
    undone = False

    def undo() -> None:
        nonlocal undone
        if undone:
            return
        undone = True
        _stamp.service_names.remove(service_name)
        if not _stamp.service_names and logging.getLogRecordFactory() is _stamp:
            logging.setLogRecordFactory(_stamp.below)

    return undo


def add_handler_above_root(handler: logging.Handler) -> Callable[[], None]:
    """Every record that reaches the root logger reaches this handler after it; returns the undo.

    A handler on the root logger itself would make a later `basicConfig()` of the user's do nothing and be removed by
    `dictConfig`. So it sits on a logger of its own, the root logger's parent. Added twice it is there once, until both
    are undone.
    """
    above = logging.root.parent
    if above is None:
        above = logging.root.parent = logging.Logger("above root")  # noqa: LOG001 - no logger of the user's tree
    above.addHandler(handler)
    _above_root.append(handler)
    undone = False

    def undo() -> None:
        nonlocal undone
        if undone:
            return
        undone = True
        _above_root.remove(handler)
        if handler not in _above_root:
            above.removeHandler(handler)
        if not above.handlers and logging.root.parent is above:
            logging.root.parent = None

    return undo


def is_handled_by_user(logger: logging.Logger) -> bool:
    """Whether a handler other than ours above the root hears this logger."""
    current: logging.Logger | None = logger
    while current is not None and current is not logging.root.parent:
        if current.handlers:
            return True
        current = current.parent if current.propagate else None
    return False


def is_unheard(logger: logging.Logger, level: int) -> bool:
    """Whether nobody has set up logging for this logger, neither a handler nor a level above this one."""
    if logger.disabled or logger.manager.disable >= level or is_handled_by_user(logger):
        return False
    return level >= logger.getEffectiveLevel() or _is_level_untouched(logger)


def _is_level_untouched(logger: logging.Logger) -> bool:
    current: logging.Logger | None = logger
    while current is not None and not current.level:
        current = current.parent
    return current is None or (current is logging.root and current.level == logging.WARNING)


def handle_unheard(record: logging.LogRecord) -> None:
    """Shows a line that a person asked for where logging was not set up: once, on the console, else on stderr.

    A handler above the root logger shows by itself what logging's last resort would; lesser lines if it says so.
    """
    above, last_resort = logging.root.parent, logging.lastResort
    if above is not None:
        above.callHandlers(record)
        if last_resort is None or record.levelno >= last_resort.level or any(map(_shows_here, above.handlers)):
            return
    if last_resort is not None:
        last_resort.handle(record)


def _shows_here(handler: Any) -> bool:
    return hasattr(handler, "shows_here") and bool(handler.shows_here())
