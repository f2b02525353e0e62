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

    def encode(self, trace_id: bytes, span_id: bytes, parent_id: bytes | None, start: int, end: int) -> bytes:
        """The prefix and what `encode_span` makes."""
        try:
            if parent_id is None:
                return self._pack_root(self._begin, trace_id, b"\x12\x08", span_id, 0x39, start, 0x41, end, self._whole)
            return self._pack_child(
                self._begin, trace_id, b"\x12\x08", span_id, b"\x22\x08", parent_id, 0x39, start, 0x41, end, self._whole
            )
        except struct.error:  # times that are none
            parent = int.from_bytes(parent_id, "big") if parent_id is not None else None
            ids = int.from_bytes(trace_id, "big"), int.from_bytes(span_id, "big"), parent
            return self._prefix + encode_span(self._static, *ids, start, end)
