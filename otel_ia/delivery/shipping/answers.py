"""What became of one request."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal

_LONGEST_REASON: Final = 240
_SHORTEST_SECRET: Final = 4
_PREFIXES: Final = {"proxy": "OTEL_IA_"}
RETRIED: Final = frozenset((408, 425, 429))
"""The statuses of HTTP, but for those of 500 and above, after which the same request may pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`accepted` is done with; `retry` comes again; `refused` may hold what the server never takes; `blocked` waits for
    a person, whom `reason` tells which setting to look at.

    `reason` holds no header and no password. `retry_after` (s) is how long the server asks to be left alone. `rejected`
    counts what an accepting server did not take (partial success), `reason` then being its own words.
    """

    outcome: Literal["accepted", "retry", "refused", "blocked"]
    reason: str = ""
    retry_after: float | None = None
    rejected: int = 0


def accepted(rejected: int = 0, reason: str = "") -> Answer:
    """The server has it, all but the rejected."""
    return Answer(outcome="accepted", rejected=rejected, reason=reason)


def retry(reason: str, retry_after: float | None = None) -> Answer:
    """It is to be sent again."""
    return Answer(outcome="retry", reason=reason, retry_after=retry_after)


def refused(reason: str) -> Answer:
    """It is wrong, or the server says so."""
    return Answer(outcome="refused", reason=reason)


def blocked(reason: str, *settings: str) -> Answer:
    """It cannot be delivered before one of these settings changes, or the server does."""
    return Answer(outcome="blocked", reason=f"{reason}; see the setting {' and '.join(map(spelled, settings))}")


def spelled(setting: str) -> str:
    """A setting of a destination, as a person looks for it."""
    return f"`{setting}` ({_PREFIXES.get(setting, 'OTEL_EXPORTER_OTLP_')}{setting.upper()})"


def name_of_status(status: int) -> str:
    """Number and, where it has one, name of a status of HTTP."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def words_of_server(text: str, headers: Iterable[str]) -> str:
    """What the server says, fit to be told: one short line, without the values of our headers that it may repeat."""
    for value in headers:
        for part in (value, *value.split()):
            if len(part) >= _SHORTEST_SECRET:
                text = text.replace(part, "***")
    line = "".join(character if character.isprintable() else " " for character in text).strip()
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}…"
