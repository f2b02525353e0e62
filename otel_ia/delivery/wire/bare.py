"""Spans that have nothing of their own but ids and times: packed in one step, at half of `encode_span`'s price."""

import struct
from typing import Final

from otel_ia.delivery.wire.spans import StaticSpan

_ROOT: Final = "<%ds16s2s8sBQBQ%ds"
_CHILD: Final = "<%ds16s2s8s2s8sBQBQ%ds"
_HELD: Final = f"<8sI{_CHILD[1:]}"

SPAN_ID: Final = b"\x12\x08"
PARENT_ID: Final = b"\x22\x08"
START: Final = 0x39
END: Final = 0x41


class BareSpan:
    """Encodes the bare spans of one call site, each behind the same prefix, into what `encode_span` makes.

    Whoever has a span to encode calls the packers without a function around them, which saves 20 ns:

        pack_root(begin, trace_id, SPAN_ID, span_id, START, start, END, end, whole)
        pack_child(begin, trace_id, SPAN_ID, span_id, PARENT_ID, parent_id, START, start, END, end, whole)
        pack_held(key, size, begin, trace_id, SPAN_ID, span_id, PARENT_ID, parent_id, START, start, END, end, whole)

    The last is for a span that is held: behind its key, and the size of what of it is encoded, at least `size`.

    Times that are none raise `struct.error`.
    """

    __slots__ = ("begin", "pack_child", "pack_held", "pack_root", "size", "whole")

    def __init__(self, prefix: bytes, static: StaticSpan) -> None:
        self.begin = prefix + b"\x0a\x10"
        self.whole = static.whole
        sizes = (len(self.begin), len(self.whole))
        self.pack_root = struct.Struct(_ROOT % sizes).pack
        child = struct.Struct(_CHILD % sizes)
        self.pack_child, self.size = child.pack, child.size
        self.pack_held = struct.Struct(_HELD % sizes).pack
