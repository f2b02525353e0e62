"""What users add to the rules, checked when it is given: keys, patterns, e-mail addresses."""

import re
from collections.abc import Iterable
from typing import Final, TypeVar

from otel_ia.errors import SettingError
from otel_ia.redaction.keys import words_of

T = TypeVar("T")

_EMAIL: Final = re.compile(r"(?<![\w.+\-])[\w.+\-]{1,64}+@(?:[\w\-]{1,63}+(?:\.[\w\-]{1,63}+)++|[\w\-.]{0,63}+…)")


def own_keys(keys: Iterable[str]) -> tuple[tuple[tuple[str, ...], str], ...]:
    """The words of each key in a row, and its rule."""
    own = []
    for index, key in enumerate(_several(keys, "keys")):
        words = words_of(key) if isinstance(key, str) else ()  # type: ignore[redundant-expr]
        if not words:
            raise SettingError(source="make_redactor", key=f"keys[{index}]", value=key, expected="a key with letters")
        own.append((words, "_".join(words)))
    return tuple(own)


def own_patterns(patterns: Iterable[str | re.Pattern[str]], *, emails: bool) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Rule and pattern, compiled; the rule is a number, because a pattern may show what it is to hide."""
    own = [("email", _EMAIL)] if emails else []
    for index, given in enumerate(_several(patterns, "patterns")):
        expected = "a regular expression for text"
        try:
            pattern = re.compile(given)
            usable = isinstance(pattern.pattern, str)
        except (re.error, TypeError, OverflowError, RecursionError) as error:
            expected, usable = f"{expected} ({error})", False
        if usable and pattern.search(""):
            expected, usable = f"{expected} that matches something (this one matches the empty text)", False
        if not usable:
            raise SettingError(source="make_redactor", key=f"patterns[{index}]", value=given, expected=expected)
        own.append((f"pattern_{index + 1}", pattern))
    return tuple(own)


def _several(given: Iterable[T], key: str) -> list[T]:
    if isinstance(given, (str, bytes, re.Pattern)) or not isinstance(given, Iterable):
        raise SettingError(source="make_redactor", key=key, value=given, expected="a list: put it into brackets")
    return list(given)
