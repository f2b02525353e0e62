"""Whether anything is recorded at all: `configure(disabled=True)` switches it off for the whole process."""

from collections.abc import Callable
from typing import Final

_offs: Final[list[object]] = []
_ons: Final[list[object]] = []
is_off = False
"""Looked up in this module at each call."""


def switch_off() -> Callable[[], None]:
    """From now on monitored calls go straight through, whatever provider is installed; returns the undo."""
    return _add_to(_offs)


def switch_on() -> Callable[[], None]:
    """From now on they are recorded although someone has switched it off, as a test asks for; returns the undo."""
    return _add_to(_ons)


def _add_to(reasons: list[object]) -> Callable[[], None]:
    reason = object()
    reasons.append(reason)
    _note()

    def undo() -> None:
        if reason in reasons:
            reasons.remove(reason)
        _note()

    return undo


def _note() -> None:
    global is_off  # noqa: PLW0603 - one switch for the process
    is_off = bool(_offs) and not _ons
