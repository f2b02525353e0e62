"""The meter provider that lasts: meters and instruments measure into the state that is on top, and after it nowhere."""

import logging
import os
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk import metrics as sdk_metrics
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, ExplicitBucketHistogramAggregation, View

from otel_ia import monitor
from otel_ia.sdk.metering import MeterProvider, provider
from otel_ia.testing import record

from .measuring import Rows, measuring, told_by_child


@pytest.fixture(autouse=True)
def global_provider() -> None:
    with measuring():
        pass
    assert metrics.get_meter_provider() is provider


def test_the_provider_is_one_of_the_sdks() -> None:
    assert isinstance(metrics.get_meter_provider(), sdk_metrics.MeterProvider)


KINDS = {
    ("counter", ("value",)): 2,
    ("up_down", ()): -1,
    ("histogram", ()): None,
    ("gauge", ()): 7,
    ("observed_counter", (1,)): 3,
    ("observed_gauge", (1,)): 4,
    ("observed_up_down_counter", (1,)): 5,
}


def test_instruments_of_all_kinds_measure_into_each_state_in_turn() -> None:
    meter = metrics.get_meter("mine", "1.0", schema_url="https://example.org/1")
    counter = meter.create_counter("counter", "1", "counts")
    up_down = meter.create_up_down_counter("up_down")
    histogram = meter.create_histogram("histogram", "s", explicit_bucket_boundaries_advisory=[1.0, 2.0])
    gauge = meter.create_gauge("gauge")
    add = counter.add
    for kind, observe in (("counter", 3), ("gauge", 4), ("up_down_counter", 5)):
        create = getattr(meter, f"create_observable_{kind}")
        create(f"observed_{kind}", callbacks=[lambda _, value=observe: [Observation(value, {"a": 1})]])
    for _ in range(2):
        add(100)  # nobody measures: it goes nowhere
        histogram.record(100.0)
        gauge.set(100)
        up_down.add(100)
        with measuring() as read:
            add(2, {"key": "value"})
            up_down.add(-1)
            histogram.record(1.5)
            gauge.set(7)
            rows = read()
        assert {key: getattr(point, "value", None) for key, point in rows.items() if key in KINDS} == KINDS
        assert list(rows["histogram", ()].bucket_counts) == [0, 1, 0]


def test_what_the_topmost_state_gets_no_other_one_gets() -> None:
    asked = []

    def observe(_: CallbackOptions) -> Iterable[Observation]:
        asked.append(True)
        return [Observation(1)]

    meter = metrics.get_meter("layers")
    counter = meter.create_counter("layered")
    meter.create_observable_gauge("layered_gauge", callbacks=[observe])
    with measuring() as read_below:
        counter.add(1)
        with measuring() as read_above:
            counter.add(10)
            assert ("layered_gauge", ()) not in read_below()
            assert asked == []
            assert read_above()["layered_gauge", ()].value == 1
        counter.add(1)
        assert read_below()["layered", ()].value == 2
    del asked[:]
    counter.add(1)
    assert read_below()["layered", ()].value == 2
    assert asked == []


def test_a_generator_as_callback_goes_on_from_state_to_state() -> None:
    def observe() -> Iterable[list[Observation]]:
        options = yield []
        for number in range(10):
            assert isinstance(options, CallbackOptions)
            options = yield [Observation(number)]

    metrics.get_meter("generators").create_observable_counter("generated", callbacks=[observe()])
    for number in range(3):
        with measuring() as read:
            assert read()["generated", ()].value == number


def test_the_same_instrument_twice_is_one_and_another_of_its_name_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    own = MeterProvider()  # the lasting one would warn with each state that is installed later
    meter = own.get_meter("twice")
    first = meter.create_counter("double", "1")
    assert meter.create_counter("Double", "1") is first
    assert own.get_meter("twice") is meter
    meter.create_histogram("sizes", explicit_bucket_boundaries_advisory=[1.0])
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        meter.create_histogram("sizes", explicit_bucket_boundaries_advisory=[2.0])
    assert "An instrument with name sizes" in caplog.text


def test_a_wrong_name_is_refused_with_and_without_a_state() -> None:
    def refused() -> str:
        with pytest.raises(Exception, match="Expected ASCII string") as caught:
            metrics.get_meter("wrong").create_counter("1 wrong name")
        return str(caught.value)

    without = refused()
    with measuring():
        assert refused() == without


def test_a_meter_without_a_name_is_none_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert isinstance(provider.get_meter(""), metrics.NoOpMeter)
    assert "Meter name cannot be None or empty" in caplog.text


def test_views_are_those_of_the_state() -> None:
    histogram = metrics.get_meter("viewed").create_histogram("sizes")
    dropped = metrics.get_meter("viewed").create_counter("dropped")
    views = [
        View(instrument_name="sizes", name="renamed", aggregation=ExplicitBucketHistogramAggregation([1.0])),
        View(instrument_name="dropped", aggregation=DropAggregation()),
    ]
    with measuring(views=views) as read:
        histogram.record(3)
        dropped.add(1)
        rows = read()
    assert ("renamed", ()) in rows
    assert not {("sizes", ()), ("dropped", ())} & rows.keys()
    assert list(rows["renamed", ()].bucket_counts) == [0, 1]


def test_exemplars_of_the_users_instruments_name_the_span_of_monitor() -> None:
    histogram = metrics.get_meter("exemplified").create_histogram("sizes")
    with measuring() as read:
        with monitor("infer") as span:
            histogram.record(3)
        (exemplar,) = read()["sizes", ()].exemplars
    assert exemplar.trace_id == span.get_span_context().trace_id
    with measuring(exemplar_filter="always_off") as read:
        with monitor("infer"):
            histogram.record(3)
        assert not read()["sizes", ()].exemplars


def test_series_of_the_users_instruments_have_the_limit_too() -> None:
    counter = metrics.get_meter("limited").create_counter("limited")
    with measuring(limit=3) as read:
        for number in range(10):
            counter.add(1, {"id": f"{number}"})
        rows = read()
    values = {key[1]: point.value for key, point in rows.items() if key[0] == "limited"}
    assert values[True,] == 10 - (len(values) - 1)
    assert len(values) <= 4


def test_delta_gives_what_has_come_since_the_last_time() -> None:
    counter = metrics.get_meter("deltas").create_counter("delta")
    with measuring(temporality="delta") as read:
        for number in (3, 4):
            for _ in range(number):
                counter.add(1)
                with monitor("infer"):
                    pass
            rows = read()
            assert rows["delta", ()].value == number
            assert rows["ia.call.duration", ("infer", "ok")].count == number
            assert rows["ia.call.active", ("infer",)].value == 0
        assert ("ia.call.duration", ("infer", "ok")) not in read()
        start, end = rows["ia.call.duration", ("infer", "ok")].start_time_unix_nano, rows["delta", ()].time_unix_nano
        assert start < end


def test_a_reader_of_the_users_reads_the_state_on_top() -> None:
    counter = metrics.get_meter("read").create_counter("read")
    reader = InMemoryMetricReader()
    provider.add_metric_reader(reader)
    with measuring():
        counter.add(5)
        data = reader.get_metrics_data()
        assert data is not None
        scopes = {scope.scope.name: scope.metrics for scope in data.resource_metrics[0].scope_metrics}
        assert scopes["read"][0].data.data_points[0].value == 5
        provider.remove_metric_reader(reader)


def test_a_provider_of_ones_own_makes_no_process_wide_promise() -> None:
    other = MeterProvider()
    other.get_meter("other").create_counter("other").add(1)
    assert other.force_flush()
    other.shutdown()


def test_instruments_made_before_configure_are_exported() -> None:
    counter = metrics.get_meter("early").create_counter("early")
    with record() as seen:
        counter.add(2, {"a": "b"})
        early = seen.metric("early")
    assert (early.value, early.scope, dict(early.attributes)) == (2, "early", {"a": "b"})


def in_child(counter: metrics.Counter, read: Callable[[], Rows]) -> dict[Any, Any]:
    with monitor("inside"):
        counter.add(2)
    return {key: point.count if hasattr(point, "count") else point.value for key, point in read().items()}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_begins_at_zero_and_the_parent_goes_on() -> None:
    counter = metrics.get_meter("forked").create_counter("forked")
    with measuring() as read:
        counter.add(5)
        with monitor("before"):
            pass
        with monitor("around"):
            of_child = told_by_child(lambda: in_child(counter, read))
        rows = read()
    assert {
        key: value for key, value in of_child.items() if key[0] in {"forked", "ia.call.duration", "ia.call.active"}
    } == {
        ("forked", ()): 2,
        ("ia.call.duration", ("inside", "ok")): 1,
        ("ia.call.active", ("inside",)): 0,
    }
    assert rows["forked", ()].value == 5
    assert rows["ia.call.duration", ("before", "ok")].count == 1
    assert rows["ia.call.duration", ("around", "ok")].count == 1
    assert ("ia.call.duration", ("inside", "ok")) not in rows
