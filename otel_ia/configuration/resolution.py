"""Which source wins: arguments over environment over file over default, for each option by itself."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from otel_ia.configuration.endpoints import (
    check_grpc_headers,
    default_endpoint,
    insecure_by_scheme,
    signal_endpoint,
)
from otel_ia.configuration.files import read_settings_file
from otel_ia.configuration.mappings import resource_attributes
from otel_ia.configuration.parsing import Given, refuse
from otel_ia.configuration.settings import OPTIONS, SIGNALS, Destination, Settings
from otel_ia.configuration.sources import Source, from_arguments, from_environment, from_file
from otel_ia.semconv import SERVICE_NAME


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: "argument", "environment OTEL_SERVICE_NAME", "file /x/otel-ia.toml" or "default"."""

    source: str

    def __str__(self) -> str:
        return self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Settings with the origin of each.

    `origins` has a key for each field of `Settings`, and in place of `traces`, `logs` and `metrics` one for each field
    of theirs, such as `traces_endpoint`. `file` is the file that was read.
    """

    settings: Settings
    origins: Mapping[str, Origin]
    file: Path | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that was read, and what it was read from; None for the default."""

    value: Any
    given: Given | None
    origin: Origin


DEFAULT = Origin("default")
_OWN = tuple(field.name for field in fields(Settings) if field.name not in SIGNALS)
_GENERAL = tuple(field.name for field in fields(Destination))


def resolve(
    arguments: Mapping[str, object],
    *,
    environ: Mapping[str, str] = os.environ,
    working_directory: Path | None = None,
) -> Resolved:
    """The settings of arguments, environment and file, the stronger source first; `SettingError` for a wrong one.

    A signal's own option, such as `traces_timeout`, is stronger than the general `timeout` of the same source, and
    weaker than the general one of a stronger source. So are the limits of spans, events and links and the general
    limits. Resource attributes are merged key by key; everything else is taken whole. A value that a stronger source
    overrules is not looked at, so that it can be overruled when it is wrong. An argument that is None and an empty
    variable are not given. `working_directory` is where the search for a file and relative paths start, by default the
    process's; relative paths in a file start at the file.
    """
    directory = working_directory.absolute() if working_directory is not None else _current_directory()
    sources = [from_arguments(arguments, directory=directory), from_environment(environ, directory=directory)]
    file = read_settings_file(environ, working_directory=directory)
    if file is not None:
        sources.append(from_file(file))
    choices = {name: _choose(name, sources) for name in OPTIONS if name not in _GENERAL}
    choices |= _describe_service(choices["service_name"], sources)
    _check_sampler_arg(choices["sampler"], choices["sampler_arg"])
    _check_durability(choices["durability"], choices["spool"])
    _check_rotation(choices["log_file_size"], choices["log_file_period"])
    for signal in SIGNALS:
        choices |= _settle_destination(signal, choices)
    values: dict[str, Any] = {name: choices[name].value for name in OPTIONS if name in _OWN}
    for signal in SIGNALS:
        values[signal] = Destination(**{name: choices[f"{signal}_{name}"].value for name in _GENERAL})
    return Resolved(
        settings=Settings(**values),
        origins=MappingProxyType({name: choice.origin for name, choice in choices.items()}),
        file=file.path if file is not None else None,
    )


def _choose(name: str, sources: Sequence[Source]) -> Choice:
    option = OPTIONS[name]
    for source in sources:
        if (given := source.nearest(option)) is not None:
            return Choice(option.parse(given), given, Origin(given.source))
    return Choice(option.default, None, DEFAULT)


def _describe_service(service_name: Choice, sources: Sequence[Source]) -> dict[str, Choice]:
    """All attributes without `service.name`, which becomes the service's name where no source sets `service_name`."""
    attributes: dict[str, Any] = {}
    origins: list[str] = []
    for source in sources:
        if (given := source.given.get("resource_attributes")) is None:
            continue
        read = resource_attributes(given)
        if service_name.origin == DEFAULT and SERVICE_NAME in read:
            service_name = Choice(read[SERVICE_NAME], given, Origin(given.source))
        attributes = {**read, **attributes}
        origins.append(given.source)
    attributes.pop(SERVICE_NAME, None)
    origin = Origin(", ".join(origins)) if origins else DEFAULT
    described = Choice(MappingProxyType(attributes), None, origin)
    return {"service_name": service_name, "resource_attributes": described}


def _check_sampler_arg(sampler: Choice, sampler_arg: Choice) -> None:
    """OpenTelemetry ignores OTEL_TRACES_SAMPLER_ARG without a sampler; said in code or a file it is a mistake."""
    given = sampler_arg.given
    if given is not None and not given.spelled_out and sampler.given is None:
        raise refuse(given, "usable without a sampler", hint="set sampler to traceidratio or parentbased_traceidratio")


def _check_durability(durability: Choice, spool: Choice) -> None:
    if durability.given is not None and durability.value == "disk" and spool.value is False:
        raise refuse(durability.given, "usable where spool is false", hint="memory outlives no power cut")


def _check_rotation(size: Choice, period: Choice) -> None:
    """A log file is set aside by size or by period; with both said, one would be ignored."""
    if size.given is not None and period.given is not None and size.value:
        raise refuse(size.given, "used without log_file_period")


def _settle_destination(signal: str, choices: Mapping[str, Choice]) -> dict[str, Choice]:
    """The choices of a signal that depend on each other: what its endpoint becomes, and whether there is TLS."""
    taken = {name: choices[f"{signal}_{name}"] for name in _GENERAL}
    endpoint, headers = taken["endpoint"], taken["headers"]
    protocol = taken["protocol"].value
    exporter = choices.get(f"{signal}_exporter", Choice(None, None, DEFAULT)).value
    address = None
    if endpoint.given is not None:
        address = signal_endpoint(endpoint.given, endpoint.value, signal=signal, protocol=protocol)
    elif exporter is not None and "otlp" in exporter:
        address = default_endpoint(signal=signal, protocol=protocol)
    insecure = insecure_by_scheme(address)
    settled = {f"{signal}_endpoint": replace(endpoint, value=address)}
    if insecure is not None:
        settled[f"{signal}_insecure"] = Choice(insecure, None, endpoint.origin)
    if protocol == "grpc" and headers.given is not None:
        check_grpc_headers(headers.given, headers.value)
    _check_client_files(taken["client_key"].given, taken["client_certificate"].given, protocol=protocol)
    return settled


def _check_client_files(key: Given | None, certificate: Given | None, *, protocol: str) -> None:
    if key is not None and certificate is None:
        raise refuse(key, "usable without client_certificate")
    if certificate is not None and key is None and protocol == "grpc":
        raise refuse(certificate, "usable with gRPC without client_key")


def _current_directory() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it was deleted
        return None
