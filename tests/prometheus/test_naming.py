"""Names and values; `tests/backends/test_scraping.py` compares them with what the real Collector gives."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry

from otel_ia.prometheus.naming import label_name, label_value, metric_name

KINDS = ["counter", "up_down", "gauge", "histogram"]


@pytest.mark.parametrize(
    ("name", "unit", "kind", "expected"),
    [
        ("ia.call.duration", "s", "histogram", "ia_call_duration_seconds"),
        ("ia.call.active", "{call}", "up_down", "ia_call_active"),
        ("ia.stream.rate", "{item}/s", "histogram", "ia_stream_rate_per_second"),
        ("app.tokens", "{token}", "counter", "app_tokens_total"),
        ("system.io", "By", "counter", "system_io_bytes_total"),
        ("system.io.bytes.total", "By", "counter", "system_io_bytes_total"),
        ("total.things", "", "counter", "things_total"),
        ("used", "1", "gauge", "used_ratio"),
        ("used.ratio.now", "1", "gauge", "used_now_ratio"),
        ("used", "1", "up_down", "used"),
        ("speed", "m/s", "gauge", "speed_meters_per_second"),
        ("speed", "foo_/min", "gauge", "speed_foo_per_min"),
        ("speed", "/", "gauge", "speed"),
        ("a__b..c", "", "gauge", "a_b_c"),
        ("9lives", "", "gauge", "_9lives"),
        ("grün", "", "gauge", "gr_n"),
        ("…", "", "gauge", ""),
        ("…", "", "counter", "total"),
    ],
)
def test_a_metric_has_the_name_that_the_collector_gives_it(name, unit, kind, expected):
    assert metric_name(name, unit, kind) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("ia.operation", "ia_operation"),
        ("a..b", "a__b"),
        ("9", "key_9"),
        ("_a", "_a"),
        ("__name__", "_name__"),
        ("", "key_"),
        ("ü", "key_"),
        ("a:b", "a_b"),
    ],
)
def test_a_label_has_the_name_that_the_collector_gives_it_or_a_legal_one(key, expected):
    assert label_name(key) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", "x"),
        (True, "true"),
        (7, "7"),
        (2.0, "2"),
        (0.5, "0.5"),
        (1e-6, "0.000001"),
        (1e20, "100000000000000000000"),
        (float("nan"), "NaN"),
        (("a", "ü"), '["a","ü"]'),
        ((True, False), "[true,false]"),
        ("\ud800", "?"),
    ],
)
def test_a_value_is_text_as_the_collector_writes_it(value, expected):
    assert label_value(value) == expected


@given(name=st.text(), unit=st.text(), kind=st.sampled_from(KINDS))
def test_a_name_is_legal_or_empty(name, unit, kind):
    assert re.fullmatch(r"([a-zA-Z_:][a-zA-Z0-9_:]*)?", metric_name(name, unit, kind))


@given(key=st.text())
def test_a_label_is_legal_and_not_reserved(key):
    assert re.fullmatch(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", label_name(key))


WORDS = st.lists(st.from_regex(r"[a-z]{2,8}", fullmatch=True), min_size=1, max_size=3).map(".".join)


@given(name=WORDS, unit=st.sampled_from(["", "s", "ms", "By", "{token}", "m/s", "By/s", "%"]))
def test_plain_names_are_those_of_opentelemetrys_own_exporter(name, unit):
    registry = CollectorRegistry()
    provider = MeterProvider([PrometheusMetricReader(registry=registry)], shutdown_on_exit=False)
    provider.get_meter("m").create_up_down_counter(name, unit).add(1)
    theirs = {family.name for family in registry.collect()} - {"target"}
    provider.shutdown()
    repeated = any(word in name.split(".") for word in metric_name("x", unit, "up_down").split("_"))
    assert repeated or theirs == {metric_name(name, unit, "up_down")}
