"""Whether anything is recorded at all: `configure(disabled=True)` switches it off for the whole process."""

from collections.abc import Callable
from typing import Final

_reasons: Final[list[object]] = []
is_off = False
"""Looked up in this module at each call."""


def switch_off() -> Callable[[], None]:
    """From now on monitored calls go straight through, whatever provider is installed; returns the undo."""
    reason = object()
    _reasons.append(reason)
    _note()

    def undo() -> None:
        if reason in _reasons:
            _reasons.remove(reason)
        _note()

    return undo


def _note() -> None:
    global is_off  # noqa: PLW0603 - one switch for the process
    is_off = bool(_reasons)
