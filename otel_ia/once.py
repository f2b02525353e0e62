"""What is said once: of a call of ours that does nothing, or not what was meant, once for each place of the user's."""

import logging
import sys
from collections.abc import Hashable
from typing import Final

from otel_ia import values
from otel_ia.guard import guarded

_logger: Final = logging.getLogger("otel_ia")
_KNOWN: Final = 1_024
_PACKAGE: Final = __name__.partition(".")[0]
_frame_above: Final = sys._getframe  # noqa: SLF001 - the caller's place


class Once:
    """Knows what was said before, up to 1,024 things: what comes after these is not said at all."""

    __slots__ = ("_said",)

    def __init__(self) -> None:
        self._said: set[Hashable] = set()

    def is_new(self, key: Hashable) -> bool:
        """Whether that is to be said now; it is known from now on."""
        if key in self._said or len(self._said) >= _KNOWN:
            return False
        self._said.add(key)
        return True


_warnings: Final = Once()


@guarded
def warn_once(what: str, why: str) -> None:
    """Says what was done, where the user's code did it, and why that is told."""
    frame = _frame_above(1)
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__")):
        frame = frame.f_back
    file, line = frame.f_code.co_filename, frame.f_lineno
    if _warnings.is_new((what, why, file, line)):
        _logger.warning("%s at %s:%d %s; said once", what, values.text(file), line, why)


def _is_ours(module: object) -> bool:
    return isinstance(module, str) and module.partition(".")[0] == _PACKAGE
