"""What somebody asks for at a call site, or for all of them: `capture` and `stats`."""

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from otel_ia.callbacks import takes_two
from otel_ia.errors import SettingError

Mode: TypeAlias = Literal["none", "summary", "values"]
Function: TypeAlias = Callable[[str, Any], object]
"""Given the name of an argument, or "return", and its value: what to record of it, `None` for nothing."""
Wish: TypeAlias = Mode | Iterable[str] | Function
"""What may stand for `capture`."""

MODES: Final = ("none", "summary", "values")
_EXPECTED: Final = "'none', 'summary', 'values', names of arguments as in ('x', 'return'), or a function"


class Choice(NamedTuple):
    """A wish that has been read."""

    mode: Mode
    names: frozenset[str] | None = None
    """Only these; all without."""
    function: Function | None = None
    """Says what to record in the place of the views."""
    stats: bool = False
    is_for_class: bool = False
    """Of the methods of a class, not each has every argument."""
    finds_batch: bool = True
    """Unless the call site says how large its batches are."""


def read_choice(capture: Any, *, stats: object = False) -> Choice:
    """The wish as it was given at a call site; `stats` alone asks for summaries.

    Raises:
        SettingError: it is none.
    """
    if not isinstance(stats, bool):
        raise SettingError(source="monitor", key="stats", value=stats, expected="true or false")
    choice = _read(capture if capture is not None else "summary")
    if stats and (choice.mode == "none" or choice.function is not None):
        raise SettingError(
            source="monitor", key="stats", value=stats, expected="possible without summaries or values to stand beside"
        )
    return choice._replace(stats=stats)


def _read(capture: Any) -> Choice:
    if isinstance(capture, str):
        if capture not in MODES:
            hint = f"for one argument write ({capture!r},)" if capture.isidentifier() else ""
            raise SettingError(source="monitor", key="capture", value=capture, expected=_EXPECTED, hint=hint)
        return Choice(capture)  # type: ignore[arg-type]
    if isinstance(capture, tuple | list | set | frozenset):
        names = frozenset(capture)
        if names and all(isinstance(name, str) for name in names):
            return Choice("summary", names)
    elif callable(capture):
        if takes_two(capture) is False:
            expected = "a function of a name and a value"
            raise SettingError(source="monitor", key="capture", value=capture, expected=expected)
        return Choice("values", None, capture)
    raise SettingError(source="monitor", key="capture", value=capture, expected=_EXPECTED)
