"""The three places settings come from: arguments, environment, file. Each gives what it has, unread."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from otel_ia.configuration.files import NAMED_IN, SettingsFile
from otel_ia.configuration.parsing import Given, suggest
from otel_ia.configuration.settings import OPTIONS, PREFIX, Option
from otel_ia.errors import SettingError

_FOR_SCRIPTS = ("OTEL_IA_REQUIRE_BACKENDS", "OTEL_IA_BACKENDS")
_SERVICE_LINK = re.compile(  # what Kubernetes puts beside a service that somebody named "otel-ia"
    r"OTEL_IA_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


@dataclass(frozen=True, slots=True)
class Source:
    """What one source gives, by option."""

    given: Mapping[str, Given]

    def nearest(self, option: Option) -> Given | None:
        """This option, else the general one it follows."""
        return self.given.get(option.name) or self.given.get(option.general or "")


def from_arguments(arguments: Mapping[str, object], *, directory: Path | None) -> Source:
    """Arguments that are not None; an unknown name raises."""
    _check_known(arguments, source="argument", known=OPTIONS)
    return Source(
        {
            name: Given(name=name, value=value, source="argument", directory=directory, mask=OPTIONS[name].mask)
            for name, value in arguments.items()
            if value is not None
        }
    )


def from_environment(environ: Mapping[str, str], *, directory: Path | None) -> Source:
    """Variables that are set and not empty; an unknown name with our prefix raises."""
    options = {option.environment: option for option in OPTIONS.values() if option.environment is not None}
    known = {NAMED_IN, *_FOR_SCRIPTS, *options}
    ours = (name for name in environ if name.startswith(PREFIX) and environ[name].strip())
    names = [name for name in ours if not _SERVICE_LINK.fullmatch(name)]
    _check_known(names, source="environment", known=(name for name in known if name.startswith(PREFIX)), prefix=PREFIX)
    return Source(
        {
            option.name: Given(
                name=option.name,
                value=value,
                source=f"environment {variable}",
                spelled_out=True,
                directory=directory,
                mask=option.mask,
            )
            for variable, option in options.items()
            if (value := environ.get(variable, "")).strip()
        }
    )


def from_file(file: SettingsFile) -> Source:
    """All keys of a file; an unknown key raises, and so does one that a file nobody named may not set."""
    source = f"file {file.path}"
    for name, value in file.content.items():
        if name not in OPTIONS and isinstance(value, Mapping):
            raise SettingError(source=source, key=name, expected="a setting of otel_ia", hint=_flat(name, value))
    _check_known(file.content, source=source, known=OPTIONS)
    for name in file.content:
        if not (file.was_named or OPTIONS[name].may_be_found):
            hint = f"set {OPTIONS[name].environment}, or name the file in {NAMED_IN} to trust it"
            expected = "allowed in a file found from the working directory"
            raise SettingError(source=source, key=name, expected=expected, hint=hint)
    return Source(
        {
            name: Given(name=name, value=value, source=source, directory=file.path.parent, mask=OPTIONS[name].mask)
            for name, value in file.content.items()
        }
    )


def _check_known(names: Iterable[str], *, source: str, known: Iterable[str], prefix: str = "") -> None:
    """Raises for the first unknown name, without its value: a misspelt secret is one too."""
    known = sorted(known)
    for name in names:
        if name not in known:
            hint = _variable_of(name.removeprefix(prefix).lower()) if prefix else ""
            hint = hint or suggest(name, known, prefix=prefix)
            raise SettingError(source=source, key=name, expected="a setting of otel_ia", hint=hint)


def _flat(name: str, table: Mapping[str, object]) -> str:
    """How to write what stands in a table of a file."""
    for inner, value in table.items():
        if f"{name}_{inner}" in OPTIONS:
            return f"write {name}_{inner}"
        if inner in OPTIONS:
            return f"write {inner} without a table"
        if isinstance(value, Mapping):
            return _flat(inner, value)
    return ""


def _variable_of(name: str) -> str:
    """Where a setting of this name is set, or nothing."""
    if name not in OPTIONS:
        return ""
    variable = OPTIONS[name].environment
    return f"set {variable}" if variable is not None else f"{name} can only be an argument"
