"""`otel-ia config`: every setting, its value and where it came from, without secrets."""

import argparse
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from otel_ia.configuration.resolution import DEFAULT, Resolved, resolve
from otel_ia.configuration.settings import OPTIONS, SIGNALS, Destination, mask
from otel_ia.tools.lines import printable, say, wrapped


@dataclass(frozen=True, slots=True)
class Line:
    """One setting as it is shown; signals that agree share a line."""

    name: str
    value: object
    origin: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `otel-ia config`."""
    parser.add_argument("--json", action="store_true", help="print JSON, with one entry per setting and signal")


def run(arguments: argparse.Namespace) -> int:
    """What `otel-ia config` does with its parsed options; returns the exit status."""
    return show(as_json=arguments.json)


def show(
    *,
    as_json: bool = False,
    environ: Mapping[str, str] = os.environ,
    working_directory: Path | None = None,
) -> int:
    """Prints the settings that `configure()` would take here, and returns the exit status. Raises SettingError."""
    resolved = resolve({}, environ=environ, working_directory=working_directory)
    say(_as_json(resolved) if as_json else _as_text(resolved))
    return 0


def _as_json(resolved: Resolved) -> str:
    settings = {
        line.name: {"value": line.value, "source": line.origin, "environment": OPTIONS[line.name].environment}
        for line in _lines(resolved)
    }
    file = str(resolved.file) if resolved.file is not None else None
    # ASCII throughout: a path may hold bytes that no encoding takes
    return json.dumps({"file": file, "settings": settings}, indent=2, default=_plain)


def _as_text(resolved: Resolved) -> str:
    lines = list(_shared(list(_lines(resolved))))
    given = [line for line in lines if line.origin != DEFAULT.source]
    defaults = [line for line in lines if line.origin == DEFAULT.source]
    file = printable(str(resolved.file)) if resolved.file is not None else "none"
    printed = [*wrapped(f"Settings file: {file}"), ""]
    for line in given:
        printed += wrapped(_equation(line))
        printed += wrapped(f"    from {printable(line.origin)}")
    if given:
        printed.append("")
    printed.append("Defaults:")
    for line in defaults:
        printed += wrapped(_equation(line))
    return "\n".join(printed)


def _lines(resolved: Resolved) -> Iterator[Line]:
    inner = {field.name for field in fields(Destination)}
    for name, origin in resolved.origins.items():
        signal, _, rest = name.partition("_")
        is_inner = signal in SIGNALS and rest in inner
        holder: object = getattr(resolved.settings, signal) if is_inner else resolved.settings
        value = getattr(holder, rest if is_inner else name)
        yield Line(name, mask(OPTIONS[name].mask, value), origin.source)


def _shared(lines: list[Line]) -> Iterator[Line]:
    """The lines with one in place of three where all signals have the same value from the same origin."""
    named = {line.name: line for line in lines}
    for line in lines:
        general = OPTIONS[line.name].general
        same = [named.get(f"{signal}_{general}") for signal in SIGNALS]
        if line not in same or any(
            other is None or (other.value, other.origin) != (line.value, line.origin) for other in same
        ):
            yield line
        elif line is same[0]:
            yield Line(str(general), line.value, line.origin)


def _equation(line: Line) -> str:
    return f"{line.name} = {_spelled(line.value, empty='empty' if OPTIONS[line.name].default == () else 'none')}"


def _spelled(value: object, *, empty: str = "empty") -> str:
    """The value as the environment would spell it."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{printable(key)}={_spelled(item)}" for key, item in value.items()) or "empty"
    if isinstance(value, tuple):
        return ", ".join(map(_spelled, value)) or empty
    return printable(str(value))


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)
