"""Names and values as Prometheus wants them: those of the Collector's `prometheus` exporter, for dashboards serve both.

They are made by the rules of https://github.com/prometheus/otlptranslator 1.0 for `UnderscoreEscapingWithSuffixes`.
Where the Collector drops a metric for a name, it is changed here until it is legal. Colons, which OpenTelemetry's
instruments cannot have and Prometheus keeps for its rules, become underscores.
"""

import json
import math
import re
from decimal import Decimal
from typing import Final, Literal

Kind = Literal["counter", "up_down", "gauge", "histogram"]

_UNITS: Final = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "TiBy": "tibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "1": "",
    "%": "percent",
}
_PER: Final = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}
_NOT_IN_A_NAME: Final = re.compile(r"[^a-zA-Z0-9]+")
_NOT_IN_A_UNIT: Final = re.compile(r"[^a-zA-Z0-9]")
_NOT_IN_A_LABEL: Final = re.compile(r"[^a-zA-Z0-9]")
_MANY: Final = re.compile("__+")
_LEAST: Final = 1e-6
_MOST: Final = 1e21
"""Between them the Collector writes numbers without an exponent."""


def metric_name(name: str, unit: str, kind: Kind) -> str:
    """The name with what its unit and kind add, such as `app_tokens_total`; empty where nothing is left of it."""
    words = [word for word in _NOT_IN_A_NAME.split(name) if word]
    main, per = _unit_words(unit)
    per = "" if per in words else per
    if main not in words:
        words.append(main.removesuffix("_") if per else main)
    words = [word for word in (*words, per) if word]
    if kind == "counter":
        words = [*(word for word in words if word != "total"), "total"]
    if kind == "gauge" and unit == "1":
        words = [*(word for word in words if word != "ratio"), "ratio"]
    made = "_".join(words)
    return f"_{made}" if made[:1].isdigit() else made


def _unit_words(unit: str) -> tuple[str, str]:
    """What is appended for `By` and for `/s`; nothing for what stands in braces."""
    main, _, per = (part.strip() for part in unit.partition("/"))
    main = "" if "{" in main or "}" in main else _UNITS.get(main, main)
    per = "" if "{" in per or "}" in per else _PER.get(per, per)
    per = _clean(f"per_{per}").removesuffix("_") if per else ""
    return _clean(main), per if per != "per" else ""


def _clean(unit: str) -> str:
    return _MANY.sub("_", _NOT_IN_A_UNIT.sub("_", unit)).removeprefix("_")


def label_name(key: str) -> str:
    """The attribute's key as a label's name, never one of those that Prometheus keeps to itself."""
    name = _NOT_IN_A_LABEL.sub("_", key)
    if not name.strip("_"):
        return "key_"
    if name[0].isdigit():
        return f"key_{name}"
    return f"_{name.lstrip('_')}" if name.startswith("__") else name


def label_value(value: object) -> str:
    """An attribute's value as text that can be encoded; what is no text, as the Collector writes it."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _plain(value)
    if isinstance(value, list | tuple):
        return text(json.dumps(list(value), ensure_ascii=False, separators=(",", ":")))
    return text(str(value))


def _plain(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if value == 0 or _LEAST <= abs(value) < _MOST:
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    return repr(value)


def text(value: str) -> str:
    """The text without halves of characters, for one of which a whole scrape could not be encoded."""
    return value.encode("utf-8", "replace").decode()
