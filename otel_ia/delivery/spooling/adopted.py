"""A segment that a dead process left behind, read by another."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from otel_ia.delivery.spooling import directory as folder
from otel_ia.delivery.spooling.age import date_now, youngest_age
from otel_ia.delivery.spooling.batch import Batch
from otel_ia.delivery.spooling.counters import Counters
from otel_ia.delivery.spooling.frames import DAMAGED, DELIVERED, DROPPED, SCOPE, SPAN, START, encode_frame, parse_frames
from otel_ia.delivery.spooling.header import (
    ACKNOWLEDGED_AT,
    CHANGING_SIZE,
    READ_AHEAD,
    Header,
    acknowledged_offset,
    decode_header,
    encode_number,
    is_followed,
    last_seen,
    nobodys_header,
)
from otel_ia.delivery.spooling.holding import Encode, has_held, has_to_wait, settle, tell_of_death, undecided
from otel_ia.delivery.spooling.ownership import FileKey, file_key, hold, let_go, lock, note_descriptor
from otel_ia.delivery.spooling.refused import keep_refused
from otel_ia.delivery.spooling.verdicts import Verdicts
from otel_ia.guard import guarded

SpanKey = Callable[[bytes], bytes]
TimeOf = Callable[[int, bytes], int | None]
_LOOK_BACK: Final = 64
_TIMED: Final = DELIVERED | {START}


def adopt(opened: int, directory: Path, entry: folder.Entry, *, fingerprint: bytes | None) -> "Adopted | None":
    """The file, if it is a segment of this destination (None: of any or none) and its process is dead: locked from now.

    Never waits. The lock decides. The id of its process does not: it may be another's by now, or of another container.
    """
    if not hold(entry.key):
        return None
    descriptor = folder.open_file(opened, entry.name)
    adopted = None
    try:
        if descriptor is None or file_key(os.fstat(descriptor)) != entry.key:
            return None
        note_descriptor(entry.key, descriptor)
        header = read_header(descriptor)
        if fingerprint is not None and (header is None or header.fingerprint != fingerprint):
            return None
        if lock(descriptor) and _is_still_there(opened, entry, descriptor):
            # one that is being made may have had none before it was locked
            header = header or read_header(descriptor) or nobodys_header(created=entry.created, sequence=entry.sequence)
            known = _age(entry, header, descriptor)
            adopted = Adopted(
                path=directory / entry.name, header=header, descriptor=descriptor, key=entry.key, age=known
            )
        return adopted
    finally:
        if adopted is None:
            let_go(entry.key, descriptor)


def read_header(descriptor: int) -> Header | None:
    """The header of an open segment, or None when it is damaged beyond repair."""
    header = decode_header(os.pread(descriptor, READ_AHEAD, 0))
    if header is None and os.fstat(descriptor).st_size > READ_AHEAD:
        header = decode_header(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
    return header


def read_all(descriptor: int) -> bytes:
    """The content of an open file. It is read, not mapped: a file cut short under a mapping is a SIGBUS."""
    size = os.fstat(descriptor).st_size
    parts = []
    at = 0
    while at < size and (part := os.pread(descriptor, size - at, at)):
        parts.append(part)
        at += len(part)
    return b"".join(parts)


def _age(entry: folder.Entry, header: Header, descriptor: int) -> float:
    head, changed = os.pread(descriptor, CHANGING_SIZE, 0), os.fstat(descriptor).st_mtime_ns
    known = youngest_age(created=entry.created, changed=changed, header=header, head=head)
    if known is None:
        date_now(descriptor)
    return known or 0.0


def _is_still_there(opened: int, entry: folder.Entry, descriptor: int) -> bool:
    """Its last owner may have removed it, delivered, between our opening and locking it."""
    try:
        named = os.stat(entry.name, dir_fd=opened, follow_symlinks=False)
    except OSError:
        return False
    return file_key(named) == entry.key and os.fstat(descriptor).st_nlink == 1


class Adopted:
    """The frames of a dead process, then the spans that were open when it died.

    It is read into memory at the first `read`, and leaves the disk when all of it is acknowledged.
    """

    def __init__(self, *, path: Path, header: Header, descriptor: int, key: FileKey, age: float) -> None:
        self.path = path
        self.header = header
        self.key = key
        self.is_closed = False
        self.span_key: SpanKey | None = None
        self.time_of: TimeOf | None = None
        self.encode: Encode | None = None
        self.counters = Counters()
        self.known: set[bytes] = set()
        self.settled: dict[bytes, bytes] = {}
        """How held traces were decided, of all of the same process: what says so may be removed before the last."""
        self.seen: set[bytes] = set()
        """Their held frames, of all of the same process, as far as they are undecided."""
        self.siblings: list[Adopted] = [self]
        """All of the same process that were found with it."""
        self.waits_for_others = True
        """Whether traces that living processes have yet to decide on are left to them."""
        self.is_postponed = False
        """Whether it was closed because living processes have yet to decide on traces in it."""
        self.has_told = False
        """Whether living processes were told what is to become of traces that it was to decide on."""
        self.lease = threading.Lock()
        """Who delivers from it or gives it up has it; nobody waits for it."""
        self._descriptor = descriptor
        self._writing = threading.Lock()
        self._age = age
        self._adopted_at = time.monotonic()
        self._items: list[tuple[int, bytes, int]] | None = None
        self._scopes: tuple[bytes, ...] = ()
        self._last_seen = 0
        self._next = 0

    @property
    def age(self) -> float:
        """The seconds since its own process wrote to it. While it is held here, no clock counts that is set."""
        return self._age + time.monotonic() - self._adopted_at

    def read(self, limit_bytes: int, limit_frames: int) -> Batch | None:
        """The next frames, or None when all are acknowledged and the file is gone, or cannot be read."""
        try:
            items = self._load()
        except OSError:
            self.close()
            return None
        if self._next == len(items):
            self.remove()
            return None
        stop, size = self._next, 0
        while stop < len(items) and stop - self._next < limit_frames and (stop == self._next or size < limit_bytes):
            size += len(items[stop][1])
            stop += 1
        return Batch(
            identity=self.header.identity,
            scopes=self._scopes,
            frames=[(kind, payload) for kind, payload, _ in items[self._next : stop]],
            is_adopted=True,
            last_seen=self._last_seen,
            lease=self.lease,
            when_done=partial(self._acknowledge, stop),
            when_partly_done=self._acknowledge_first(self._next),
            when_refused=self._set_aside,
        )

    def waiting(self) -> list[tuple[int, bytes]]:
        """The frames that are to be delivered and not acknowledged; a span that was open is one like the others.

        Who asks gives them up: what living processes have yet to decide on is among them.
        """
        self.waits_for_others = False
        try:
            return [(SPAN if kind == START else kind, payload) for kind, payload, _ in self._load()[self._next :]]
        except OSError:
            return []

    def remove(self) -> None:
        """Takes the file from the disk."""
        if not self.is_closed:
            folder.remove_file(self.path, self.key)
            self.close()

    def close(self) -> None:
        """Leaves what is not acknowledged to another process. Idempotent."""
        if not self.is_closed:
            self.is_closed = True
            self._items = []
            self._next = 0
            if self._writing.acquire(blocking=False):  # else who writes there lets go of it
                self._let_go()
                self._writing.release()

    def _let_go(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            let_go(self.key, descriptor)

    def _load(self) -> list[tuple[int, bytes, int]]:
        if self._items is None:
            data = read_all(self._descriptor)
            begin = max(self.header.size, acknowledged_offset(data[:CHANGING_SIZE]))
            frames = list(parse_frames(data, self.header.size, len(data)))
            if has_held(frames):
                every, verdicts = self._all_frames(frames), Verdicts(self.path.parent)
                self.has_told = tell_of_death(every, verdicts)
                if self.waits_for_others and has_to_wait(every, verdicts):
                    self._postpone()
                    return []
                self.settled.update({**settle(every, verdicts), **self.settled})
                encode = guarded(self.encode) if self.encode is not None else None
                frames = undecided(frames, self.settled, encode, seen=self.seen, begin=begin)
            self.counters.damaged += sum(kind == DAMAGED for kind, _, _ in frames)
            self._scopes = tuple(payload for kind, payload, _ in frames if kind == SCOPE)
            abandoned = [] if is_followed(data) else self._abandoned(frames, len(data))
            self.counters.abandoned += len(abandoned)
            self._last_seen = max(last_seen(data) or self.header.created, *self._times(frames), 0)
            self._items = [item for item in frames if item[0] in DELIVERED and item[2] > begin] + abandoned
            for kind, payload, _ in self._items:
                if kind == DROPPED:
                    self.counters.find(payload)
        return self._items

    def _all_frames(self, own: list[tuple[int, bytes, int]]) -> list[tuple[int, bytes, int]]:
        """Its own and its siblings': how a trace was decided stands in a later segment, earlier ones are done with."""
        found: list[tuple[int, bytes, int]] = []
        for sibling in self.siblings:
            if sibling is self:
                found += own
            elif not sibling.is_closed:
                data = read_all(sibling._descriptor)  # noqa: SLF001 - its like
                found += parse_frames(data, sibling.header.size, len(data))
        return found

    def _postpone(self) -> None:
        """Leaves all that is of this process to a later scan: a part alone would say less than all of it."""
        for sibling in self.siblings:
            if not sibling.is_closed:
                sibling.is_postponed = True
                sibling.counters.adopted -= 1
                sibling.close()

    def _abandoned(self, frames: list[tuple[int, bytes, int]], end: int) -> list[tuple[int, bytes, int]]:
        if self.span_key is None:
            return []
        span_key = guarded(self.span_key)
        ended = {span_key(payload) for kind, payload, _ in frames if kind == SPAN}
        found: dict[bytes, bytes] = {}
        for kind, payload, _ in frames:
            if kind == START and (key := span_key(payload)) is not None and key not in ended | self.known:
                found[key] = payload
        self.known |= set(found)
        return [(START, payload, end) for payload in found.values()]

    def _times(self, frames: list[tuple[int, bytes, int]]) -> list[int]:
        time_of = guarded(self.time_of) if self.time_of is not None else lambda _kind, _payload: None
        return [time_of(kind, payload) or 0 for kind, payload, _ in frames[-_LOOK_BACK:] if kind in _TIMED]

    def _acknowledge(self, stop: int) -> None:
        if self.is_closed or self._items is None or stop <= self._next:
            return
        record = encode_number(self._items[stop - 1][2])
        self._next = stop
        if stop == len(self._items):
            self.remove()
            return
        with self._writing, suppress(OSError):  # it comes again after our death
            for at in ACKNOWLEDGED_AT:
                os.pwrite(self._descriptor, record, at)
        if self.is_closed:  # meanwhile, on a disk that takes its time
            self._let_go()

    def _acknowledge_first(self, begin: int) -> Callable[[int], None]:
        return lambda count: self._acknowledge(begin + count)

    def _set_aside(self, kind: int, payload: bytes, scopes: tuple[bytes, ...]) -> bool:
        self.counters.refused += 1
        try:
            frame = encode_frame(kind, payload)
            keep_refused(self.path.parent, self.header, frame, scopes=scopes, last_seen=self._last_seen)
        except OSError:
            self.counters.drop("refused and not kept")
            return False
        return True
