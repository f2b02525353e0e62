"""Encodes attributes and looks for secrets in them in one step: 0.1 µs an attribute less than in two."""

from collections.abc import Mapping
from typing import Any

from otel_ia.delivery.wire.attributes import Place, encode_attributes, encode_known
from otel_ia.redaction import Redactor


class Scanning:
    """Attributes in one kind of place, whose keys are known there once the redactor has called them harmless."""

    __slots__ = ("_redactor", "clean", "is_clean", "place")

    def __init__(self, place: Place, redactor: Redactor) -> None:
        """The place is this one's alone."""
        self.place = place
        self._redactor = redactor
        self.clean = redactor.clean
        self.is_clean = redactor.is_clean

    def encode(self, attributes: Mapping[str, Any]) -> bytes | None:
        """The attributes, if nothing in them is a secret or has to be looked at more closely."""
        return encode_known(attributes, self.place, self.clean, self.is_clean)

    def is_harmless(self, attributes: Mapping[Any, Any]) -> bool:
        """Whether all of them are texts and numbers, under known keys, and hold no secret."""
        known, clean, is_clean = self.place.known, self.clean, self.is_clean
        try:
            for key, value in attributes.items():
                kind = type(value)
                if type(key) is not str or key not in known:  # by identity: a hash may be the user's code
                    return False
                if kind is str:
                    if value not in clean and not is_clean(value):
                        return False
                elif kind is not int and kind is not float and kind is not bool:
                    return False
        except RuntimeError:  # it changes
            return False
        return True

    def learn(self, attributes: Mapping[str, Any]) -> None:
        """From now on knows those of these keys that name no secret."""
        for key in list(attributes):
            if self._redactor.is_harmless(key):
                self.place.learn(key)


def encode_scanned(
    attributes: dict[str, Any], place: Place, redactor: Redactor | None, scan: Scanning | None
) -> tuple[bytes, Mapping[str, Any]]:
    """The same in two steps, for what one did not do: encoded, and as they are without secrets."""
    redacted = redactor.redact_attributes(attributes) if redactor is not None else attributes
    if scan is not None:
        scan.learn(attributes)
    return encode_attributes(redacted, place), redacted


def scanning(number: int, *, around: int, redactor: Redactor | None) -> Scanning | None:
    """What scans for this redactor; none where there is none, or where a callback has the last word on each value."""
    if redactor is None or redactor.is_asking:
        return None
    return Scanning(Place(number, around=around), redactor)
