"""A bare span packed in one step is the span that `encode_span` makes."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.trace import SpanKind

from otel_ia.delivery.wire import bare as bare_wire
from otel_ia.delivery.wire.bare import BareSpan
from otel_ia.delivery.wire.spans import SPAN_ID, TRACE_ID, encode_span, static_span

ids = st.integers(0, (1 << 64) - 1)
times = st.integers(0, (1 << 64) - 1)


@given(
    st.binary(max_size=3),
    st.text(max_size=300),
    st.sampled_from(SpanKind),
    st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=300), max_size=4),
    st.integers(0, (1 << 128) - 1),
    ids,
    st.none() | ids,
    times,
    times,
)
def test_it_is_the_same_span_behind_the_prefix(
    prefix: bytes,
    name: str,
    kind: SpanKind,
    attributes: dict[str, Any],
    trace_id: int,
    span_id: int,
    parent_id: int | None,
    start: int,
    end: int,
) -> None:
    static = static_span(name, kind, attributes)
    bare = BareSpan(prefix, static)
    ids = trace_id.to_bytes(16, "big"), bare_wire.SPAN_ID, span_id.to_bytes(8, "big")
    parent = () if parent_id is None else (bare_wire.PARENT_ID, parent_id.to_bytes(8, "big"))
    pack = bare.pack_root if parent_id is None else bare.pack_child
    packed = pack(bare.begin, *ids, *parent, bare_wire.START, start, bare_wire.END, end, bare.whole)
    assert packed.startswith(prefix)
    message = packed[len(prefix) :]
    assert message == encode_span(static, trace_id, span_id, parent_id, start, end)
    assert message[TRACE_ID] == trace_id.to_bytes(16, "big")
    assert message[SPAN_ID] == span_id.to_bytes(8, "big")
    assert Span.FromString(message).name == name.encode("utf-8", "replace").decode() or not name.isascii()
