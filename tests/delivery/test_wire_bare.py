"""A bare span packed in one step is the span that `encode_span` makes."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.trace import SpanKind

from otel_ia.delivery.wire.bare import BareSpan
from otel_ia.delivery.wire.spans import SPAN_ID, TRACE_ID, encode_span, static_span

ids = st.integers(0, (1 << 64) - 1)
times: Any = st.integers(0, (1 << 64) - 1) | st.sampled_from([-1, 1 << 64, 0.5, None])


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
    start: Any,
    end: Any,
) -> None:
    static = static_span(name, kind, attributes)
    parent = parent_id.to_bytes(8, "big") if parent_id is not None else None
    ids = trace_id.to_bytes(16, "big"), span_id.to_bytes(8, "big"), parent
    packed = BareSpan(prefix, static).encode(*ids, start, end)
    assert packed.startswith(prefix)
    message = packed[len(prefix) :]
    assert message == encode_span(static, trace_id, span_id, parent_id, start, end)
    assert message[TRACE_ID] == trace_id.to_bytes(16, "big")
    assert message[SPAN_ID] == span_id.to_bytes(8, "big")
    assert Span.FromString(message).name == name.encode("utf-8", "replace").decode() or not name.isascii()
