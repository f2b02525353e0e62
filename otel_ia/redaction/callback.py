"""The user's own function that redacts, asked so that it can do no harm."""

import logging
import sys
import threading
from collections.abc import Callable
from typing import Final, TypeAlias

from otel_ia import values
from otel_ia.guard import guarded, innermost_place

Callback: TypeAlias = Callable[[str, object], object | None]
"""Gets the path and the value, returns what to record instead, or `None` to redact it."""

ASKED: Final = "callback"
"""The rule by which a value is redacted for which the function returns `None`."""
FAILED: Final = "failed callback"
"""The rule by which a value is redacted that it could not be asked about, or for which it raised."""

Ask: TypeAlias = Callable[[str, object], tuple[object, str]]
"""What to record, and the rule where that is nothing."""

_logger: Final = logging.getLogger("otel_ia")


def asking(callback: Callback, *, text_limit: int) -> Ask:
    """Asks the function; where it raises, the value is redacted, and that it raised is told once.

    An answer is made legal, a text cut to the limit (characters). What is recorded while it runs, by itself or by a
    signal handler, is redacted without asking: it may hold a lock, and would come to no end.
    """
    busy = threading.local()
    is_told = False

    def ask(path: str, value: object) -> tuple[object, str]:
        nonlocal is_told
        if getattr(busy, "is_asking", False):
            return None, FAILED
        has_answered = False
        try:
            busy.is_asking = True
            answer = callback(path, value)
            has_answered = True
        finally:
            busy.is_asking = False
            if not (has_answered or is_told):
                is_told = True
                _tell(sys.exception())
        return (None, ASKED) if answer is None else (value if answer is value else _legal(answer, text_limit), "")

    asked = guarded(ours=False)(ask)
    return lambda path, value: asked(path, value) or (None, FAILED)


def _legal(answer: object, text_limit: int) -> object:
    return values.text(answer, text_limit) if isinstance(answer, str) else values.legal(answer)


def _tell(error: BaseException | None) -> None:
    """Without the error's message, which may quote what was to be redacted."""
    assert error is not None
    name, place = values.qualified_name(type(error)), innermost_place(error)
    _logger.warning("redact_callback raised %s at %s:%d; what it fails for is left out; said once", name, *place)
