"""Spans that have nothing of their own but ids and times: packed in one step, at half of `encode_span`'s price."""

import struct
from typing import Final

from otel_ia.delivery.wire.spans import StaticSpan, encode_span

_ROOT: Final = "<%ds16s2s8sBQBQ%ds"
_CHILD: Final = "<%ds16s2s8s2s8sBQBQ%ds"


class BareSpan:
    """Encodes the bare spans of one call site, each behind the same prefix."""

    __slots__ = ("_begin", "_pack_child", "_pack_root", "_prefix", "_static", "_whole")

    def __init__(self, prefix: bytes, static: StaticSpan) -> None:
        self._prefix = prefix
        self._static = static
        self._begin = prefix + b"\x0a\x10"
        self._whole = static.whole
        sizes = (len(self._begin), len(self._whole))
        self._pack_root = struct.Struct(_ROOT % sizes).pack
        self._pack_child = struct.Struct(_CHILD % sizes).pack

    def encode(self, trace_id: int, span_id: int, parent_id: int | None, start: int, end: int) -> bytes:
        """The prefix and what `encode_span` makes."""
        try:
            trace, own = trace_id.to_bytes(16, "big"), span_id.to_bytes(8, "big")
            if parent_id is None:
                return self._pack_root(self._begin, trace, b"\x12\x08", own, 0x39, start, 0x41, end, self._whole)
            parent = parent_id.to_bytes(8, "big")
            return self._pack_child(
                self._begin, trace, b"\x12\x08", own, b"\x22\x08", parent, 0x39, start, 0x41, end, self._whole
            )
        except (AttributeError, OverflowError, TypeError, struct.error):  # ids or times that are none
            return self._prefix + encode_span(self._static, trace_id, span_id, parent_id, start, end)
