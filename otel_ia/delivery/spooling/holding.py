"""What frames of held traces come to when their process is dead: what was decided is done with, the rest is kept.

A HELD frame is the span id of a local root, and a SPAN payload of what ended inside of it; a HELD_START frame the same
with a START payload. A DECISION frame is such an id, and how it was decided.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol, TypeAlias

from otel_ia.delivery.spooling.frames import DECISION, HELD, HELD_START, SPAN, START

DECIDED: Final = b"\0"
"""The root has ended: what was held is discarded, or stands in the spool of what is sent."""
MOVED: Final = b"\1"
"""What was held stands there, and the root was still open."""
KEY_SIZE: Final = 8
_PLAIN: Final = {HELD: SPAN, HELD_START: START}

Frame: TypeAlias = tuple[int, bytes, int]
"""Kind, payload and the offset behind it, as `parse_frames` gives them."""
Place: TypeAlias = tuple[int, int]
"""The number of a segment, and an offset in it."""


class Holding(Protocol):
    """Who knows which frames of a spool are needed: what lies before the first of them is done with."""

    size: int
    """Bytes of them."""

    def oldest_place(self) -> Place | None:
        """Where the first one stands; None when there is none."""
        ...

    def bring_forward(self, segment: int) -> None:
        """Writes down again those that stand in this segment or an earlier one."""
        ...


def has_held(frames: Iterable[Frame]) -> bool:
    """Whether any of them is of a held trace."""
    return any(kind in _PLAIN for kind, _, _ in frames)


def decisions(frames: Iterable[Frame]) -> dict[bytes, bytes]:
    """How each trace was decided, as it was said first."""
    found: dict[bytes, bytes] = {}
    for kind, payload, _ in frames:
        if kind == DECISION:
            found.setdefault(payload[:KEY_SIZE], payload[KEY_SIZE:])
    return found


def undecided(frames: Iterable[Frame], known: Mapping[bytes, bytes]) -> list[Frame]:
    """The frames without those of traces that were decided; held ones as what they hold."""
    found: list[Frame] = []
    for kind, payload, end in frames:
        plain = _PLAIN.get(kind)
        if plain is None:
            found.append((kind, payload, end))
        elif (how := known.get(payload[:KEY_SIZE])) is None or (kind == HELD_START and how == MOVED):
            found.append((plain, payload[KEY_SIZE:], end))
    return found
