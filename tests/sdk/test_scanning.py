"""Attributes scanned and encoded in one step are those that two steps make, however often their keys have been seen."""

from hypothesis import example, given
from hypothesis import strategies as st

from otel_ia.delivery.wire.attributes import KNOWN_KEYS, SPAN, encode_attributes
from otel_ia.redaction import make_redactor
from otel_ia.sdk.scanning import encode_scanned, scanning

TOKEN = "Bearer abcdefgh12345678"
keys = st.sampled_from(["model", "input_tokens", "db.password", "api_key", "note", TOKEN]) | st.text(max_size=3)
texts = st.sampled_from(
    ["stop", TOKEN, "password=hunter2hunter2", "a" * 300, "a" * 300 + TOKEN, "\ud800", "customer 7"]
)
values = (
    texts
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.none()
    | st.lists(texts, max_size=2)
    | st.binary(max_size=3)
)
attributes = st.dictionaries(keys, values, max_size=5)


def in_one_step(scan, redactor, given):
    encoded = scan.encode(given)
    return encoded if encoded is not None else encode_scanned(given, SPAN, redactor, scan)[0]


@given(st.lists(attributes, min_size=1, max_size=6), st.booleans())
@example([{"note": "harmless"}, {"note": TOKEN}], False)
@example([{"db.password": "", "note": "harmless"}, {"db.password": "hunter2hunter2", "note": "harmless"}], False)
@example([{"customer": "1"}, {"customer": "2"}], True)
def test_no_secret_passes_because_its_key_is_known(those, has_own):
    own = {"keys": ["customer"], "patterns": ["customer [0-9]"]} if has_own else {}
    redactor = make_redactor(**own)
    scan = scanning(9, around=5, redactor=redactor)
    for given_now in those * 3:
        expected = encode_attributes(make_redactor(**own).redact_attributes(given_now), SPAN)
        assert in_one_step(scan, redactor, given_now) == expected


def test_what_was_seen_is_done_in_one_step():
    redactor = make_redactor()
    scan = scanning(9, around=5, redactor=redactor)
    assert scan.encode({"note": "one", "count": 1}) is None
    in_one_step(scan, redactor, {"note": "one", "count": 1})
    assert scan.encode({"note": "another", "count": 2}) is not None
    assert scan.encode({"note": TOKEN, "count": 2}) is None
    for number in range(2 * KNOWN_KEYS):
        in_one_step(scan, redactor, {f"key {number}": 1})
    expected = encode_attributes(make_redactor().redact_attributes({"note": TOKEN}), SPAN)
    assert in_one_step(scan, redactor, {"note": TOKEN}) == expected


def test_with_a_callback_nothing_is_done_in_one_step():
    assert scanning(9, around=5, redactor=make_redactor(callback=lambda _, value: value)) is None
    assert scanning(9, around=5, redactor=None) is None
