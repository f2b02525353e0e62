"""Durations, values and foreign text as a terminal can show them: short, one line, harmless."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.cells import cell_len, set_cell_size

from otel_ia import semconv

TIMES: Final = "\N{MULTIPLICATION SIGN}"
_NAME_LIMIT: Final = 120
_VALUE_LIMIT: Final = 40
_ITEMS_LIMIT: Final = 4
_INT_BITS: Final = 64
_UNITS: Final = ((1, "ns"), (1_000, "µs"), (1_000_000, "ms"))
_SECOND: Final = 1_000_000_000
_CLOSED_PREFIXES: Final = ("code.", "thread.", "exception.", "service.", "telemetry.", "process.", "otel.")
_CLOSED_NAMES: Final = {
    *(semconv.ERROR_TYPE, semconv.OUTCOME, semconv.SLOW),
    *(semconv.GEN_AI_OPERATION_NAME, semconv.GEN_AI_REQUEST_STREAM),
    *(semconv.GEN_AI_RESPONSE_ID, semconv.GEN_AI_RESPONSE_MODEL),
    *(semconv.GEN_AI_INPUT_MESSAGES, semconv.GEN_AI_OUTPUT_MESSAGES, semconv.GEN_AI_SYSTEM_INSTRUCTIONS),
    semconv.GEN_AI_TOOL_DEFINITIONS,
    *(semconv.TRAINING_STEPS, semconv.TRAINING_SAMPLES, semconv.TRAINING_RATE, semconv.TRAINING_DATA_WAIT),
    *(semconv.TRAINING_JOB, semconv.STREAM_RATE),
}
_SHORT_NAMES: Final = {
    semconv.MODEL_NAME: "model",
    semconv.MODEL_VERSION: "version",
    semconv.BATCH_SIZE: "batch",
    semconv.STREAM_ITEMS: "items",
    semconv.STREAM_TIME_TO_FIRST_ITEM: "first",
    semconv.GEN_AI_PROVIDER_NAME: "provider",
    semconv.GEN_AI_REQUEST_MODEL: "model",
    semconv.GEN_AI_FINISH_REASONS: "finish",
    semconv.GEN_AI_INPUT_TOKENS: "tokens",
    semconv.GEN_AI_CACHE_READ_INPUT_TOKENS: "cached",
    semconv.GEN_AI_TIME_TO_FIRST_CHUNK: "first",
}
_FIRST: Final = (semconv.GEN_AI_REQUEST_MODEL, semconv.GEN_AI_INPUT_TOKENS, semconv.GEN_AI_TIME_TO_FIRST_CHUNK)
_SECONDS: Final = {semconv.STREAM_TIME_TO_FIRST_ITEM, semconv.GEN_AI_TIME_TO_FIRST_CHUNK}
_UNSAFE: Final = re.compile(
    r"[^\S ]|[\ufe00-\ufe0f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+|[\x00-\x1f\x7f-\x9f]"
)


def duration(nanoseconds: int) -> str:
    """Three significant digits in the fitting unit: `820 ns`, `12.3 µs`, `1.20 s`, `4m 03s`, `1h 02m`, `3d 04h`."""
    for size, unit in _UNITS:
        if nanoseconds < 999.5 * size:
            return f"{nanoseconds} ns" if size == 1 else f"{_three_digits(nanoseconds / size)} {unit}"
    seconds = nanoseconds / _SECOND
    if seconds < 59.95:  # noqa: PLR2004 - rounds to 60.0
        return f"{_three_digits(seconds)} s"
    minutes, whole_seconds = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    days, hours_left = divmod(hours, 24)
    if days:
        return f"{days}d {hours_left:02}h"
    return f"{hours}h {minutes_left:02}m" if hours else f"{minutes}m {whole_seconds:02}s"


def _three_digits(number: float) -> str:
    if number < 9.995:  # noqa: PLR2004 - rounds to 10.0
        return f"{number:.2f}"
    return f"{number:.1f}" if number < 99.95 else f"{number:.0f}"  # noqa: PLR2004 - rounds to 100


def one_line(text: str, *, limit: int = _NAME_LIMIT) -> str:
    """At most `limit` characters of the text, on one line, with nothing in it that a terminal would obey.

    Line breaks and tabs become spaces; control characters, lone surrogates and unassigned code points `�`; invisible
    and direction-changing characters disappear.
    """
    shown = text[: limit + 1]
    if not shown.isprintable() or "\ufe0f" in shown:  # the emoji selector: terminals disagree about its width
        shown = "".join(
            character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"
            for character in _UNSAFE.sub(_harmless, shown)
        )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _harmless(match: re.Match[str]) -> str:
    found = match.group()
    if found.isspace():
        return " "
    return "\N{REPLACEMENT CHARACTER}" if found < "\xa0" else ""


def clip(text: str, cells: int) -> str:
    """The text cut to so many terminal cells, with an ellipsis where something is missing."""
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, cells - 1).rstrip() + "…" if cells > 1 else "…"[:cells]


def short_name(attribute: str) -> str | None:
    """What an attribute goes by on the console; `None` for those that say nothing to a reader here."""
    if attribute in _CLOSED_NAMES or attribute.startswith(_CLOSED_PREFIXES):
        return None
    short = _SHORT_NAMES.get(attribute)
    if short is not None:
        return short
    shown = attribute.removeprefix(semconv.TRAINING).removeprefix("ia.")
    return one_line(shown.removeprefix("gen_ai.").removeprefix("request."))


def value(content: object) -> str:
    """An attribute value or a log body on one line, bounded."""
    match content:
        case str():
            shown = one_line(content, limit=_VALUE_LIMIT)
            return f'"{shown}"' if not shown or " " in shown else shown
        case bool() | int() | float():
            return _number(content)
        case bytes():
            return f"{len(content):,} bytes"
        case Mapping():
            return f"{{{len(content)} items}}"
        case Sequence():
            shown_items = [value(item) for item in content[:_ITEMS_LIMIT]]
            more = len(content) - len(shown_items)
            return f"[{', '.join(shown_items)}{f', … {more:,} more' if more > 0 else ''}]"
    return type(content).__name__


def _number(number: float) -> str:
    if isinstance(number, bool):
        return str(number).lower()
    if isinstance(number, float):
        return f"{number:.4g}"
    return str(number) if number.bit_length() <= _INT_BITS else f"an int of {number.bit_length()} bits"


def attributes(given: Iterable[tuple[str, object]]) -> list[tuple[str, str]]:
    """Short names and shown values of the attributes that are shown: of a call of a model first what it cost."""
    left = dict(given)
    first = [(name, left.pop(name)) for name in _FIRST if name in left] if semconv.GEN_AI_INPUT_TOKENS in left else []
    out = left.pop(semconv.GEN_AI_OUTPUT_TOKENS, None) if first else None
    shown = [pair for name, content in (*first, *left.items()) if (pair := attribute(name, content)) is not None]
    if out is None:
        return shown
    return [(name, f"{text} → {value(out)}" if name == "tokens" else text) for name, text in shown]


def attribute(name: str, content: object) -> tuple[str, str] | None:
    """Short name and shown value of an attribute, `None` where it is not shown."""
    short = short_name(name)
    if short is None:
        return None
    if name in _SECONDS and isinstance(content, int | float) and 0 <= content < 10**9:
        return short, duration(round(content * _SECOND))
    return short, value(content)
