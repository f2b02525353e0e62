"""What frames of held traces come to when their process is dead: what was decided is done with, the rest is kept.

A HELD frame is the span id of a local root and a span that ended inside of it, see `held_frame`; a HELD_START frame
such an id and a START payload. A DECISION frame is such an id, and how it was decided; a SHARED frame such an id,
whether the process decided on the trace for others, waited for one that does or was still at it, and the trace's id.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

from otel_ia.delivery.spooling.frames import DECISION, HELD, HELD_START, SHARED, SPAN, START
from otel_ia.delivery.spooling.verdicts import Verdict, Verdicts

DECIDED: Final = b"\0"
"""The root has ended: what was held is discarded, or stands in the spool of what is sent."""
MOVED: Final = b"\1"
"""What was held stands there, and the root was still open."""
DECIDES: Final = b"\0"
"""The process decides on the trace for others that have a part in it."""
WAITS: Final = b"\1"
"""The root has ended, and another process decides."""
TAKES_PART: Final = b"\2"
"""Another process decides, and the root has not ended."""
KEY_SIZE: Final = 8
_LENGTH_SIZE: Final = 4
_ARE_HELD: Final = frozenset({HELD, HELD_START, SHARED})

Frame: TypeAlias = tuple[int, bytes, int]
"""Kind, payload and the offset behind it, as `parse_frames` gives them."""
Encode: TypeAlias = Callable[[bytes], bytes | None]
"""Makes what a SPAN payload goes on with of what a HELD frame has in its place."""
Place: TypeAlias = tuple[int, int]
"""The number of a segment, and an offset in it."""


class Holding(Protocol):
    """Who knows which frames of a spool are needed: what lies before the first of them is done with."""

    size: int
    """Bytes of them."""
    here: Place
    """Told now and then: what is written from now on stands behind that."""

    @property
    def pause(self) -> float | None:
        """Seconds until `look` is to be called again, for it waits for other processes; None when it does not."""
        ...

    def look(self) -> None:
        """Looks at what they have decided."""
        ...

    def oldest_place(self) -> Place | None:
        """Where the first one stands; None when there is none."""
        ...

    def bring_forward(self, segment: int) -> None:
        """Writes down again those that stand in this segment or an earlier one."""
        ...


def held_frame(key: bytes, payload: bytes, raw: bytes = b"") -> bytes:
    """The payload of a HELD frame: the key, the length of a SPAN payload (4 bytes), that, and what is not encoded."""
    return b"".join((key, len(payload).to_bytes(_LENGTH_SIZE, "little"), payload, raw))


def split_held(frame: bytes) -> tuple[bytes, bytes]:
    """The SPAN payload in a HELD frame, and what is not encoded of it."""
    begin = KEY_SIZE + _LENGTH_SIZE
    end = begin + int.from_bytes(frame[KEY_SIZE:begin], "little")
    return frame[begin:end], frame[end:]


def has_held(frames: Iterable[Frame]) -> bool:
    """Whether any of them is of a held trace."""
    return any(kind in _ARE_HELD for kind, _, _ in frames)


def settle(frames: Sequence[Frame], verdicts: Verdicts) -> dict[bytes, bytes]:
    """How each trace in these frames of a dead process, all that there are, was decided: by itself or by others."""
    known = decisions(frames)
    for key, (role, trace_id) in _shared(frames, known).items():
        if role == WAITS and verdicts.find(trace_id) is Verdict.DISCARDED:
            known[key] = DECIDED
    return known


def has_to_wait(frames: Sequence[Frame], verdicts: Verdicts) -> bool:
    """Whether others have yet to decide on one of these traces."""
    shared = _shared(frames, decisions(frames)).values()
    return any(role == WAITS and verdicts.find(trace_id) is Verdict.OPEN for role, trace_id in shared)


def tell_of_death(frames: Sequence[Frame], verdicts: Verdicts) -> bool:
    """Has others keep the traces that it interrupted, or tells them that they are kept; whether there are any."""
    has_told = False
    for role, trace_id in _shared(frames, decisions(frames)).values():
        if role == DECIDES:
            verdicts.keep(trace_id)
        elif role == TAKES_PART:
            verdicts.wish(trace_id)
        has_told |= role != WAITS
    return has_told


def _shared(frames: Iterable[Frame], known: Mapping[bytes, bytes]) -> dict[bytes, tuple[bytes, bytes]]:
    """Role and id of the traces that others have a part in and the process has not decided on, as was said last."""
    return {
        key: (payload[KEY_SIZE : KEY_SIZE + 1], payload[KEY_SIZE + 1 :])
        for kind, payload, _ in frames
        if kind == SHARED and (key := payload[:KEY_SIZE]) not in known
    }


def decisions(frames: Iterable[Frame]) -> dict[bytes, bytes]:
    """How each trace was decided, as it was said first."""
    found: dict[bytes, bytes] = {}
    for kind, payload, _ in frames:
        if kind == DECISION:
            found.setdefault(payload[:KEY_SIZE], payload[KEY_SIZE:])
    return found


def undecided(
    frames: Iterable[Frame],
    known: Mapping[bytes, bytes],
    encode: Encode | None = None,
    *,
    seen: set[bytes],
    begin: int = 0,
) -> list[Frame]:
    """The frames without those of traces that were decided; held ones as what they hold.

    One that was brought forward stands there twice, if its process died before the first was done with, as all is that
    ends before `begin`. In `seen` are those that came before, in any segment of the process.
    """
    found: list[Frame] = []
    for kind, payload, end in frames:
        how = known.get(payload[:KEY_SIZE])
        if kind == HELD:
            if how is None and (end <= begin or payload not in seen):
                if end > begin:
                    seen.add(payload)
                encoded, raw = split_held(payload)
                rest = encode(raw) if raw and encode is not None else None
                found.append((SPAN, encoded + rest if rest else encoded, end))
        elif kind == HELD_START:
            if how is None or how == MOVED:
                found.append((START, payload[KEY_SIZE:], end))
        else:
            found.append((kind, payload, end))
    return found
