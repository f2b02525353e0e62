"""Keeps our own failures out of the user's program: the only broad `except` of the package."""

import functools
import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload

from otel_ia.undo import Undo

P = ParamSpec("P")
T = TypeVar("T")

_logger = logging.getLogger("otel_ia")
_reported: set[tuple[str, int]] = set()
_strict = 0


@overload
def guarded(function: Callable[P, T], /) -> Callable[P, T | None]: ...
@overload
def guarded(*, ours: bool) -> Callable[[Callable[P, T]], Callable[P, T | None]]: ...
def guarded(function: Callable[..., Any] | None = None, /, *, ours: bool = True) -> Callable[..., Any]:
    """The same function, returning `None` where it would raise.

    A failure of ours is logged once for each place it comes from, at WARNING, with its stack trace; under
    `otel_ia.testing` it is raised. With `ours=False` the function runs code of the user's (a `__str__`, a callback),
    whose failure is silent. `RecursionError` and `MemoryError` are the user's program at its limits: always silent.
    """
    if function is None:
        return lambda decorated: guarded(decorated, ours=ours)  # type: ignore[call-overload]

    @functools.wraps(function)
    def never_raises(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs) if kwargs else function(*args)  # without an empty mapping 45 ns less
        except (RecursionError, MemoryError):
            return None
        except Exception as error:
            if ours and _strict:
                raise
            if ours:
                _report(error)
            return None

    return never_raises


@guarded  # a handler of the user's that raises here would reach the user's call
def _report(error: Exception) -> None:
    place = innermost_place(error)
    if place not in _reported:
        _reported.add(place)
        _logger.warning("otel_ia failed at %s:%d and went on; said once for this place", *place, exc_info=error)


def innermost_place(error: BaseException) -> tuple[str, int]:
    """File and line where the exception was raised."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return (traceback.tb_frame.f_code.co_filename, traceback.tb_lineno) if traceback is not None else ("", 0)


def raise_failures() -> Undo:
    """From now on our failures are raised; returns the undo."""
    global _strict  # noqa: PLW0603 - one switch for the process
    _strict += 1

    def undo() -> None:
        global _strict  # noqa: PLW0603
        _strict -= 1

    return Undo(undo)
