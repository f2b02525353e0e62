"""The events of a span: kept as they were given, and mostly encoded at once."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from opentelemetry.sdk import trace as sdk_trace

from otel_ia.delivery.wire.attributes import EVENT, encode_known
from otel_ia.delivery.wire.primitives import count
from otel_ia.delivery.wire.spans import encode_event_name, join_event
from otel_ia.redaction import Redactor
from otel_ia.sdk.scanning import Scanning, encode_scanned, scanning

Noted: TypeAlias = tuple[str, int, dict[str, Any], int, bytes | None]
"""An event's name, time (ns since 1970) and attributes, how many of these were dropped, and the field of a Span message
that all of it is, where it was encoded at once. An object for each would cost 150 ns, and hardly ever does anyone ask.
"""

RAW: Final = b""
"""In the place of that field: plain, without secrets, and to be encoded when it is kept."""
_KNOWN_NAMES: Final = 1_024
_KNOWN_NAME_LENGTH: Final = 256


class Event(sdk_trace.Event):
    """An event whose attributes were cleaned and bounded before."""

    __slots__ = ("dropped_attributes", "kept", "name", "timestamp")

    # In the place of the SDK's properties.
    name: str
    timestamp: int
    dropped_attributes: int
    kept: dict[str, Any]

    def __init__(self, noted: Noted) -> None:
        self.name, self.timestamp, self.kept, self.dropped_attributes, _ = noted

    @property
    def attributes(self) -> Mapping[str, Any]:
        return MappingProxyType(self.kept)


class EventScanning:
    """Encodes events and looks for secrets in them, in one step once their names and keys are known to be harmless."""

    __slots__ = ("_redactor", "names", "scan")

    def __init__(self, scan: Scanning, redactor: Redactor) -> None:
        self.scan: Final = scan
        self._redactor: Final = redactor
        self.names: dict[str, bytes] = {}

    def encode(self, name: object, timestamp: int, attributes: dict[Any, Any]) -> bytes | None:
        """The event, if nothing in it is a secret or has to be looked at more closely."""
        named = self.names.get(name) if type(name) is str else None
        if named is None:
            return None
        for key in attributes:
            if type(key) is not str:  # to look for it may run its `__hash__`
                return None
        scan = self.scan
        encoded = encode_known(attributes, scan.place, scan.clean, scan.is_clean)  # without a call in between
        return join_event(named, timestamp, encoded) if encoded is not None else None

    def learn(self, name: object, attributes: Mapping[str, Any]) -> None:
        """From now on knows the name and those of the keys that the redactor has called harmless."""
        if type(name) is str and len(name) <= _KNOWN_NAME_LENGTH and name in self._redactor.clean:
            if len(self.names) >= _KNOWN_NAMES:
                self.names.clear()
            self.names[name] = encode_event_name(name)
        self.scan.learn(attributes)


def encode_noted(noted: Noted, redactor: Redactor | None, scan: EventScanning | None) -> bytes:
    """The event as a field of a Span message, without its secrets."""
    name, timestamp, attributes, dropped, encoded = noted
    if encoded:
        return encoded
    shown = name if redactor is None else redactor.redact_name(name)
    fields, _ = encode_scanned(attributes, EVENT, redactor, None)
    if scan is not None:
        scan.learn(name, attributes)
    return join_event(encode_event_name(shown), timestamp, fields + count(b"\x20", dropped))


def scanning_events(redactor: Redactor | None) -> EventScanning | None:
    """What scans events for this redactor; none where `scanning` has none."""
    scan = scanning(3, around=6, redactor=redactor)
    return EventScanning(scan, redactor) if scan is not None and redactor is not None else None
