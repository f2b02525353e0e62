"""`configure` against a real receiver and real logging: what takes effect, and what is taken back."""

import logging
import os
import subprocess
import sys
import threading
import time

import pytest
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from receiver import Receiver, plain, receiving

import otel_ia
from otel_ia import monitor


@monitor
def predict(value: int) -> int:
    logging.getLogger("model").warning("value %d", value, extra={"batch": [1, 2]})
    return value * 2


def test_spans_and_log_records_arrive_at_the_endpoint_with_the_same_ids(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, service_name="digits", console=False) as telemetry:
        assert predict(2) == 4
        assert telemetry.flush(5)
    span = receiver.span("predict")
    (record,) = receiver.logs
    assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)
    assert record.body.string_value == "value 2"
    assert record.severity_number == 13
    attributes = plain(record.attributes)
    assert attributes["batch"] == [1, 2]
    assert attributes["code.function.name"] == "predict"
    assert {resource["service.name"] for resource in receiver.resources} == {"digits"}


def test_headers_and_compression_reach_the_receiver(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, headers={"x-team": "vision"}, compression="gzip"):
        predict(1)
    assert {headers.get("x-team") for headers in receiver.headers} == {"vision"}
    assert {headers.get("content-encoding") for headers in receiver.headers} == {"gzip"}
    assert receiver.span("predict")


def test_after_shutdown_nothing_is_recorded_and_configure_works_again(receiver: Receiver) -> None:
    telemetry = otel_ia.configure(endpoint=receiver.endpoint)
    assert telemetry.is_active
    assert telemetry.shutdown()
    assert not telemetry.is_active
    predict(1)
    assert not trace.get_tracer("x").start_span("x").is_recording()
    with otel_ia.configure(endpoint=receiver.endpoint):
        predict(2)
    assert len(receiver.spans) == 1


def test_shutdown_twice_is_once(receiver: Receiver) -> None:
    telemetry = otel_ia.configure(endpoint=receiver.endpoint)
    assert telemetry.shutdown()
    assert telemetry.shutdown()


def test_a_hundred_configurations_in_a_row_leave_one_in_effect(receiver: Receiver) -> None:
    for _ in range(100):
        telemetry = otel_ia.configure(endpoint=receiver.endpoint)
    predict(1)
    telemetry.shutdown()
    assert len(receiver.spans) == 1
    assert len(receiver.logs) == 1


def test_a_second_configuration_takes_the_place_of_the_first(receiver: Receiver) -> None:
    with receiving() as second:
        first = otel_ia.configure(endpoint=receiver.endpoint)
        predict(1)
        with otel_ia.configure(endpoint=second.endpoint):
            assert not first.is_active
            predict(2)
        assert len(receiver.spans) == 1
        assert len(second.spans) == 1


def test_tracers_handed_out_before_configure_record_after_it(receiver: Receiver) -> None:
    early = trace.get_tracer("library")
    with otel_ia.configure(endpoint=receiver.endpoint), early.start_as_current_span("theirs"):
        predict(1)
    assert receiver.span("predict").parent_span_id == receiver.span("theirs").span_id


def test_a_sampler_that_keeps_nothing_sends_nothing(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, sampler="always_off"):
        predict(1)
    with otel_ia.configure(endpoint=receiver.endpoint, sampler=ALWAYS_OFF):
        predict(1)
    assert receiver.spans == []
    assert len(receiver.logs) == 2


def test_span_limits_hold(receiver: Receiver) -> None:
    limits = otel_ia.configure(endpoint=receiver.endpoint, span_event_count_limit=2, attribute_value_length_limit=10)
    with limits, monitor("block") as span:
        span.set_attribute("long", "x" * 100)
        for number in range(5):
            span.add_event(f"event {number}")
    sent = receiver.span("block")
    assert [event.name for event in sent.events] == ["event 3", "event 4"]
    assert plain(sent.attributes)["long"] == "x" * 10


def test_propagators_are_set_and_taken_back(receiver: Receiver) -> None:
    before = propagate.get_global_textmap()
    with otel_ia.configure(endpoint=receiver.endpoint, propagators=("baggage",)), monitor("block"):
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        assert "traceparent" not in carrier
    assert propagate.get_global_textmap() is before


def test_the_log_level_is_set_and_taken_back(receiver: Receiver) -> None:
    before = logging.root.level
    with otel_ia.configure(endpoint=receiver.endpoint, log_level="DEBUG"):
        logging.getLogger("model").debug("seen")
    assert logging.root.level == before
    assert [record.body.string_value for record in receiver.logs] == ["seen"]


def test_a_later_basic_config_takes_effect(receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:]
    try:
        with otel_ia.configure(endpoint=receiver.endpoint):
            root.handlers[:] = []
            logging.basicConfig(format="%(levelname)s %(trace_id)s %(message)s", stream=sys.stderr)
            predict(3)
    finally:
        root.handlers[:] = before
    span = receiver.span("predict")
    assert capsys.readouterr().err == f"WARNING {span.trace_id.hex()} value 3\n"
    assert len(receiver.logs) == 1


def test_a_later_dict_config_takes_nothing_away(receiver: Receiver) -> None:
    # in a process of its own, for `dictConfig` closes each handler that there is, those of other libraries too
    done = run(
        after="""
import logging.config
logging.config.dictConfig({
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{service_name} {message}", "style": "{"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["out"], "level": "INFO"},
})""",
        arguments=f"endpoint={receiver.endpoint!r}, service_name='shop'",
    )
    assert (done.returncode, done.stderr) == (0, "shop inside\n")
    assert [record.body.string_value for record in receiver.logs] == ["inside"]


def test_our_own_and_the_exporters_records_are_never_exported(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, log_level="DEBUG") as telemetry:
        predict(1)
        logging.getLogger("otel_ia").warning("ours")
        logging.getLogger("opentelemetry.sdk").warning("the SDK's")
        telemetry.flush()
        predict(2)
    assert [record.body.string_value for record in receiver.logs] == ["value 1", "value 2"]


def test_a_record_with_wrong_arguments_is_exported_as_it_is(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint):
        logger = logging.getLogger("model")
        logger.propagate = True
        raised, logging.raiseExceptions = logging.raiseExceptions, False
        try:
            logger.warning("%d items", "three")
        finally:
            logging.raiseExceptions = raised
    assert [record.body.string_value for record in receiver.logs] == ["%d items ('three',)"]


def test_an_exception_on_a_record_goes_along(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint):
        try:
            raise ValueError("no such digit")
        except ValueError:
            logging.getLogger("model").exception("failed")
    attributes = plain(receiver.logs[0].attributes)
    assert attributes["exception.type"] == "ValueError"
    assert attributes["exception.message"] == "no such digit"
    assert "Traceback" in attributes["exception.stacktrace"]


def test_disabled_records_nothing(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, disabled=True):
        assert predict(1) == 2
    assert receiver.spans == []


def test_a_wrong_setting_leaves_the_earlier_configuration_in_effect(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint):
        with pytest.raises(otel_ia.SettingError, match="timeout"):
            otel_ia.configure(timeout=-1)
        predict(1)
    assert len(receiver.spans) == 1


def test_a_dead_collector_holds_up_the_shutdown_no_longer_than_the_timeout() -> None:
    with receiving() as gone:
        endpoint = gone.endpoint
    telemetry = otel_ia.configure(endpoint=endpoint, exit_timeout=0.5)
    predict(1)
    before = time.monotonic()
    assert not telemetry.shutdown()
    assert time.monotonic() - before < 2.0
    for thread in threading.enumerate():
        if thread.name.startswith(("OtelBatch", "otel_ia")):
            thread.join(30)


PROGRAM = """
import logging, otel_ia
{before}
@otel_ia.monitor
def predict():
    logging.getLogger("model").warning("inside")
otel_ia.configure({arguments})
{after}
predict()
"""


def run(before: str = "", arguments: str = "", after: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM.format(before=before, arguments=arguments, after=after)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def test_what_is_left_at_the_end_of_the_program_is_sent(receiver: Receiver) -> None:
    done = run(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "inside\n")
    assert receiver.span("predict")
    assert len(receiver.logs) == 1


def test_without_endpoint_and_terminal_one_line_says_what_to_set() -> None:
    done = run()
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        (
            "otel_ia has no output: set OTEL_EXPORTER_OTLP_ENDPOINT (say http://localhost:4318) to send to a "
            "collector, or OTEL_IA_CONSOLE=true to print here"
        ),
        "inside",
    ]


def test_on_request_the_console_prints_the_tree_with_its_log_lines() -> None:
    done = run(OTEL_IA_CONSOLE="true", NO_COLOR="1")
    assert done.returncode == 0
    assert "predict" in done.stderr
    assert done.stderr.count("inside") == 1


def test_a_provider_set_by_someone_else_stays_and_gets_our_delivery(receiver: Receiver) -> None:
    foreign = (
        "from opentelemetry import trace; from opentelemetry.sdk.trace import TracerProvider\n"
        "theirs = TracerProvider(); trace.set_tracer_provider(theirs)\n"
        "logging.basicConfig(level='INFO')"
    )
    done = run(before=foreign, arguments=f"endpoint={receiver.endpoint!r}")
    assert done.returncode == 0
    assert "another library's tracer provider" in done.stderr
    assert receiver.span("predict")
    assert len(receiver.logs) == 1


def test_a_provider_that_takes_no_processor_is_a_clear_error() -> None:
    foreign = "from opentelemetry import trace; trace.set_tracer_provider(trace.NoOpTracerProvider())"
    done = run(before=foreign, arguments="console=True")
    assert done.returncode == 1
    assert (
        "ProviderError: the tracer provider opentelemetry.trace.NoOpTracerProvider is installed already" in done.stderr
    )


def test_variables_that_the_sdk_reads_at_import_are_checked_before_it_is_loaded() -> None:
    for variable in ("OTEL_PROPAGATORS", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"):
        done = run(**{variable: "nope"})
        assert done.returncode == 1
        assert f"SettingError: environment {variable}: " in done.stderr


def test_spans_of_a_foreign_provider_keep_its_resource(receiver: Receiver) -> None:
    foreign = (
        "from opentelemetry import trace; from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.resources import Resource\n"
        "trace.set_tracer_provider(TracerProvider(resource=Resource({'service.name': 'theirs'})))"
    )
    done = run(before=foreign, arguments=f"endpoint={receiver.endpoint!r}, service_name='ours'")
    assert done.returncode == 0
    assert {resource["service.name"] for resource in receiver.resources} == {"theirs", "ours"}
