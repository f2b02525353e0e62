"""Metrics on their way out: through the spool to a real receiver, at each interval, when asked and at the end."""

import logging
import threading
import time

import pytest
from opentelemetry import metrics
from opentelemetry.metrics import Observation
from receiver import Receiver, plain

import otel_ia
from otel_ia import monitor
from otel_ia.configuration.settings import Settings

ONLY_METRICS = {"console": False, "traces_exporter": "none", "logs_exporter": "none", "service_name": "measured"}
DURATION = "ia.call.duration"


def counts(receiver: Receiver) -> dict[tuple[str, str], int]:
    """The last count of each operation and outcome."""
    return {
        (labels["ia.operation"], labels["ia.outcome"]): point.count
        for point in receiver.last_points(DURATION).values()
        for labels in [plain(point.attributes)]
    }


def test_calls_and_the_users_instruments_arrive_with_the_resource_and_their_scopes(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, service_name="measured", console=False) as telemetry:
        with monitor("infer", attributes={"ia.model.name": "lexicon"}) as span:
            metrics.get_meter("mine", "1.2").create_counter("mine", "{thing}", "what is mine").add(3, {"a": "b"})
        assert telemetry.flush(10)
        (point,) = receiver.last_points(DURATION).values()
    assert plain(point.attributes) == {"ia.operation": "infer", "ia.model.name": "lexicon", "ia.outcome": "ok"}
    assert (point.count, list(point.explicit_bounds)[:2]) == (1, [0.001, 0.0025])
    assert 0 < point.start_time_unix_nano <= point.time_unix_nano
    assert not point.HasField("min")
    (exemplar,) = point.exemplars
    assert exemplar.trace_id == span.get_span_context().trace_id.to_bytes(16, "big")
    assert exemplar.span_id == span.get_span_context().span_id.to_bytes(8, "big")
    resources, scopes = zip(*((resource, scope) for resource, scope, _ in receiver.metrics), strict=True)
    assert all(resource["service.name"] == "measured" for resource in resources)
    assert {"mine", "otel_ia"} <= set(scopes)
    (mine,) = receiver.last_points("mine").values()
    assert (mine.as_int, plain(mine.attributes)) == (3, {"a": "b"})


def test_durations_are_counted_in_the_buckets_of_the_setting(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, duration_buckets=[0.02, 40], **ONLY_METRICS):
        for seconds in (0, 0, 0.03):
            with monitor("infer"):
                time.sleep(seconds)
    (point,) = receiver.last_points(DURATION).values()
    assert (list(point.explicit_bounds), list(point.bucket_counts)) == ([0.02, 40], [2, 1, 0])


def test_by_default_the_buckets_are_those_of_inference(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, **ONLY_METRICS), monitor("infer"):
        pass
    (point,) = receiver.last_points(DURATION).values()
    assert (point.explicit_bounds[0], point.explicit_bounds[-1]) == (0.001, 60)


def test_the_last_values_are_sent_at_the_end_those_of_callbacks_too(receiver: Receiver) -> None:
    metrics.get_meter("observed").create_observable_gauge("observed", callbacks=[lambda _: [Observation(7)]])
    with otel_ia.configure(endpoint=receiver.endpoint, **ONLY_METRICS), monitor("infer"):
        pass
    assert counts(receiver) == {("infer", "ok"): 1}
    assert [point.as_int for point in receiver.last_points("observed").values()] == [7]


def test_they_are_sent_at_each_interval(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, metric_export_interval=0.05, **ONLY_METRICS):
        for number in range(1, 4):
            with monitor("infer"):
                pass
            assert receiver.wait_until(lambda number=number: counts(receiver).get(("infer", "ok")) == number)
    assert Settings().metric_export_interval == 60


def test_delta_sends_what_has_come_since_the_last_time(receiver: Receiver) -> None:
    counter = metrics.get_meter("mine").create_counter("steps")
    with otel_ia.configure(endpoint=receiver.endpoint, metric_temporality="delta", **ONLY_METRICS) as telemetry:
        for number in (3, 5):
            for _ in range(number):
                counter.add(1)
                with monitor("infer"):
                    pass
            assert telemetry.flush(10)
            assert counts(receiver) == {("infer", "ok"): number}
            assert [point.as_int for point in receiver.last_points("steps").values()] == [number]
    durations = [metric.histogram for _, _, metric in receiver.metrics if metric.name == DURATION]
    assert [histogram.aggregation_temporality for histogram in durations] == [1, 1]
    starts = [histogram.data_points[0].start_time_unix_nano for histogram in durations]
    assert starts[1] == durations[0].data_points[0].time_unix_nano


def test_what_cannot_be_encoded_loses_nothing_else_and_is_counted(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, **ONLY_METRICS) as telemetry:
        metrics.get_meter("mine").create_counter("wrong", description="\ud800").add(1)
        metrics.get_meter("mine").create_counter("right").add(1)
        with monitor("infer"):
            pass
        telemetry.flush(10)
        assert counts(receiver) == {("infer", "ok"): 1}
        assert receiver.last_points("right")
        assert not receiver.last_points("wrong")
        assert telemetry.stats().dropped == {"not encodable": 1}


def test_secrets_are_taken_out_of_attributes(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, **ONLY_METRICS):
        metrics.get_meter("mine").create_counter("logins").add(1, {"password": "hunter2hunter2"})
    (point,) = receiver.last_points("logins").values()
    assert "hunter2" not in str(plain(point.attributes))


@pytest.mark.parametrize("settings", [{"metrics_exporter": "none"}, {"call_metrics": False}])
def test_calls_are_not_counted_when_they_are_not_to_be(receiver: Receiver, settings) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, **ONLY_METRICS, **settings), monitor("infer"):
        pass
    assert counts(receiver) == {}


def test_metrics_alone_may_be_sent(receiver: Receiver) -> None:
    endpoint = f"{receiver.endpoint}/v1/metrics"
    with otel_ia.configure(metrics_endpoint=endpoint, console=False, service_name="alone") as telemetry:
        with monitor("infer"):
            pass
        assert telemetry.flush(10)
        assert telemetry.stats().delivered == {"metrics": 1}
    assert counts(receiver) == {("infer", "ok"): 1}


def test_on_the_console_they_are_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    with otel_ia.configure(console=False, metrics_exporter="console"), monitor("infer"):
        pass
    assert '"ia.call.duration"' in capsys.readouterr().err


def test_a_callback_that_hangs_holds_up_the_end_no_longer_than_its_timeout(receiver: Receiver) -> None:
    ended = threading.Event()

    def hang(_: object) -> list[Observation]:
        ended.wait(30)
        return []

    metrics.get_meter("hanging").create_observable_gauge("hanging", callbacks=[hang])
    telemetry = otel_ia.configure(endpoint=receiver.endpoint, exit_timeout=0.5, **ONLY_METRICS)
    began = time.monotonic()
    assert not telemetry.flush(0.2)
    telemetry.shutdown()
    assert time.monotonic() - began < 5
    ended.set()


def test_a_second_configure_goes_on_from_zero_and_nothing_is_measured_after_the_end(receiver: Receiver) -> None:
    for _ in range(2):
        with otel_ia.configure(endpoint=receiver.endpoint, **ONLY_METRICS), monitor("infer"):
            pass
        with monitor("infer"):
            pass
    durations = [metric.histogram.data_points for _, _, metric in receiver.metrics if metric.name == DURATION]
    assert [point.count for points in durations for point in points] == [1, 1]


def test_the_thread_that_reads_is_there_only_while_there_is_something_to_read_for(receiver: Receiver) -> None:
    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name == "otel_ia metrics"]

    with otel_ia.configure(endpoint=receiver.endpoint, console=False, metrics_exporter="none"):
        assert threads() == []
    with otel_ia.configure(endpoint=receiver.endpoint, **ONLY_METRICS):
        assert len(threads()) == 1
    assert threads() == []


def test_a_callback_of_the_users_that_raises_is_logged_and_takes_nothing_along(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    broken = [True]

    def observe(_: object) -> list[Observation]:
        if broken[0]:
            raise ValueError("broken")
        return []

    metrics.get_meter("broken").create_observable_gauge("broken", callbacks=[observe])
    configured = otel_ia.configure(endpoint=receiver.endpoint, **ONLY_METRICS)
    with caplog.at_level(logging.ERROR), configured, monitor("infer"):
        pass
    assert "Callback failed for instrument broken" in caplog.text
    broken[0] = False
    assert counts(receiver) == {("infer", "ok"): 1}
