"""What was captured of an argument or result in one piece: `images=float32(32, 64)`, `labels=list[3]`, `k=5`."""

from collections.abc import Iterable
from typing import Final

from otel_ia import semconv
from otel_ia.console import words

_PREFIXES: Final = (f"{semconv.ARGUMENT}.", f"{semconv.RESULT}.")
_PARTS: Final = frozenset(
    "type shape dtype device bytes length columns fields value nan inf min mean max".split()  # noqa: SIM905 - a line
)
_HOSTS: Final = ("", "cpu", "CPU")


def shown(attributes: Iterable[tuple[str, object]]) -> list[tuple[str, str]]:
    """Short names and shown values of the attributes, those of one argument together."""
    attributes = list(attributes)
    if not any(name.startswith(_PREFIXES) for name, _ in attributes):
        return words.attributes(attributes)
    found: dict[str, str | dict[str, object]] = {}
    for name, content in attributes:
        subject, part = _split(name)
        if part:
            parts = found.setdefault(subject, {})
            if isinstance(parts, dict):
                parts[part] = content
        elif (pair := words.attribute(name.removeprefix(_PREFIXES[0]), content)) is not None:
            found[pair[0]] = pair[1]
    return [(name, told if isinstance(told, str) else _brief(told)) for name, told in found.items()]


def _split(name: str) -> tuple[str, str]:
    """The argument's name and the part that the attribute tells of it; without a part what was not captured."""
    if not name.startswith(_PREFIXES):
        return "", ""
    subject, _, part = name.removeprefix(_PREFIXES[0]).removeprefix("ia.").rpartition(".")
    return (words.one_line(subject), part) if part in _PARTS else ("", "")


def _brief(parts: dict[str, object]) -> str:
    if "value" in parts:
        return words.value(parts["value"])
    said = {name: words.one_line(str(content)) for name, content in parts.items()}
    brief = said.get("dtype") or said.get("type", "").rpartition(".")[2]
    brief += said.get("shape", "") or (f"[{said['length']}]" if "length" in said else "")
    device = said.get("device", "")
    if device.partition(":")[0] not in _HOSTS:
        brief += f" {device}"
    if "min" in parts and "max" in parts:
        brief += f" {words.value(parts['min'])}…{words.value(parts['max'])}"
    return brief + "".join(f" {parts[name]} {name}" for name in ("nan", "inf") if parts.get(name))
