"""Settings that are mappings: resource attributes and headers, as tables or as `key=value` pairs."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from urllib.parse import unquote

from otel_ia.configuration.numbers import log_level, ratio
from otel_ia.configuration.parsing import Given, refuse
from otel_ia.semconv import SERVICE_NAME

AttributeValue = str | bool | int | float | Sequence[str] | Sequence[bool] | Sequence[int] | Sequence[float]

_PAIRS = "a mapping, or key=value pairs with commas between, percent-encoded"
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+")  # a token of RFC 9110, section 5.6.2, in lower case
_HEADER_VALUE = re.compile(r"[ -~]*")  # printable ASCII: a line break would start a header of its own
_DEEPEST = 16


def headers(given: Given) -> Mapping[str, str]:
    """Headers by lower-case name. As text: the form of W3C baggage, as OTEL_EXPORTER_OTLP_HEADERS has it."""
    read: dict[str, str] = {}
    for key, value in _pairs(given):
        name = key.strip().lower()
        if not _HEADER_NAME.fullmatch(name):
            raise refuse(given, "headers with plain names")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value.strip()):
            raise refuse(given, f"headers of printable ASCII, as far as {name} is concerned")
        read[name] = value.strip()
    return MappingProxyType(read)


def resource_attributes(given: Given) -> Mapping[str, AttributeValue]:
    """Attributes by full name; a table inside a table, as TOML makes of a dotted key, becomes one dotted name."""
    read: dict[str, AttributeValue] = {}
    for key, value in _flattened(given, _pairs(given)):
        if not key or not _is_encodable(key):
            raise refuse(given, "attributes with a name in UTF-8")
        if key == SERVICE_NAME and not (isinstance(value, str) and value.strip()):
            raise refuse(given, f"usable: {SERVICE_NAME} has to be text")
        if (attribute := _attribute(value)) is None:
            raise refuse(given, f"usable: {key} has to be text, a boolean, a number of 64 bits or a list of one kind")
        read[key] = attribute
    return MappingProxyType(read)


def log_levels(given: Given) -> Mapping[str, int]:
    """Levels by the name of a logger; a table inside a table, as TOML makes of a dotted key, is a dotted name."""
    read: dict[str, int] = {}
    for key, value in _flattened(given, _pairs(given)):
        name = key.strip()
        if not name:
            raise refuse(given, "loggers with a name; `log_level` is that of all")
        read[name] = log_level(replace(given, value=value, name=f"{given.name}[{name}]"))
    return MappingProxyType(read)


def sampling_rules(given: Given) -> Mapping[str, float]:
    """Shares by what they are for, `name@key=value` with patterns for name and values; in the order given.

    As text `predict*@ia.model.name=tiny*=0.1`: what stands behind the last `=` is the share.
    """
    read: dict[str, float] = {}
    for key, value in _flattened(given, _pairs(given, is_value_last=True)):
        name, *attributes = key.strip().split("@")
        if not (name or attributes) or not all(part.partition("=")[0].strip() and "=" in part for part in attributes):
            raise refuse(given, "rules such as `GET /health*` or `predict@ia.model.name=tiny*`, each with its share")
        is_text = given.spelled_out or isinstance(given.value, str)
        one = replace(given, value=value, name=f"{given.name}[{key.strip()}]", spelled_out=is_text)
        read[key.strip()] = ratio(one)
    return MappingProxyType(read)


def mask_headers(value: object) -> object:
    """The same names without the values; text is hidden altogether."""
    return dict.fromkeys(map(str, value), "***") if isinstance(value, Mapping) else "***"


def _pairs(given: Given, *, is_value_last: bool = False) -> Iterator[tuple[str, object]]:
    if isinstance(given.value, Mapping):
        for key, value in given.value.items():
            if not isinstance(key, str):
                raise refuse(given, _PAIRS)
            yield key, value
    elif isinstance(given.value, str):
        for item in filter(str.strip, given.value.split(",")):
            key, equals, value = item.rpartition("=") if is_value_last else item.partition("=")
            if not equals or not key.strip():
                raise refuse(given, _PAIRS)
            yield _decoded(given, key), _decoded(given, value)
    else:
        raise refuse(given, _PAIRS)


def _decoded(given: Given, part: str) -> str:
    try:
        part.encode()
        return unquote(part.strip(), errors="strict").strip()
    except UnicodeError:
        raise refuse(given, "percent-encoded UTF-8") from None


def _flattened(given: Given, pairs: Iterator[tuple[str, object]], *, depth: int = 0) -> Iterator[tuple[str, object]]:
    for key, value in pairs:
        if isinstance(value, Mapping):
            if depth == _DEEPEST:
                raise refuse(given, "shallow enough")
            inner = ((f"{key}.{name}", below) for name, below in value.items())
            yield from _flattened(given, inner, depth=depth + 1)
        else:
            yield key, value


def _attribute(value: object) -> AttributeValue | None:
    """The value in a form OTLP can carry, or None."""
    if isinstance(value, list | tuple):
        for kind in (str, bool, int, float):
            if all(isinstance(item, kind) and isinstance(item, bool) is (kind is bool) for item in value):
                return tuple(value) if all(_is_carried(item) for item in value) else None
        return None
    return value if isinstance(value, str | bool | int | float) and _is_carried(value) else None


def _is_carried(value: object) -> bool:
    if isinstance(value, str):
        return _is_encodable(value)
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and -(2**63) <= value < 2**63


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
