"""What a span has of its own, written down as it was given, becomes the bytes that encoding it at once would make."""

import marshal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_ia.delivery.wire.attributes import SPAN, encode_attributes
from otel_ia.delivery.wire.raw import encode_raw, pack_raw
from otel_ia.delivery.wire.spans import encode_event

texts = st.text(max_size=9) | st.text("x", min_size=120, max_size=140) | st.just("\ud800")
attributes = st.dictionaries(texts, texts | st.integers() | st.floats() | st.booleans(), max_size=5)
events = st.tuples(texts, st.integers(0, (1 << 64) - 1), attributes, st.just(0), st.just(b""))


@given(attributes, st.none() | events)
def test_it_is_encoded_as_any_other(own: dict[str, Any], event: tuple[Any, ...] | None) -> None:
    expected = (encode_event(*event[:3]) if event is not None else b"") + encode_attributes(own, SPAN)
    assert encode_raw(pack_raw(own, event)) == expected


@pytest.mark.parametrize("raw", [b"raw", marshal.dumps(5), marshal.dumps((1, 2, 3)), marshal.dumps(({}, ("name",)))])
def test_of_what_is_none_nothing_is_told(raw: bytes) -> None:
    assert encode_raw(raw) == b""
