"""The README's table of options, made from the table of settings."""

from collections.abc import Mapping
from dataclasses import fields

from otel_ia.configuration.settings import OPTIONS, SIGNALS, Destination, Option


def render_option_table() -> str:
    """Markdown with one row per option; a signal's own options are told in one sentence below."""
    general = [field.name for field in fields(Destination)]
    own = {f"{signal}_{name}" for signal in SIGNALS for name in general}
    rows = [_row(option) for option in OPTIONS.values() if option.name not in own]
    example = OPTIONS[f"{SIGNALS[0]}_{general[0]}"]
    names = ", ".join(f"`{name}`" for name in general)
    signals = ", ".join(f"`{signal}_`" for signal in SIGNALS)
    per_signal = (
        f"{names} exist for one signal too, with {signals} before the name: `{example.name}`, "
        f"`{example.environment}`. That endpoint is used as it is."
    )
    return "\n".join(
        [
            "| Option | Environment | Default | Meaning |",
            "|---|---|---|---|",
            *rows,
            "",
            per_signal,
            "",
            "¹ Not in a file found from the working directory; in a file named in `OTEL_IA_CONFIG` it is taken.",
        ]
    )


def _row(option: Option) -> str:
    name = f"`{option.name}`" if option.may_be_found else f"`{option.name}` ¹"
    variable = f"`{option.environment}`" if option.environment is not None else "only as argument"
    return f"| {name} | {variable} | {_default(option.default)} | {option.doc} |"


def _spelled(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _default(value: object) -> str:
    if value is None or (isinstance(value, Mapping | tuple) and not value):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{','.join(_spelled(item) for item in value)}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
