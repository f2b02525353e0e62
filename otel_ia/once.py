"""Warnings of a call of ours that does nothing, or not what was meant: once for each place in the user's code."""

import logging
import sys
from typing import Final

from otel_ia import values
from otel_ia.guard import guarded

_logger: Final = logging.getLogger("otel_ia")
_told: Final[set[tuple[str, str, str, int]]] = set()
_KNOWN: Final = 1_024
_PACKAGE: Final = __name__.partition(".")[0]
_frame_above: Final = sys._getframe  # noqa: SLF001 - the caller's place


@guarded
def warn_once(what: str, why: str) -> None:
    """Says what was done, where the user's code did it, and why that is told."""
    frame = _frame_above(1)
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__")):
        frame = frame.f_back
    file, line = frame.f_code.co_filename, frame.f_lineno
    key = what, why, file, line
    if key not in _told and len(_told) < _KNOWN:
        _told.add(key)
        _logger.warning("%s at %s:%d %s; said once", what, values.text(file), line, why)


def _is_ours(module: object) -> bool:
    return isinstance(module, str) and module.partition(".")[0] == _PACKAGE
