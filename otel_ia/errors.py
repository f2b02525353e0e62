"""The errors that `otel_ia` raises on purpose, all of them at start-up."""

import reprlib
from functools import partial

_UNSHOWN = object()
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 120
_short.maxlong = 60


class SettingError(ValueError):
    """A setting that cannot be used; the message names source, key, value and what was expected.

    `expected` goes on after "is not". Secrets are masked by the caller, in `value` too; a value left out is not shown.
    `hint` says what to do instead.
    """

    def __init__(self, *, source: str, key: str, value: object = _UNSHOWN, expected: str, hint: str = "") -> None:
        self.source = source
        self.key = key
        self.value = value
        self.expected = expected
        self.hint = hint
        shown = "" if value is _UNSHOWN else f" = {_short.repr(value)}"
        advice = f"; {_printable(hint)}" if hint else ""
        super().__init__(f"{_printable(source)}: {_printable(key)}{shown} is not {_printable(expected)}{advice}")

    def __reduce__(self) -> tuple[object, ...]:
        """Without this a process pool in which it is raised breaks: keyword-only errors cannot be unpickled."""
        make = partial(SettingError, source=self.source, key=self.key, expected=self.expected, hint=self.hint)
        return (make if self.value is _UNSHOWN else partial(make, value=self.value)), ()


class ProviderError(RuntimeError):
    """Another library's OpenTelemetry provider is installed and offers no way to add a processor."""


class MissingLibraryError(ImportError):
    """A library that is to be integrated is not installed; the message has the command that installs it."""


def _printable(text: str) -> str:
    """Keys and paths come from files of others: no control character of theirs reaches a terminal."""
    return text if text.isprintable() else repr(text)
