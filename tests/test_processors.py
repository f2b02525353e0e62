"""`otel_ia.processors` with plain providers of the SDK and a real receiver."""

import logging
import os
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags
from receiver import Receiver, plain, receiving

from otel_ia import SettingError, bound
from otel_ia.processors import SpoolLogRecordProcessor, SpoolSpanProcessor

RESOURCE = Resource({"service.name": "plain", "team": "vision"})
SECRET = "hunter2" * 3


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "otel_ia" / "spool"


def tracing(endpoint: str, **settings) -> TracerProvider:
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(SpoolSpanProcessor(endpoint=endpoint, **settings))
    return provider


def logging_to(endpoint: str, **settings) -> LoggerProvider:
    provider = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(SpoolLogRecordProcessor(endpoint=endpoint, **settings))
    return provider


def test_spans_of_a_plain_provider_arrive_with_its_resource(receiver: Receiver) -> None:
    provider = tracing(receiver.endpoint, headers={"x-team": "vision"})
    with provider.get_tracer("mine", "1.2").start_as_current_span("outer", attributes={"n": 1}) as outer:
        outer.add_event("happened", {"k": "v"})
        with provider.get_tracer("mine", "1.2").start_as_current_span("inner"):
            pass
    assert provider.force_flush()
    outer, inner = receiver.span("outer"), receiver.span("inner")
    assert inner.parent_span_id == outer.span_id
    assert plain(outer.attributes) == {"n": 1}
    assert [event.name for event in outer.events] == ["happened"]
    assert {(found["service.name"], found["team"]) for found in receiver.resources} == {("plain", "vision")}
    assert {headers["x-team"] for headers in receiver.headers} == {"vision"}
    provider.shutdown()


def test_log_records_of_a_plain_provider_arrive_with_its_resource(receiver: Receiver) -> None:
    provider = logging_to(receiver.endpoint)
    record = LogRecord(body="hello", severity_number=SeverityNumber.WARN, attributes={"n": 1}, timestamp=time.time_ns())
    provider.get_logger("mine").emit(record)
    assert provider.force_flush()
    (arrived,) = receiver.logs
    assert (arrived.body.string_value, arrived.severity_number, plain(arrived.attributes)) == ("hello", 13, {"n": 1})
    assert {found["service.name"] for found in receiver.resources} == {"plain"}
    provider.shutdown()


def test_shutdown_sends_what_is_left_and_takes_nothing_more(receiver: Receiver) -> None:
    provider = tracing(receiver.endpoint)
    tracer = provider.get_tracer("mine")
    tracer.start_span("before").end()
    late = tracer.start_span("late")
    provider.shutdown()
    late.end()
    provider.shutdown()
    assert [span.name for span in receiver.spans] == ["before"]


def test_flush_and_shutdown_without_anything_recorded(receiver: Receiver, spool: Path) -> None:
    for processor in (SpoolSpanProcessor(endpoint=receiver.endpoint), SpoolLogRecordProcessor()):
        assert processor.force_flush()
        processor.shutdown()
        assert processor.force_flush()
    assert not spool.exists()


def test_flush_says_when_the_collector_does_not_take_it(receiver: Receiver) -> None:
    receiver.status = 503
    provider = tracing(receiver.endpoint, exit_timeout=0.1)
    provider.get_tracer("mine").start_span("kept").end()
    assert not provider.force_flush(300)
    provider.shutdown()
    receiver.status = 200
    provider = tracing(receiver.endpoint)
    provider.get_tracer("mine").start_span("next").end()
    receiver.wait_for(spans=2)
    assert {span.name for span in receiver.spans} == {"kept", "next"}
    provider.shutdown()


def test_secrets_are_taken_out_of_all_parts_of_spans_and_records(receiver: Receiver, spool: Path) -> None:
    spans, logs = tracing(receiver.endpoint), logging_to(receiver.endpoint)
    linked = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))
    span = spans.get_tracer("mine").start_span(
        f"GET https://me:{SECRET}@example.org/", links=[Link(linked, {"api_key": SECRET}), Link(linked, {"n": 1})]
    )
    span.set_attributes({"db.password": SECRET, "input_tokens": 12})
    span.add_event("sent", {"authorization": f"Bearer {SECRET}"})
    span.add_event("harmless", {"n": 1})
    span.set_status(Status(StatusCode.ERROR, f"password={SECRET}"))
    kept = b"".join(file.read_bytes() for file in spool.iterdir())
    span.end()
    kept += b"".join(file.read_bytes() for file in spool.iterdir())
    logs.get_logger("mine").emit(LogRecord(body=f"api_key={SECRET}", attributes={"cookie": SECRET}))
    assert spans.force_flush()
    assert logs.force_flush()
    (arrived,), (record,) = receiver.spans, receiver.logs
    assert SECRET not in str(arrived) + str(record)
    assert SECRET.encode() not in kept
    assert plain(arrived.attributes)["input_tokens"] == 12
    assert [event.name for event in arrived.events] == ["sent", "harmless"]
    assert [plain(link.attributes).get("n") for link in arrived.links] == [None, 1]
    assert arrived.status.code == 2
    spans.shutdown()
    logs.shutdown()


def test_redaction_can_be_turned_off(receiver: Receiver) -> None:
    provider = tracing(receiver.endpoint, redact=False)
    provider.get_tracer("mine").start_span("login", attributes={"password": SECRET}).end()
    provider.shutdown()
    assert plain(receiver.span("login").attributes) == {"password": SECRET}


def test_what_is_not_sampled_is_not_sent(receiver: Receiver) -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(SpoolSpanProcessor(endpoint=receiver.endpoint))
    provider.get_tracer("mine").start_span("not sampled").end()
    provider.shutdown()
    assert receiver.spans == []


def test_a_wrong_setting_is_told_at_once() -> None:
    with pytest.raises(SettingError, match="exit_timeout"):
        SpoolSpanProcessor(exit_timeout="soon")
    with pytest.raises(SettingError, match="endpoint"):
        SpoolLogRecordProcessor(endpoint="ftp://example.org")


def test_threads_that_begin_at_once_share_one_way(receiver: Receiver) -> None:
    provider = tracing(receiver.endpoint)
    barrier = threading.Barrier(8)

    def record(number: int) -> None:
        barrier.wait()
        for _ in range(50):
            provider.get_tracer("mine").start_span(f"thread {number}").end()

    threads = [threading.Thread(target=record, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert provider.force_flush()
    assert len({span.span_id for span in receiver.spans}) == len(receiver.spans) == 400
    provider.shutdown()


def test_what_the_delivery_logs_is_not_delivered(receiver: Receiver) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the SDK wants its handler from another package
        from opentelemetry.sdk._logs import LoggingHandler

        provider = logging_to(receiver.endpoint)
        handler = LoggingHandler(logger_provider=provider)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        logging.getLogger("app").warning("one")
        logging.getLogger("otel_ia").warning("ours")
        assert provider.force_flush()
        logging.getLogger("app").warning("two")
        assert provider.force_flush()
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        provider.shutdown()
    bodies = [record.body.string_value for record in receiver.logs]
    assert bodies[0] == "one"
    assert set(bodies) == {"one", "two"}


PROGRAM = """
import os, sys
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from otel_ia.processors import SpoolSpanProcessor

provider = TracerProvider(resource=Resource({"service.name": "plain"}))
provider.add_span_processor(SpoolSpanProcessor(endpoint=sys.argv[1]))
tracer = provider.get_tracer("mine")
for number in range(100):
    tracer.start_span(f"step {number}").end()
"""


def run(end: str, endpoint: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM + end, endpoint],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_a_program_that_dies_while_the_collector_is_down_loses_nothing() -> None:
    with receiving() as gone:
        pass
    run("os._exit(0)", gone.endpoint)
    with receiving(port=int(gone.endpoint.rpartition(":")[2])) as receiver:
        provider = tracing_of("plain", receiver.endpoint)
        provider.get_tracer("mine").start_span("next").end()
        receiver.wait_for(spans=101)
        provider.shutdown()
        assert {span.name for span in receiver.spans} == {"next", *(f"step {number}" for number in range(100))}


def tracing_of(service: str, endpoint: str) -> TracerProvider:
    provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(SpoolSpanProcessor(endpoint=endpoint))
    return provider


def test_children_of_a_fork_deliver_their_own_spans_once(receiver: Receiver) -> None:
    run(
        "child = os.fork()\n"
        "tracer.start_span('child' if child == 0 else 'parent').end()\n"
        "provider.force_flush()\n"
        "if child == 0: os._exit(0)\n"
        "os.waitpid(child, 0)",
        receiver.endpoint,
    )
    names = sorted(span.name for span in receiver.spans)
    assert names == sorted(["child", "parent", *(f"step {number}" for number in range(100))])


def test_bound_fields_are_on_spans_and_records_of_plain_providers(receiver: Receiver) -> None:
    traces, logs = tracing(receiver.endpoint), logging_to(receiver.endpoint)
    with bound({"session.id": "s-1"}, a="bound"):
        traces.get_tracer("mine").start_span("inside", attributes={"a": "own"}).end()
        logs.get_logger("mine").emit(LogRecord(body="inside", attributes={"a": "own"}))
    assert traces.force_flush()
    assert logs.force_flush()
    expected = {"session.id": "s-1", "a": "own"}
    assert plain(receiver.span("inside").attributes) == plain(receiver.logs[0].attributes) == expected
    traces.shutdown()
    logs.shutdown()
