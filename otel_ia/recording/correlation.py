"""Trace ids and bound fields on every record of stdlib logging, and a place for one handler above the root logger."""

import logging
from typing import Any, Final

from otel_ia.recording.current import get_current
from otel_ia.recording.fields import bound_in
from otel_ia.recording.stamp import STAMPED, current_span_context, ids_of, make_stamped, stamps
from otel_ia.undo import Undo
from otel_ia.values import Value

_above_root: Final[list[logging.Handler]] = []


def current_ids() -> tuple[str, str, str]:
    """Trace id (32 hex digits), span id (16) and trace flags (2) of the current span; empty texts outside one."""
    return ids_of(current_span_context())


def current_fields() -> dict[str, Value]:
    """What a record made now is stamped with: ids, the service's name, the fields bound here."""
    stamped = dict(zip(STAMPED, (*current_ids(), stamps.service_name or ""), strict=True))
    return {**(bound_in(get_current()) or {}), **stamped}


def stamp_records(service_name: str) -> Undo:
    """Every record made from now on carries the ids of the span and the fields bound around it; returns the undo."""
    factory = logging.getLogRecordFactory()
    stamps.was_called = False
    factory("otel_ia", logging.DEBUG, __file__, 0, "", (), None)
    if not stamps.was_called:
        stamps.below = factory
        logging.setLogRecordFactory(make_stamped)
    stamps.push(service_name)

    def undo() -> None:
        stamps.take_out(service_name)
        if stamps.service_name is None and logging.getLogRecordFactory() is make_stamped:
            logging.setLogRecordFactory(stamps.below)

    return Undo(undo)


def add_handler_above_root(handler: logging.Handler) -> Undo:
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

    def undo() -> None:
        _above_root.remove(handler)
        if handler not in _above_root:
            above.removeHandler(handler)
        if not above.handlers and logging.root.parent is above:
            logging.root.parent = None

    return Undo(undo)


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
