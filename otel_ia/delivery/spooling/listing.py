"""What waits in a spool's directory, for the command line."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from otel_ia.delivery.spooling import directory as folder
from otel_ia.delivery.spooling.adopted import SpanKey, read_all
from otel_ia.delivery.spooling.age import youngest_age
from otel_ia.delivery.spooling.frames import DAMAGED, DELIVERED, KINDS, SPAN, START, parse_frames
from otel_ia.delivery.spooling.header import CHANGING_SIZE, acknowledged_offset, decode_header, is_followed
from otel_ia.delivery.spooling.holding import decisions, has_to_wait, undecided
from otel_ia.delivery.spooling.ownership import held_descriptor, hold, let_go, lock
from otel_ia.delivery.spooling.verdicts import Verdicts
from otel_ia.guard import guarded


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentInfo:
    """A segment and what of it waits. Kinds are named as in `frames.KINDS`; `age` is in seconds.

    `fingerprint` and `identity` are empty when the header is damaged beyond repair. `is_refused` marks what a server
    refused, kept for a person, `has_to_wait` a dead process's on whose traces another has yet to decide.
    """

    path: Path
    fingerprint: bytes
    identity: bytes
    process: int
    is_alive: bool
    is_refused: bool
    has_to_wait: bool
    age: float
    frames: Mapping[str, int]
    bytes_by_kind: Mapping[str, int]
    damaged: int
    size: int


def describe(directory: Path, *, span_key: SpanKey | None = None) -> list[SegmentInfo]:
    """What waits in the directory, the oldest first. Changes nothing. Raises OSError if it is not usable.

    With `span_key`, as for `recovery.scan`, START frames are counted only where the span is still open.
    """
    with folder.opened(directory) as opened:
        found = [
            _describe(opened, directory, entry, span_key)
            for entry in folder.entries(opened, folder.SEGMENT, folder.REFUSED)
        ]
    return [info for info in found if info is not None]


def _describe(opened: int, directory: Path, entry: folder.Entry, span_key: SpanKey | None) -> SegmentInfo | None:
    # Closing another descriptor of a file this process holds would drop its lock.
    held = held_descriptor(entry.key)
    if held is not None:
        return _read(directory, entry, read_all(held), span_key, is_alive=True) if held >= 0 else None
    if not hold(entry.key):
        return None
    descriptor = None
    try:
        descriptor = folder.open_file(opened, entry.name)
        if descriptor is None:
            return None
        return _read(directory, entry, read_all(descriptor), span_key, is_alive=not lock(descriptor))
    except OSError:
        return None
    finally:
        let_go(entry.key, descriptor)


def _read(
    directory: Path, entry: folder.Entry, data: bytes, span_key: SpanKey | None, *, is_alive: bool
) -> SegmentInfo:
    header = decode_header(data)
    frames: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    damaged = 0
    is_waiting = False
    if header is not None:
        done = acknowledged_offset(data[:CHANGING_SIZE])
        found = list(parse_frames(data, header.size, len(data)))
        is_waiting = not is_alive and has_to_wait(found, Verdicts(directory))
        found = undecided(found, decisions(found), seen=set(), begin=done)
        is_over = _is_over(data, found, span_key)
        for kind, payload, end in found:
            damaged += kind == DAMAGED
            if (kind == START and not is_over(payload)) or (kind in DELIVERED and end > done):
                frames[KINDS[kind]] += 1
                sizes[KINDS[kind]] += len(payload)
    return SegmentInfo(
        path=directory / entry.name,
        fingerprint=header.fingerprint if header is not None else b"",
        identity=header.identity if header is not None else b"",
        process=header.process if header is not None else 0,
        is_alive=is_alive,
        is_refused=entry.name.endswith(folder.REFUSED),
        has_to_wait=is_waiting,
        age=youngest_age(created=entry.created, changed=entry.changed, header=header, head=data[:CHANGING_SIZE]) or 0.0,
        frames=frames,
        bytes_by_kind=sizes,
        damaged=damaged,
        size=entry.size,
    )


def _is_over(data: bytes, found: list[tuple[int, bytes, int]], span_key: SpanKey | None) -> Callable[[bytes], bool]:
    """Tells of START payloads whether their span has ended, or is kept in a later segment."""
    if span_key is None:
        return lambda _payload: False
    if is_followed(data):
        return lambda _payload: True
    key_of = guarded(span_key)
    over = {key_of(payload) for kind, payload, _ in found if kind == SPAN} | {None}

    def is_over(payload: bytes) -> bool:
        key = key_of(payload)
        is_known = key in over
        over.add(key)  # announced again at the head of this segment, it is still one
        return is_known

    return is_over
