"""What stands under a key that is no text, such as a tuple, is redacted where the key's text names a secret."""

import time

import pytest

from otel_ia import values
from otel_ia.redaction import make_redactor

SECRET = "Zq9xW3vB7"
NAMING = [("password", 1), (1, "api_key"), ("db", "password"), ("password", "x"), ("password",), b"password"]


@pytest.mark.parametrize("key", NAMING, ids=repr)
@pytest.mark.parametrize("value", [SECRET, ["a", SECRET], {"a": SECRET}, (1, {SECRET})], ids=lambda v: type(v).__name__)
def test_a_key_that_names_a_secret(key, value):
    redactor = make_redactor()
    given = {"before": 1, ("a", "b"): "kept", key: value, ("c", 2): "kept too"}
    for redacted in (redactor.redact_value("x", given), redactor.redact_value("x", values.legal(given))):
        assert SECRET not in str(redacted)
        assert "kept too" in str(redacted)
        assert "before" in str(redacted)
    once = redactor.redact_text(values.legal(given))
    assert redactor.redact_text(once) == once


@pytest.mark.parametrize("key", [("user", "name"), ("input", "tokens"), (1, 2), 7, None])
def test_a_key_that_names_none(key):
    redactor = make_redactor()
    given = {"x": {key: SECRET}}
    assert redactor.redact_value("x", given) is given
    assert SECRET in redactor.redact_text(values.legal(given))


def test_own_words_in_a_tuple():
    redactor = make_redactor(keys=["customer_id"], knows_usual=False)
    for given in ({("customer", "id"): SECRET}, values.legal({("customer_id", 3): SECRET})):
        assert SECRET not in str(redactor.redact_value("x", given))


def test_no_time_is_lost_in_texts_that_look_like_keys_of_tuples():
    redactor = make_redactor()
    for part in ("{(", ", ('", "{('password", "{('a', 'b'", "('password')", ', (("a"):'):
        text = "password=" + part * (100_000 // len(part))
        began = time.perf_counter()
        redactor.redact_text(text)
        assert time.perf_counter() - began < 1
