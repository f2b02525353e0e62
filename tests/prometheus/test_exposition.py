"""Whatever is measured, an answer can be encoded and parsed, and says what was measured."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import metrics
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

import otel_ia
from otel_ia.prometheus import registry
from otel_ia.prometheus.families import Families
from otel_ia.prometheus.translation import page_of

from .scraping import Rows, fetch, free_port, parse, rows_of, total, wait_until

TEXTS = st.text() | st.sampled_from(
    ["le", "a.b", "a_b", "a-b", "x", "x_total", "x_count", "\ud800", 'q"\\\n\r', "__name__"]
)
VALUES = TEXTS | st.booleans() | st.integers() | st.floats() | st.lists(TEXTS, max_size=2).map(tuple)
ATTRIBUTES = st.dictionaries(TEXTS, VALUES, max_size=4)
NUMBERS = st.integers() | st.floats() | st.just(10**400)
TIMES = st.integers(0, 2**62)
EXEMPLARS = st.lists(
    st.builds(Exemplar, ATTRIBUTES, st.floats(), TIMES, st.integers(0, 2**64 - 1), st.integers(0, 2**128 - 1)),
    max_size=3,
)
NUMBER_POINTS = st.builds(NumberDataPoint, ATTRIBUTES, TIMES, TIMES, NUMBERS, EXEMPLARS)


@st.composite
def histogram_points(draw: Any) -> HistogramDataPoint:
    bounds = draw(st.lists(st.floats(), max_size=4))
    counts = draw(st.lists(st.integers(0, 2**40), min_size=len(bounds) + 1, max_size=len(bounds) + 1))
    own, sums = draw(ATTRIBUTES), draw(st.floats())
    return HistogramDataPoint(own, 0, 0, sum(counts), sums, counts, bounds, 0, 0, draw(EXEMPLARS))


CUMULATIVE = AggregationTemporality.CUMULATIVE
DATA = (
    st.builds(Sum, st.lists(NUMBER_POINTS, max_size=3), st.just(CUMULATIVE), st.booleans())
    | st.builds(Gauge, st.lists(NUMBER_POINTS, max_size=3))
    | st.builds(Histogram, st.lists(histogram_points(), max_size=3), st.just(CUMULATIVE))
)
METRICS = st.builds(Metric, TEXTS, st.none() | TEXTS, st.none() | TEXTS, DATA)
SCOPES = st.builds(InstrumentationScope, TEXTS, st.none() | TEXTS, st.none() | TEXTS, ATTRIBUTES)
MEASURED = st.builds(
    MetricsData,
    st.lists(
        st.builds(
            ResourceMetrics,
            st.builds(Resource, st.just({"service.name": "s"})),
            st.lists(st.builds(ScopeMetrics, SCOPES, st.lists(METRICS, max_size=4), st.none() | TEXTS), max_size=2),
            st.just(""),
        ),
        max_size=1,
    ),
)


class Shown:
    """A collector of what is given."""

    def __init__(self, data: MetricsData) -> None:
        self.told: list[str] = []
        self._families = Families(self.told.append)
        self._data = data

    def collect(self) -> Any:
        return self._families.metrics(page_of(self._data, 1))


def answers(data: MetricsData) -> tuple[Rows, Rows, list[str]]:
    """Both formats, parsed, and what was told."""
    shown = Shown(data)
    made = CollectorRegistry(support_collectors_without_names=True)
    made.register(shown)
    text, openmetrics = generate_latest(made).decode(), generate_openmetrics(made).decode()
    return rows_of(parse(text)), rows_of(parse(openmetrics)), shown.told


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=MEASURED)
def test_whatever_is_measured_can_be_scraped_in_both_formats(data: MetricsData) -> None:
    text, openmetrics, _ = answers(data)
    assert text.keys() == openmetrics.keys()
    for key, value in text.items():
        assert openmetrics[key] == value or math.isnan(value)


def one(*found: Metric, scope: str = "m") -> MetricsData:
    scopes = [ScopeMetrics(InstrumentationScope(scope), list(found), "")]
    return MetricsData([ResourceMetrics(Resource({"service.name": "s"}), scopes, "")])


def number(name: str, value: Any, attributes: Any = None, *, is_counter: bool = False) -> Metric:
    point = NumberDataPoint(attributes or {}, 0, 0, value)
    return Metric(name, "", "", Sum([point], CUMULATIVE, is_monotonic=True) if is_counter else Gauge([point]))


def test_attributes_that_become_one_label_are_joined_in_the_order_of_their_keys() -> None:
    rows, _, _ = answers(one(number("x", 1, {"a_b": "third", "a.b": "second", "a-b": "first"})))
    assert total(rows, "x", a_b="first;second;third") == 1


def test_of_two_kinds_with_one_name_one_is_shown_and_the_other_told_once() -> None:
    shown = Shown(one(number("x", 1, is_counter=True), number("x", 2)))
    for _ in range(2):
        rows = rows_of(list(shown.collect()))
        assert total(rows, "x") == 2
        assert total(rows, "x_total") == 0
    (sentence,) = shown.told
    assert "counter x is not shown" in sentence


def test_an_attribute_le_of_a_histogram_gets_another_name() -> None:
    point = HistogramDataPoint({"le": "mine"}, 0, 0, 1, 1.0, [1, 0], [5.0], 0, 0)
    rows, _, _ = answers(one(Metric("h", "", "", Histogram([point], CUMULATIVE))))
    assert total(rows, "h_bucket", le="5.0", exported_le="mine") == 1


def test_one_counter_that_is_no_number_takes_nothing_else_along() -> None:
    rows, _, _ = answers(one(number("x", math.nan, is_counter=True), number("y", math.nan), number("z", 10**400)))
    assert total(rows, "z") == math.inf
    assert math.isnan(total(rows, "y"))
    assert not [key for key in rows if key[0] == "x_total"]


@contextmanager
def shown_by(port: int = 0, **options: Any) -> Iterator[None]:
    """A configuration that shows metrics through the registry, and nothing on a port unless one is given."""
    with otel_ia.configure(
        service_name="shown",
        console=False,
        traces_exporter="none",
        metrics_exporter="prometheus",
        prometheus_port=port,
        **options,
    ):
        yield


def openmetrics() -> list[Any]:
    return parse(generate_openmetrics(registry()).decode())


def test_calls_and_instruments_are_shown_with_exemplars() -> None:
    with shown_by():
        # not before: the API's stand-in for a meter forgets the attributes of its scope
        meter = metrics.get_meter("app", "1.0", attributes={"team": "a"})
        tokens = meter.create_counter("app.tokens", "{token}", "Tokens.")
        with otel_ia.monitor("infer") as span:
            tokens.add(12, {"model": "m"})
        with pytest.raises(ValueError, match="x"), otel_ia.monitor("infer"):
            raise ValueError("x")
        with otel_ia.monitor("infer"):
            under_way = rows_of(openmetrics())
        families = openmetrics()
    rows = rows_of(families)
    assert total(rows, "ia_call_duration_seconds_count", ia_operation="infer", ia_outcome="ok") == 2
    assert total(rows, "ia_call_duration_seconds_count", error_type="ValueError", ia_outcome="error") == 1
    assert total(rows, "ia_call_duration_seconds_bucket", le="+Inf", otel_scope_name="otel_ia") == 3
    assert total(under_way, "ia_call_active", ia_operation="infer") == 1
    assert total(rows, "ia_call_active", ia_operation="infer") == 0
    labels = {"model": "m", "otel_scope_name": "app", "otel_scope_version": "1.0", "otel_scope_team": "a"}
    assert rows["app_tokens_total", tuple(sorted(labels.items()))] == 12
    assert total(rows, "target_info", service_name="shown") == 1
    (counter,) = (family for family in families if family.name == "app_tokens")
    assert counter.documentation == "Tokens."
    exemplar = counter.samples[0].exemplar
    context = span.get_span_context()
    assert exemplar.labels == {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
    durations = [
        sample.exemplar.labels["trace_id"]
        for family in families
        if family.name == "ia_call_duration_seconds"
        for sample in family.samples
        if sample.exemplar is not None
    ]
    assert durations
    assert all(len(trace_id) == 32 for trace_id in durations)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a machine has no second address of its own")
def test_only_the_address_of_the_setting_answers() -> None:
    port, address = free_port(), "127.0.0.2"

    def ask() -> str | None:
        with suppress(OSError):
            return fetch(port, host=address)
        return None

    with shown_by(port, prometheus_host=address):
        assert 'service_name="shown"' in wait_until(ask)
        with pytest.raises(ConnectionRefusedError):
            fetch(port)


def test_a_registry_shows_nothing_where_nothing_is_configured_and_is_always_the_same() -> None:
    before = registry()
    assert openmetrics() == []
    with shown_by():
        metrics.get_meter("app").create_gauge("g").set(1)
        assert total(rows_of(openmetrics()), "g") == 1
    assert openmetrics() == []
    assert registry() is before


def test_one_name_can_be_asked_for() -> None:
    with shown_by():
        metrics.get_meter("app").create_gauge("one").set(1)
        metrics.get_meter("app").create_gauge("other").set(1)
        asked = generate_latest(registry().restricted_registry(["one"])).decode()
    assert [family.name for family in parse(asked)] == ["one"]


@pytest.mark.parametrize(
    "aggregation",
    [
        ExponentialBucketHistogramAggregation(),
        ExplicitBucketHistogramAggregation([]),
    ],
    ids=["exponential", "none"],
)
def test_a_view_with_any_buckets_leaves_the_count(aggregation: Any) -> None:
    with shown_by(metric_views=[View(instrument_name="h", aggregation=aggregation)]):
        histogram = metrics.get_meter("app").create_histogram("h")
        for value in (1, 2, 3):
            histogram.record(value)
        rows = rows_of(openmetrics())
    assert total(rows, "h_count") == 3
    assert total(rows, "h_sum") == 6
    assert total(rows, "h_bucket", le="+Inf") == 3


def test_an_instrument_whose_callback_fails_takes_nothing_else_along() -> None:
    failing = [True]

    def fails(_: Any) -> Any:
        if failing:  # an instrument stays for life, and is asked by other tests too
            raise RuntimeError("mine")
        return ()

    meter = metrics.get_meter("app")
    with shown_by():
        meter.create_observable_gauge("broken", [fails])
        meter.create_gauge("whole").set(1)
        assert total(rows_of(openmetrics()), "whole") == 1
    failing.clear()


def test_secrets_are_taken_out() -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    with shown_by(resource_attributes={"deploy": f"token {secret}"}):
        metrics.get_meter("app").create_gauge("g").set(1, {"password": "hunter2", "text": f"with {secret}"})
        with otel_ia.monitor(f"call {secret}"):
            pass
        body = generate_latest(registry()).decode()
    assert "g{" in body
    assert "ia_call_duration_seconds_count" in body
    assert secret not in body
    assert "hunter2" not in body
