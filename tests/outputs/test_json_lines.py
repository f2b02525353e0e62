"""Whatever is in a record: one JSON object a line, of the names and types that its format has."""

import base64
import json
import logging
import os
import threading
from pathlib import Path

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import _logs
from opentelemetry._logs import SeverityNumber
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from receiver import plain

import otel_ia
from otel_ia import monitor

from .curious import CURIOUS, keys, shared, values_of_any_kind
from .ecs import check_ecs, parsed
from .unheard import unheard_by_pytest


def lines(file: Path) -> list[str]:
    text = file.read_text("utf-8") if file.exists() else ""
    assert text == "" or text.endswith("\n")
    return text.splitlines()


def check_otlp(line: str) -> LogsData:
    """A `LogsData` message, of one record, as protobuf's own parser has it."""
    made = parsed(line)
    ((resource_logs,),) = made.values()
    ((record,),) = [scope_logs["logRecords"] for scope_logs in resource_logs["scopeLogs"]]
    for name in ("traceId", "spanId"):  # hexadecimal in OTLP, base64 in protobuf
        if name in record:
            record[name] = base64.b64encode(bytes.fromhex(record[name])).decode()
    return json_format.ParseDict(made, LogsData())


CHECKS = {"ecs": check_ecs, "otlp": check_otlp}


@pytest.fixture(params=["ecs", "otlp"])
def format_(request):
    return request.param


@pytest.fixture
def file(tmp_path, format_):
    file = tmp_path / "app.log"
    with otel_ia.configure(
        service_name="svc",
        console=False,
        traces_exporter="none",
        log_file=file,
        log_file_format=format_,
        log_file_size=0,
        log_level=1,
        resource_attributes={"service.version": "1.2", "deployment.environment.name": "test"},
    ):
        yield file


@pytest.fixture
def logger():
    return logging.getLogger("any.where")


def check_each_property(file, format_, logger, draw):
    count = 0

    @settings(deadline=None, max_examples=60)
    @given(draw)
    def holds(parts):
        nonlocal count
        message, args, extra, level, fails = parts
        before = len(lines(file))
        error = ValueError(message) if fails else None
        logger.log(level, message, *args, extra=extra, exc_info=error, stack_info=fails)
        written = lines(file)[before:]
        assert len(written) == 1
        CHECKS[format_](written[0])
        file.write_text("")
        count += 1

    with unheard_by_pytest():
        holds()
    assert count


def test_any_record_is_one_object_on_one_line(file, format_, logger):
    draw = st.tuples(
        st.one_of(values_of_any_kind, st.sampled_from(["%s", "%d %s", "%(a)s", "%", "%s %s %s", "100 %"])),
        st.lists(values_of_any_kind, max_size=2),
        st.none() | st.dictionaries(keys, values_of_any_kind, max_size=3),
        st.sampled_from([1, 10, 15, 20, 30, 40, 50, 99]),
        st.booleans(),
    )
    check_each_property(file, format_, logger, draw)


def test_any_record_of_opentelemetrys_own_api_is_one_object_on_one_line(file, format_):
    events = _logs.get_logger("events", "1.0", attributes={"team": "vision"})
    for value in [*CURIOUS, shared(8)]:
        before = len(lines(file))
        events.emit(body=value, attributes={"a.b": 1, "a_b": 2}, event_name="seen")
        events.emit(severity_number=SeverityNumber.INFO, severity_text="INFO", body={"value": value})
        events.emit(timestamp=2**63, body="far off")
        written = lines(file)[before:]
        assert len(written) == 3
        for line in written:
            CHECKS[format_](line)


@pytest.mark.parametrize("format_", ["ecs"], indirect=True)
def test_an_ecs_line_correlates_with_its_trace_service_and_place(file, logger):
    with monitor("block") as span:
        try:
            raise KeyError("gone")
        except KeyError:
            extra = {"http.method": "GET", "http_method": "PUT", "sizes": [1, 2], " ": "blank"}
            logger.exception("failed %s", "here", extra=extra)
    (line,) = lines(file)
    made = check_ecs(line)
    context = span.get_span_context()
    assert (made["trace.id"], made["span.id"]) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    assert made["message"] == "failed here"
    assert (made["log.level"], made["log.logger"]) == ("error", "any.where")
    assert (made["service.name"], made["service.version"], made["service.environment"]) == ("svc", "1.2", "test")
    assert made["log.origin.file.name"] == Path(__file__).name
    assert made["log.origin.function"] == "test_an_ecs_line_correlates_with_its_trace_service_and_place"
    assert (made["error.type"], made["error.message"]) == ("KeyError", "'gone'")
    assert made["error.stack_trace"].startswith("Traceback (most recent call last):\n")
    assert (made["process.pid"], made["process.thread.name"]) == (os.getpid(), threading.current_thread().name)
    assert made["labels"] == {"http_method": "GET", "http_method_2": "PUT", "sizes": ["1", "2"], "_": "blank"}


@pytest.mark.parametrize("format_", ["otlp"], indirect=True)
def test_an_otlp_line_is_what_the_collector_would_be_sent(file, logger):
    with monitor("block") as span:
        logger.warning("sizes", extra={"sizes": [1, 2], "share": 0.5, "is": True, "big": 2**62, "nan": float("nan")})
    (line,) = lines(file)
    (resource_logs,) = check_otlp(line).resource_logs
    assert plain(resource_logs.resource.attributes)["service.name"] == "svc"
    (scope_logs,) = resource_logs.scope_logs
    assert scope_logs.scope.name == "any.where"
    (record,) = scope_logs.log_records
    context = span.get_span_context()
    assert record.trace_id == context.trace_id.to_bytes(16, "big")
    assert record.span_id == context.span_id.to_bytes(8, "big")
    assert (record.severity_number, record.severity_text) == (13, "WARNING")
    assert abs(record.observed_time_unix_nano - record.time_unix_nano) < 10**9
    attributes = plain(record.attributes)
    assert attributes.pop("nan") != attributes.get("nan")
    assert attributes.pop("code.line.number") > 0
    assert {key: attributes[key] for key in ("sizes", "share", "is", "big")} == {
        "sizes": [1, 2],
        "share": 0.5,
        "is": True,
        "big": 2**62,
    }


def test_lists_that_unfold_to_billions_are_bounded(file, format_, logger):
    logger.info("shared", extra={"shared": shared(8)})
    (line,) = lines(file)
    CHECKS[format_](line)
    assert len(line) < 100_000


def test_secrets_are_taken_out_of_files_too(file, logger):
    logger.info("password=hunter2", extra={"api_key": "sk-1234567890", "note": "token: abcdefgh12345678"})
    (line,) = lines(file)
    assert "hunter2" not in line
    assert "sk-1234567890" not in line
    assert "abcdefgh12345678" not in line


def test_bound_fields_are_in_every_line_beside_what_it_says_itself(tmp_path):
    file = tmp_path / "app.log"
    with otel_ia.configure(service_name="svc", console=False, log_file=file, log_file_format="ecs", log_level="INFO"):
        log = logging.getLogger("app.db")
        log.info("outside")
        with otel_ia.bound(user_id=7, name="nobody's"):
            log.info("inside")
            log.info("its own", extra={"user_id": 8, "batch": 32})
            _logs.get_logger("app.events").emit(_logs.LogRecord(body="an event", severity_number=SeverityNumber.INFO))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line["message"], line.get("labels")) for line in lines] == [
        ("outside", None),
        ("inside", {"user_id": "7", "name": "nobody's"}),
        ("its own", {"user_id": "8", "batch": "32", "name": "nobody's"}),
        ("an event", {"user_id": "7", "name": "nobody's"}),
    ]


def test_a_line_written_by_what_another_line_says_is_kept_inside_bound_fields(tmp_path):
    class Telling:
        def __str__(self):
            logging.getLogger("app").warning("from inside")
            return "told"

    file = tmp_path / "app.log"
    with (
        otel_ia.configure(service_name="svc", console=False, log_file=file, log_file_format="ecs"),
        otel_ia.bound(user_id=7),
    ):
        logging.getLogger("app").warning("%s", Telling())
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {(line["message"], line["labels"]["user_id"]) for line in lines} == {("from inside", "7"), ("told", "7")}
