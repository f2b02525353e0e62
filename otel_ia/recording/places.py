"""Where a monitored function or block stands in the user's code."""

import functools
import inspect
import os
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, NamedTuple

from otel_ia import values


class Place(NamedTuple):  # a frozen dataclass takes 1 ms of `import otel_ia`
    """Module, qualified name, file and first line of a function; of a block its function and its own line.

    `file` is empty where there is no Python code.
    """

    module: str
    function: str
    file: str
    line: int


def place_of_function(called: Callable[..., Any], target: Any) -> Place:
    """The place of the function that runs in the end, below every decorator that keeps `__wrapped__`.

    `called` is what runs when `target`, no partial, is called. An object that is no function goes by its class.
    """
    innermost = _innermost(called)
    code = getattr(innermost, "__code__", None)
    is_object = called is not target and not inspect.isroutine(target)
    named = type(target) if is_object else innermost
    return Place(
        module=_text_of(innermost, "__module__") or type(target).__module__,
        function=_text_of(named, "__qualname__") or values.qualified_name(type(target)),
        file=_absolute(code.co_filename) if isinstance(code, CodeType) else "",
        line=code.co_firstlineno if isinstance(code, CodeType) else 0,
    )


def is_entered_for_another(frame: FrameType) -> bool:
    """Whether a block is entered here that stands elsewhere: an `ExitStack`'s."""
    return frame.f_globals.get("__name__") == "contextlib"


def place_of_block(frame: FrameType) -> Place:
    """The place of a `with` statement that runs in this frame, or in one that entered it through an `ExitStack`."""
    while is_entered_for_another(frame) and frame.f_back is not None:
        frame = frame.f_back
    module = frame.f_globals.get("__name__")
    return _place_of_line(module if isinstance(module, str) else "", frame.f_code, frame.f_lineno)


@functools.lru_cache(4_096)  # 6 µs at each entry of a block
def _place_of_line(module: str, code: CodeType, line: int) -> Place:
    return Place(values.text(module), code.co_qualname, _absolute(code.co_filename), line)


def _innermost(function: Callable[..., Any]) -> Any:
    try:
        return inspect.unwrap(function)
    except ValueError:  # its `__wrapped__` goes round in a circle
        return function


def _text_of(function: Any, name: str) -> str:
    text = getattr(function, name, None)
    return values.text(text) if isinstance(text, str) else ""


def _absolute(file: str) -> str:
    """The absolute path, encodable: file names that are no UTF-8 come with lone surrogates."""
    try:
        return values.text(file if file.startswith("<") else os.path.abspath(file))  # noqa: PTH100 - no file is touched
    except OSError:  # the working directory is gone
        return values.text(file)
