"""structlog beside the standard library's logging: ids, export, no duplicates, the user's chain as it was."""

import io
import json
import logging
import pickle
import subprocess
import sys

import pytest
import structlog
from receiver import Receiver, plain

import otel_ia
from otel_ia import bound, monitor
from otel_ia.integrations.structlog import add_trace_context, exporting, install


@pytest.fixture(autouse=True)
def defaults():
    klass = logging.getLoggerClass()
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.setLoggerClass(klass)


@pytest.fixture
def printed():
    """structlog that prints JSON, with a chain as its documentation has it."""
    stream = io.StringIO()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.TimeStamper(),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
    return stream


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def bodies(telemetry):
    return [log.body for log in telemetry.logs]


def test_what_is_rendered_has_the_ids_inside_a_span(telemetry, printed):
    with install():
        structlog.get_logger().info("outside")
        with monitor("block"):
            structlog.get_logger().info("inside")
    span = telemetry.span("block")
    outside, inside = lines(printed)
    assert "trace_id" not in outside
    assert (inside["trace_id"], inside["span_id"]) == (span.trace_id, span.span_id)


def test_events_are_exported_with_severity_fields_and_ids(telemetry, printed):
    with install(), monitor("block"):
        log = structlog.get_logger(user=7)
        for method in ("debug", "info", "warning", "error", "critical"):
            log.bind(n=2).log(logging.getLevelNamesMapping()[method.upper()], method, mixed=[1, "a"])
    span = telemetry.span("block")
    assert [(log.body, log.severity) for log in telemetry.logs] == [
        (method, method.upper()) for method in ("debug", "info", "warning", "error", "critical")
    ]
    assert telemetry.logs[0].attributes == {"user": 7, "n": 2, "mixed": "[1, 'a']"}
    assert {(log.trace_id, log.span_id) for log in telemetry.logs} == {(span.trace_id, span.span_id)}


def test_they_arrive_over_otlp_with_severity_numbers_and_without_secrets(receiver: Receiver, printed):
    with otel_ia.configure(endpoint=receiver.endpoint, console=False), install():
        log = structlog.get_logger()
        for method in ("debug", "info", "warning", "error", "critical", "msg", "exception"):
            getattr(log, method)(method)
        log.info("secret", password="x" * 20)
    assert [record.severity_number for record in receiver.logs] == [5, 9, 13, 17, 21, 9, 17, 9]
    assert "x" * 20 not in str(plain(receiver.logs[-1].attributes))


def test_an_exception_comes_as_its_attributes_though_a_processor_has_rendered_it(telemetry, printed):
    with install():
        try:
            raise ValueError("broken")
        except ValueError:
            structlog.get_logger().exception("failed")
    (log,) = telemetry.logs
    assert (log.body, log.severity) == ("failed", "ERROR")
    assert (log.attributes["exception.type"], log.attributes["exception.message"]) == ("ValueError", "broken")
    assert "test_structlog.py" in log.attributes["exception.stacktrace"]
    assert "exception" not in log.attributes
    assert "broken" in lines(printed)[0]["exception"]


def test_an_exception_given_by_hand_keeps_at_least_its_rendered_text(telemetry, printed):
    error = ValueError("broken")
    with install():
        structlog.get_logger().warning("rendered before", exc_info=error)
        try:
            raise KeyError("another")
        except KeyError:
            structlog.get_logger().warning("in another", exc_info=error)
    for log in telemetry.logs:
        assert "ValueError: broken" in log.attributes["exception.stacktrace"]
        assert log.attributes.get("exception.type") != "KeyError"


def test_with_the_defaults_of_structlog_the_exception_is_whole(telemetry, capsys):
    with install():
        try:
            raise ValueError("broken")
        except ValueError as error:
            structlog.get_logger().warning("failed", exc_info=error)
    assert telemetry.logs[0].attributes["exception.type"] == "ValueError"
    assert "failed" in capsys.readouterr().out


def test_bound_fields_are_on_events_and_in_what_is_rendered(telemetry, printed):
    with install(), bound(session="s-1", other=2):
        structlog.get_logger().info("bound")
        structlog.get_logger().info("own", session="mine")
    assert [(line["session"], line["other"]) for line in lines(printed)] == [("s-1", 2), ("mine", 2)]
    assert [(log.attributes["session"], log.attributes["other"]) for log in telemetry.logs] == [("s-1", 2), ("mine", 2)]


def test_the_chain_is_the_users_again_afterwards_and_loggers_that_exist_take_part(telemetry, printed):
    structlog.configure(cache_logger_on_first_use=True)
    log = structlog.get_logger()
    log.info("before")
    chain = structlog.get_config()["processors"]
    copied = list(chain)
    with install():
        assert structlog.get_config()["processors"] is chain
        assert chain[:-1] == copied[:-1]
        log.info("inside")
    assert chain == copied
    log.info("after")
    assert bodies(telemetry) == ["inside"]
    assert len(lines(printed)) == 3


def test_a_chain_that_cannot_be_changed_in_place_is_put_back(telemetry):
    stream = io.StringIO()
    chain = (structlog.processors.JSONRenderer(),)
    structlog.configure(processors=chain, logger_factory=structlog.PrintLoggerFactory(stream))
    with install():
        structlog.get_logger().info("inside")
    assert structlog.get_config()["processors"] is chain
    structlog.get_logger().info("after")
    assert bodies(telemetry) == ["inside"]


def test_twice_is_once_until_both_are_undone(telemetry, printed):
    first, second = install(), install()
    structlog.get_logger().info("one")
    first()
    first()
    structlog.get_logger().info("two")
    second()
    structlog.get_logger().info("three")
    assert bodies(telemetry) == ["one", "two"]


def test_an_event_that_a_processor_drops_is_not_exported(telemetry, printed):
    def drop(logger, method, event):
        raise structlog.DropEvent

    chain = structlog.get_config()["processors"]
    chain.insert(0, drop)
    with install():
        structlog.get_logger().info("dropped")
    assert telemetry.logs == []


def test_the_testing_help_of_structlog_still_captures(telemetry, printed):
    with install():
        with structlog.testing.capture_logs() as captured:
            structlog.get_logger().info("captured")
        structlog.get_logger().info("exported")
    assert captured == [{"event": "captured", "log_level": "info"}]
    assert bodies(telemetry) == ["exported"]


def on_stdlib(*last):
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *last,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


STDLIB_CHAINS = {
    "JSONRenderer": (structlog.processors.format_exc_info, structlog.processors.JSONRenderer()),
    "KeyValueRenderer": (structlog.processors.KeyValueRenderer(),),
    "wrap_for_formatter": (structlog.stdlib.ProcessorFormatter.wrap_for_formatter,),
    "render_to_log_kwargs": (structlog.stdlib.render_to_log_kwargs,),
}


@pytest.mark.parametrize("chain", STDLIB_CHAINS)
def test_events_handed_to_the_standard_library_are_exported_once_with_their_fields(telemetry, caplog, chain):
    on_stdlib(*STDLIB_CHAINS[chain])
    with install(), monitor("block"):
        log = structlog.get_logger("service")
        log.info("below the level of the standard library")
        log.warning("count %d", 3, user=7)
        try:
            raise ValueError("broken")
        except ValueError:
            log.exception("failed")
    counted, failed = telemetry.logs
    assert (counted.body, counted.severity, counted.logger) == ("count 3", "WARNING", "service")
    assert counted.attributes["user"] == 7
    assert counted.attributes["code.file.path"] == __file__
    assert "_logger" not in counted.attributes
    assert counted.span_id == telemetry.span("block").span_id
    assert (failed.body, failed.attributes["exception.type"]) == ("failed", "ValueError")
    assert len(caplog.records) == 2


def test_the_processor_formatter_renders_as_ever_and_shows_the_ids(telemetry):
    on_stdlib(structlog.stdlib.ProcessorFormatter.wrap_for_formatter)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
        foreign_pre_chain=[add_trace_context],
    )
    handler.setFormatter(formatter)
    logging.root.addHandler(handler)
    try:
        with install(), monitor("block"):
            structlog.get_logger("service").warning("ours", user=7)
            logging.getLogger("foreign").warning("theirs")
    finally:
        logging.root.removeHandler(handler)
    span_id = telemetry.span("block").span_id
    ours, theirs = lines(stream)
    assert ours == {
        "event": "ours", "user": 7, "logger": "service", "level": "warning",
        "trace_id": ours["trace_id"], "span_id": span_id, "trace_flags": "03",
    }  # fmt: skip
    assert (theirs["event"], theirs["span_id"]) == ("theirs", span_id)
    assert bodies(telemetry) == ["ours", "theirs"]


def test_records_with_what_was_said_can_be_pickled(telemetry, caplog):
    for chain in STDLIB_CHAINS.values():
        on_stdlib(*chain)
        with install():
            structlog.get_logger("service").warning("x", user=7)
    for record in caplog.records:
        copied = logging.makeLogRecord(pickle.loads(pickle.dumps({**record.__dict__, "_logger": None})))
        assert copied.getMessage() == record.getMessage()
        assert type(copied.msg) in {str, dict}


def test_loggers_can_be_pickled_as_ever(printed):
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.stdlib.LoggerFactory()
    )
    with install():
        copied = pickle.loads(pickle.dumps(structlog.get_logger().bind(user=7)))
    assert copied._context == {"user": 7}


def test_a_chain_of_the_users_own_ends_with_exporting(telemetry):
    stream = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(stream), processors=[exporting(structlog.processors.JSONRenderer())]
    )
    log.info("own chain", user=7)
    assert [(log.body, log.attributes, log.logger) for log in telemetry.logs] == [
        ("own chain", {"user": 7}, "structlog")
    ]
    assert lines(stream) == [{"event": "own chain", "user": 7}]


def test_what_an_event_has_already_stays(telemetry):
    with monitor("block"):
        added = add_trace_context(None, "info", {"event": "x", "trace_id": "mine"})
    assert (added["trace_id"], added["span_id"]) == ("mine", telemetry.span("block").span_id)


def test_fields_of_any_kind_are_exported_and_nothing_is_raised(telemetry, printed):
    class Hostile:
        def __repr__(self):
            return "hostile"

        def __eq__(self, other):
            raise RuntimeError("no")

        __hash__ = None

    with install():
        structlog.get_logger().info("x", hostile=Hostile(), text="\ud800")
    assert telemetry.logs[0].attributes["text"] == "�"


def test_without_a_configuration_nothing_is_exported_and_nothing_fails(printed):
    with install():
        structlog.get_logger().info("x")
    assert lines(printed)[0]["event"] == "x"


def test_a_missing_library_is_told_with_the_command_that_installs_it():
    program = (
        "import sys\nsys.modules['structlog'] = None\n"
        "import otel_ia\nfrom otel_ia.integrations.structlog import install\n"
        "try:\n    install()\nexcept otel_ia.MissingLibraryError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == 'structlog is not installed: python -m pip install "otel_ia[structlog]"\n'
