"""The head of a segment: whose it is, and how far it has been acknowledged.

The first 64 bytes change: twice the acknowledged offset, then when the process was last seen, by two clocks, each with
its own CRC, so that a kill in the middle of a write leaves the other one; between the two clocks whether another
segment follows. What never changes comes after them, twice as well: no single damaged byte makes a segment unreadable.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from struct import Struct
from typing import Final
from zlib import crc32

ACKNOWLEDGED_AT: Final = (0, 16)
SEEN_AT: Final = 32
FOLLOWED_AT: Final = 48
FOLLOWED: Final = b"\xff\xff\xff"
"""Three bytes of which two decide."""
ALIVE_AT: Final = 52
CHANGING_SIZE: Final = 64
READ_AHEAD: Final = 64 << 10

NOBODY: Final = 0
"""What stands for a process where there is none."""
_MAGIC: Final = b"otel_ia\x03"
_LEAD: Final = Struct("<8sII")  # magic, length and CRC32 of what comes
_FIXED: Final = Struct("<IIQQQ16s16sH")  # sequence, pid, its start, creation twice, start, instance, a length
_NUMBER: Final = Struct("<QI")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Whose segment it is, and when it was created: in nanoseconds since the Unix epoch, and in those since the start
    of the machine that `boot` names (`made`). `process_start` is in the kernel's ticks.
    """

    fingerprint: bytes
    identity: bytes
    instance: bytes
    sequence: int
    process: int
    process_start: int
    created: int
    made: int = 0
    boot: bytes = bytes(16)

    @property
    def size(self) -> int:
        """The offset of the first frame."""
        return CHANGING_SIZE + 2 * (_LEAD.size + _FIXED.size + len(self.fingerprint) + len(self.identity))


def nobodys_header(*, created: int = 0, sequence: int = 0) -> Header:
    """What stands for a header where there is none, or one that cannot be read."""
    return Header(
        fingerprint=b"", identity=b"", instance=b"", sequence=sequence, process=NOBODY, process_start=0, created=created
    )


def encode_header(header: Header, *, last_seen: int = 0) -> bytes:
    """The head of a new segment: nothing acknowledged, nothing following."""
    body = b"".join(
        (
            _FIXED.pack(
                header.sequence,
                header.process,
                header.process_start,
                header.created,
                header.made,
                header.boot,
                header.instance,
                len(header.fingerprint),
            ),
            header.fingerprint,
            header.identity,
        )
    )
    seen = encode_number(last_seen) if last_seen else b""
    changing = bytes(SEEN_AT) + seen.ljust(CHANGING_SIZE - SEEN_AT, b"\0")
    return changing + (_LEAD.pack(_MAGIC, len(body), crc32(body)) + body) * 2


def decode_header(data: bytes) -> Header | None:
    """What the head of a segment says, or None when both copies are damaged or cut off."""
    at = CHANGING_SIZE
    while at >= 0:
        header = _decode_at(data, at)
        if header is not None:
            return header
        at = data.find(_MAGIC, at + 1)
    return None


def _decode_at(data: bytes, at: int) -> Header | None:
    if at + _LEAD.size > len(data):
        return None
    magic, length, total = _LEAD.unpack_from(data, at)
    body = data[at + _LEAD.size : at + _LEAD.size + length]
    if magic != _MAGIC or len(body) != length or length < _FIXED.size or crc32(body) != total:
        return None
    sequence, process, process_start, created, made, boot, instance, split = _FIXED.unpack_from(body)
    names = body[_FIXED.size :]
    return Header(
        fingerprint=names[:split],
        identity=names[split:],
        instance=instance,
        sequence=sequence,
        process=process,
        process_start=process_start,
        created=created,
        made=made,
        boot=boot,
    )


def encode_number(number: int) -> bytes:
    """An offset or a time for the part that changes."""
    packed = number.to_bytes(8, "little")
    return packed + crc32(packed).to_bytes(4, "little")


def acknowledged_offset(data: bytes) -> int:
    """The furthest acknowledged offset of which there is a whole record; 0 when nothing was acknowledged."""
    return max(_number_at(data, at) for at in ACKNOWLEDGED_AT)


def last_seen(data: bytes) -> int:
    """When the process last looked after its segment; 0 when it never did."""
    return _number_at(data, SEEN_AT)


def last_alive(data: bytes) -> int:
    """The same in nanoseconds since the start of the machine."""
    return _number_at(data, ALIVE_AT)


def is_followed(data: bytes) -> bool:
    """Whether the process went on elsewhere and took along what was open."""
    return data[FOLLOWED_AT : FOLLOWED_AT + 3].count(0xFF) > 1


def _number_at(data: bytes, at: int) -> int:
    if at + _NUMBER.size > len(data):
        return 0
    number, total = _NUMBER.unpack_from(data, at)
    return int(number) if crc32(data[at : at + 8]) == total else 0


@cache
def process_start(process: int) -> int:
    """When a process of this machine began, in ticks since boot; 0 where the system does not say."""
    try:
        status = Path(f"/proc/{process}/stat").read_bytes()
        return int(status.rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def this_process() -> tuple[int, int]:
    """The id of this process and when it began."""
    return os.getpid(), process_start(os.getpid())
