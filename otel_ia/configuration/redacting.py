"""How the user's own rules of redaction are read: keys, expressions, a function."""

import inspect
from collections.abc import Callable
from typing import Any

from otel_ia.configuration.parsing import Given, refuse, texts
from otel_ia.redaction.callback import Callback
from otel_ia.redaction.own import read_key, read_pattern


def secret_keys(given: Given) -> tuple[str, ...]:
    """Keys: a list, or separated by commas."""
    return _checked(given, texts(given), read_key)


def secret_patterns(given: Given) -> tuple[str, ...]:
    """Regular expressions: a list, or one as text, for it may have commas of its own."""
    value = [given.value.strip()] if isinstance(given.value, str) else given.value
    if not isinstance(value, list | tuple) or not all(isinstance(pattern, str) for pattern in value):
        raise refuse(given, "a regular expression or a list of them")
    return _checked(given, tuple(dict.fromkeys(value)), read_pattern)


def redacting_function(given: Given) -> Callback:
    """A function that can be called with path and value."""
    expected = "a function of path and value"
    function: Any = given.value
    if not callable(function):
        raise refuse(given, expected, hint="only an argument can be one")
    if inspect.iscoroutinefunction(function) or not _takes_two(function):
        raise refuse(given, expected)
    return function  # type: ignore[no-any-return]


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind("", "")
    except ValueError:  # a built-in function that does not tell
        return True
    except TypeError:
        return False
    return True


def _checked(given: Given, values: tuple[str, ...], read: Callable[[str], object]) -> tuple[str, ...]:
    for value in values:
        try:
            read(value)
        except ValueError as error:
            raise refuse(given, f"usable: {value!r} is not {error}") from None
    return values
