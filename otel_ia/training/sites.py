"""The call sites of loops: one for each place, name and set of attributes."""

import functools
from collections.abc import Mapping
from typing import NamedTuple

from otel_ia import values
from otel_ia.errors import SettingError
from otel_ia.recording.callsite import CallSite, LateCallSite
from otel_ia.recording.description import Description
from otel_ia.recording.places import Place
from otel_ia.recording.tallying import CurrentTally, current_tally

_NAME_LIMIT = 1_024


class Site(NamedTuple):
    """Opens calls that count, or spans alone, for what is counted by hand."""

    calls: CallSite
    spans: CallSite
    current: CurrentTally


def site_at(place: Place, name: str, attributes: Mapping[str, values.Value]) -> Site:
    """The call site of the loop or block of this name at this place."""
    # with the types, for 1 and True are the same key
    return _site(place, name, tuple((key, value, type(value)) for key, value in attributes.items()))


@functools.lru_cache(1_024)
def _site(place: Place, name: str, attributes: tuple[tuple[str, values.Value, type], ...]) -> Site:
    counting = Description(name, place, {key: value for key, value, _ in attributes}, None, None)
    return Site(LateCallSite(counting), LateCallSite(counting._replace(counts=False)), current_tally(counting))


def name_of(given: object, source: str) -> str:
    """The name of spans. Raises SettingError."""
    if not isinstance(given, str) or not given:
        raise SettingError(source=source, key="name", value=given, expected="a name")
    return values.text(given, _NAME_LIMIT)


def attributes_of(given: object, source: str) -> dict[str, values.Value]:
    """The attributes, made legal. Raises SettingError."""
    if given is not None and not isinstance(given, Mapping):
        raise SettingError(source=source, key="attributes", value=given, expected="a mapping of names to values")
    return values.attributes(given or {})
