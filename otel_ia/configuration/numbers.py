"""How numbers are read: seconds, counts, bytes, shares, log levels."""

import logging
import re
from dataclasses import replace
from itertools import pairwise

from otel_ia.configuration.parsing import Given, refuse, without_quotes

LONGEST_AGE = 365 * 86_400.0
LONGEST_WAIT = 3600.0
"""Seconds. More is a mistake, most often milliseconds: OpenTelemetry Python counts its timeouts in seconds."""

LARGEST_NUMBER = 2**31 - 1
LARGEST_PORT = 65_535
LARGEST_SIZE = 2**50
"""Bytes."""
_MOST_BOUNDS = 200

_WHOLE = re.compile(r"[0-9]{1,20}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def seconds(given: Given) -> float:
    """Seconds, zero included."""
    return _number(given, largest=LONGEST_WAIT, expected=f"a number of seconds from 0 to {LONGEST_WAIT:g}")


def positive_seconds(given: Given) -> float:
    """Seconds above zero."""
    expected = f"a number of seconds above 0, at most {LONGEST_WAIT:g}"
    value = _number(given, largest=LONGEST_WAIT, expected=expected)
    if value == 0:
        raise refuse(given, expected)
    return value


def age(given: Given) -> float:
    """Seconds that may be days."""
    return _number(given, largest=LONGEST_AGE, expected=f"a number of seconds from 0 to {LONGEST_AGE:.0f}")


def interval(given: Given) -> float:
    """Seconds above zero; in the environment milliseconds, as OpenTelemetry has it."""
    if not given.spelled_out:
        return positive_seconds(given)
    expected = f"a number of milliseconds above 0, at most {LONGEST_WAIT * 1e3:g}"
    value = _number(given, largest=LONGEST_WAIT * 1e3, expected=expected)
    if value == 0:
        raise refuse(given, expected)
    return value / 1e3


def ratio(given: Given) -> float:
    """A share from 0 to 1."""
    return _number(given, largest=1.0, expected="a number from 0 to 1")


def whole_number(given: Given) -> int:
    """A count from zero on."""
    return _whole(given, largest=LARGEST_NUMBER, expected=f"a whole number from 0 to {LARGEST_NUMBER}")


def limit(given: Given) -> int:
    """A count from one on."""
    value = whole_number(given)
    if value < 1:
        raise refuse(given, f"a whole number from 1 to {LARGEST_NUMBER}")
    return value


def port(given: Given) -> int:
    """A TCP port; 0 for none."""
    return _whole(given, largest=LARGEST_PORT, expected=f"a port from 1 to {LARGEST_PORT}, or 0 for none")


def size(given: Given) -> int:
    """Bytes from zero on."""
    return _whole(given, largest=LARGEST_SIZE, expected=f"a whole number of bytes from 0 to {LARGEST_SIZE}")


def bounds(given: Given) -> tuple[float, ...]:
    """Upper bounds of buckets, each larger than the one before: a list, or separated by commas."""
    expected = f"numbers above 0, at most {LONGEST_AGE:g}, each larger than the one before"
    value = given.value.split(",") if isinstance(given.value, str) else given.value
    if not isinstance(value, list | tuple) or not 0 < len(value) <= _MOST_BOUNDS:
        raise refuse(given, f"1 to {_MOST_BOUNDS} {expected}")
    one = replace(given, spelled_out=isinstance(given.value, str))
    read = [_number(replace(one, value=item), largest=LONGEST_AGE, expected=expected) for item in value]
    if read[0] == 0 or any(lower >= upper for lower, upper in pairwise(read)):
        raise refuse(given, expected)
    return tuple(read)


def log_level(given: Given) -> int:
    """A level of the standard library's logging, by name or number."""
    value = given.value
    if isinstance(value, str):
        levels = logging.getLevelNamesMapping()
        name = value.strip().upper()
        value = int(name) if _WHOLE.fullmatch(name) else levels.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_NUMBER:
        raise refuse(given, "a log level such as INFO, or its number")
    return value


def _whole(given: Given, *, largest: int, expected: str) -> int:
    value = given.value
    if given.spelled_out and isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= largest:
        raise refuse(given, expected, hint=without_quotes(given))
    return value


def _number(given: Given, *, largest: float, expected: str) -> float:
    value = given.value
    if given.spelled_out and isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= largest:
        raise refuse(given, expected, hint=without_quotes(given))
    return float(value)
