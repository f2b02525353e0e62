"""What is packed in one step is what `encode_attributes` and `encode_event` make."""

from hypothesis import example, given
from hypothesis import strategies as st

from otel_ia.delivery.wire.attributes import SPAN, encode_attributes
from otel_ia.delivery.wire.numbers import stream_packer
from otel_ia.delivery.wire.spans import encode_event

KEYS = st.lists(st.text(max_size=300), min_size=3, max_size=3, unique=True)
EVENTS = st.text(st.characters(min_codepoint=1, max_codepoint=0x7E), max_size=99)


@given(KEYS, EVENTS, st.integers(0, 1 << 63), st.floats(), st.floats(), st.integers(0, (1 << 64) - 1))
@example(["items", "seconds", "rate"], "first", 127, 0.5, 0.5, 0)
@example(["items", "seconds", "rate"], "first", 128, 0.5, 0.5, 1 << 63)
def test_it_is_the_same_attributes_and_event(keys, event, number, first, second, moment):
    whole, *fractions = keys
    expected = encode_attributes({whole: number, fractions[0]: first, fractions[1]: second}, SPAN)
    expected += encode_event(event, moment)
    assert stream_packer(whole, tuple(fractions), event)(number, first, second, moment) == expected
