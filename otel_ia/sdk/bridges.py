"""What log records of other libraries bear while they pass through the standard library's logging.

There they would come as a rendered text, or a second time.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from otel_ia import values
from otel_ia.exceptions import describe


@dataclass(frozen=True, slots=True)
class Said:
    """What was said: a message, further fields, an exception."""

    body: values.Value | None
    fields: Mapping[str, object]
    error: BaseException | None = None

    def attributes(self) -> dict[str, values.Value]:
        found = values.attributes(self.fields)
        if self.error is not None:
            found.update(describe(self.error))
        return found


class SaidText(str):
    """A rendered message that bears what was said; a plain text to everybody else, and when pickled."""

    __slots__ = ("said",)

    said: Said

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str.__str__(self),)


class SaidFields(dict[str, Any]):
    """The same for a message that is rendered later, by a formatter."""

    __slots__ = ("said",)

    said: Said

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)


class ExportedFields(dict[str, Any]):
    """The `extra` of a record that its own library exports, whoever else it is handed to."""

    __slots__ = ()


def said_in(record: logging.LogRecord) -> Said | None:
    """What was said, where another library has made the record."""
    message = record.msg
    return message.said if type(message) is SaidText or type(message) is SaidFields else None


def is_exported(record: logging.LogRecord) -> bool:
    """Whether another library, of which this is a copy, exports it."""
    return type(record.__dict__.get("extra")) is ExportedFields
