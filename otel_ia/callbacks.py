"""Functions that the user gives to be asked: whether they can be, what they answer, once each that they raised."""

import functools
import inspect
import logging
import sys
from collections.abc import Callable
from types import CodeType
from typing import Any, Final

from otel_ia import values
from otel_ia.guard import guarded
from otel_ia.once import Once

_logger: Final = logging.getLogger("otel_ia")
_told: Final = Once()
_NAME_LIMIT: Final = 256


@guarded(ours=False)  # a signature of the user's
def takes_two(function: Callable[..., Any]) -> bool:
    """Whether it can be called with two arguments by position; `None` where its signature does not say so."""
    # of what is called, not of what that wraps and may give other arguments to
    signature = inspect.signature(function, follow_wrapped=False)
    try:
        signature.bind(None, None)
    except TypeError:
        return False
    return True


@guarded(ours=False)
def answer_of(function: Callable[..., Any], given: tuple[Any, ...], message: str, about: str = "") -> tuple[Any]:
    """Its answer; `None` where it raises, which is said once for each function.

    The message is a format of `function`, `error` and `about`.
    """
    has_answered = False
    try:
        answer = (function(*given),)
        has_answered = True
        return answer
    finally:
        if not has_answered:
            _tell_once(function, message, about, sys.exception())


@guarded
def _tell_once(function: Callable[..., Any], message: str, about: str, error: BaseException | None) -> None:
    """Without the error's message, which may quote a value."""
    if not isinstance(error, Exception):  # an interruption, which goes on to the user
        return
    name, code = _described(function) or (values.qualified_name(type(function)), None)
    # By place, for one that is unpickled or made anew is the same. With columns, which are in the line table: two
    # lambdas can stand in one line.
    place = (code.co_filename, code.co_firstlineno, code.co_code, code.co_linetable) if code is not None else ()
    if _told.is_new((message, name, *place)):
        at = f" at {values.text(code.co_filename)}:{code.co_firstlineno}" if code is not None else ""
        said = {"function": f"{name}{at}", "error": values.qualified_name(type(error)), "about": about}
        _logger.warning(message, said)


@guarded(ours=False)  # reads an object of the user's
def _described(function: Any) -> tuple[str, CodeType | None]:
    """The qualified name and the code of what runs in the end."""
    while type(function) is functools.partial:
        function = function.func
    function = inspect.unwrap(function)
    named = function if isinstance(getattr(function, "__qualname__", None), str) else type(function)
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None:
        code = getattr(type(function).__call__, "__code__", None)
    return values.text(named.__qualname__, _NAME_LIMIT), code if isinstance(code, CodeType) else None
