"""What users add to the rules, checked when it is given: keys, patterns, e-mail addresses."""

import re
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from otel_ia.errors import SettingError
from otel_ia.redaction.keys import words_of

T = TypeVar("T")
R = TypeVar("R")

_EMAIL: Final = re.compile(r"(?<![\w.+\-])[\w.+\-]{1,64}+@(?:[\w\-]{1,63}+(?:\.[\w\-]{1,63}+)++|[\w\-.]{0,63}+…)")


def own_keys(keys: Iterable[str]) -> tuple[tuple[tuple[str, ...], str], ...]:
    """The words of each key in a row, and its rule. Raises SettingError."""
    return tuple((words, "_".join(words)) for words in _each(keys, "keys", read_key))


def own_patterns(patterns: Iterable[str | re.Pattern[str]], *, emails: bool) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Rule and pattern, compiled; the rule is a number, because a pattern may show what it is to hide.

    Raises SettingError.
    """
    own = [("email", _EMAIL)] if emails else []
    numbered = enumerate(_each(patterns, "patterns", read_pattern), 1)
    return (*own, *((f"pattern_{number}", pattern) for number, pattern in numbered))


def read_key(given: str) -> tuple[str, ...]:
    """The words of a key. Raises ValueError with what was expected."""
    words = words_of(given) if isinstance(given, str) else ()  # type: ignore[redundant-expr]
    if not words:
        raise ValueError("a key with letters")
    return words


def read_pattern(given: str | re.Pattern[str]) -> re.Pattern[str]:
    """The expression, compiled. Raises ValueError with what was expected."""
    expected = "a regular expression for text"
    try:
        pattern = re.compile(given)
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{expected} ({error})") from None
    if not isinstance(pattern.pattern, str):
        raise ValueError(expected)  # noqa: TRY004 - caught by the one who knows its name
    if pattern.search(""):
        raise ValueError(f"{expected} that matches something (this one matches the empty text)")
    return pattern


def _each(given: Iterable[T], key: str, read: Callable[[T], R]) -> list[R]:
    if isinstance(given, (str, bytes, re.Pattern)) or not isinstance(given, Iterable):
        raise SettingError(source="make_redactor", key=key, value=given, expected="a list: put it into brackets")
    found = []
    for index, item in enumerate(given):
        try:
            found.append(read(item))
        except ValueError as error:
            name = f"{key}[{index}]"
            raise SettingError(source="make_redactor", key=name, value=item, expected=str(error)) from None
    return found
