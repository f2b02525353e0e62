"""What stands beside a span's name: how it ended, where the time went, what it was about."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from rich.text import Text

from otel_ia.console import captured, words
from otel_ia.console.outline import Row, Summary
from otel_ia.console.reading import Facts, read_facts

_ATTRIBUTES_LIMIT: Final = 8
_LONGEST_IS_TOLD: Final = 1.5
"""From this many times the median on, the attributes of the longest call are told."""
_WORDS: Final = {"closed_early": "closed early"}
GOOD: Final = "green"
LOUD: Final = "yellow"
BAD: Final = "bold red"
QUIET: Final = "dim"
HOT: Final = "bold magenta"


@dataclass(frozen=True, slots=True)
class Marks:
    """What stands on the line of a row, piece by piece, and the error to tell below it."""

    pieces: tuple[Text, ...]
    failed: bool
    failure: str
    place: str


def marks_of(row: Row, share: float | None) -> Marks:
    """The marks of a row; `share` is its part of the trace's self time, for those that hold the most."""
    hot = () if share is None else (Text(f"◆ self {share:.0%}", HOT),)
    if row.summary is not None:
        return _marks_of_many(row.summary, row.count, hot)
    facts = row.facts
    if facts is None and row.span is not None:
        with suppress(KeyError, RuntimeError):  # its attributes may change in another thread while they are read
            facts = read_facts(row.span)
    running = () if row.facts is not None else (Text("running", GOOD),)
    if facts is None or row.count > 1:
        return Marks((*running, *hot), failed=False, failure="", place="")
    return Marks(
        pieces=(*running, *_outcome(facts), *hot, *_attributes(facts.attributes)),
        failed=facts.failure is not None,
        failure=facts.failure.text if facts.failure is not None else "",
        place=facts.failure.place if facts.failure is not None else "",
    )


def _outcome(facts: Facts) -> list[Text]:
    told = []
    if facts.outcome not in {"", "ok", "error"}:
        told.append(Text(words.one_line(_WORDS.get(facts.outcome, facts.outcome)), LOUD))
    if facts.slow:
        told.append(Text("slow", LOUD))
    return told


def _marks_of_many(summary: Summary, count: int, hot: tuple[Text, ...]) -> Marks:
    pieces = []
    if summary.errors:
        pieces.append(Text(f"{summary.errors:,} {'error' if summary.errors == 1 else 'errors'}", BAD))
    pieces += [Text(f"{number:,} {_WORDS.get(outcome, outcome)}", LOUD) for outcome, number in summary.outcomes]
    if summary.slow:
        pieces.append(Text(f"{summary.slow:,} slow", LOUD))
    pieces += hot
    if count > 1:
        pieces += [Text(_times(summary)), *_which(summary)]
    failure = summary.first_failure
    return Marks(
        pieces=(*pieces, *_attributes(summary.attributes)),
        failed=summary.errors > 0,
        failure=failure.text if failure is not None else "",
        place=failure.place if failure is not None else "",
    )


def _times(summary: Summary) -> str:
    """Median, 95th percentile and maximum; a unit stands only where the next one differs."""
    times = [words.duration(time) for time in (summary.p50, summary.p95, summary.longest)]
    units = [time.rpartition(" ")[2] for time in times]
    told = [
        time.removesuffix(f" {unit}") if unit == after else time
        for time, unit, after in zip(times, units, [*units[1:], ""], strict=True)
    ]
    return "p50 {}  p95 {}  max {}".format(*told)


def _which(summary: Summary) -> list[Text]:
    own = tuple(pair for pair in summary.longest_attributes if pair not in summary.attributes)
    if summary.longest < _LONGEST_IS_TOLD * summary.p50 or not own:
        return []
    return [Text("slowest ", QUIET) + attribute for attribute in _attributes(own)[:1]]


def _attributes(attributes: tuple[tuple[str, object], ...]) -> list[Text]:
    shown = captured.shown(attributes)
    pieces = [Text.assemble((name, "cyan"), ("=", QUIET), content) for name, content in shown[:_ATTRIBUTES_LIMIT]]
    if len(shown) > _ATTRIBUTES_LIMIT:
        pieces.append(Text(f"+{len(shown) - _ATTRIBUTES_LIMIT}", QUIET))
    return pieces
