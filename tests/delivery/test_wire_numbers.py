"""Two numbers packed in one step are the attributes that `encode_attributes` makes."""

from hypothesis import example, given
from hypothesis import strategies as st

from otel_ia.delivery.wire.attributes import EVENT, SPAN, encode_attributes
from otel_ia.delivery.wire.numbers import pair_packer


@given(
    st.text(max_size=300), st.text(max_size=300), st.sampled_from([SPAN, EVENT]), st.integers(0, 1 << 63), st.floats()
)
@example("items", "seconds", SPAN, 127, 0.5)
@example("items", "seconds", SPAN, 128, 0.5)
def test_it_is_the_same_attributes(whole, fraction, place, number, value):
    if whole != fraction:
        expected = encode_attributes({whole: number, fraction: value}, place)
        assert pair_packer(whole, fraction, place)(number, value) == expected
