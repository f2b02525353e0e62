"""loguru beside the standard library's logging: ids, export, no duplicates, nothing of the user's changed."""

import io
import json
import logging
import pickle
import subprocess
import sys

import numpy as np
import pytest
from loguru import logger
from receiver import Receiver, plain

import otel_ia
from otel_ia import MissingLibraryError, bound, monitor
from otel_ia.integrations.loguru import install

FORMAT = "{extra[trace_id]} {extra[span_id]} {extra[service_name]}|{message}"


@pytest.fixture(autouse=True)
def own_handlers():
    """loguru's one logger without handlers, before and after."""
    logger.remove()
    yield
    logger.remove()
    logger.configure(patcher=nothing)


def nothing(record):
    """A patcher that loguru can pickle."""


@pytest.fixture
def written():
    stream = io.StringIO()
    logger.add(stream, format="{message}")
    return stream


def bodies(telemetry):
    return [log.body for log in telemetry.logs]


def test_formats_of_the_users_show_the_ids(telemetry):
    stream = io.StringIO()
    logger.add(stream, format=FORMAT)
    with install():
        logger.info("outside")
        with monitor("block"):
            logger.info("inside")
    span = telemetry.span("block")
    assert stream.getvalue().splitlines() == ["  test|outside", f"{span.trace_id} {span.span_id} test|inside"]


def test_records_are_exported_with_severity_fields_place_and_ids(telemetry, written):
    with install(level="TRACE"), monitor("block"):
        for level in ("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"):
            logger.bind(user=7).log(level, "{} of {n}", level, n=2)
    span = telemetry.span("block")
    assert [log.severity for log in telemetry.logs] == [
        "TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL",
    ]  # fmt: skip
    first = telemetry.logs[0]
    assert (first.body, first.logger) == ("TRACE of 2", __name__)
    assert first.attributes == {
        "user": 7,
        "n": 2,
        "code.file.path": __file__,
        "code.line.number": first.attributes["code.line.number"],
        "code.function.name": "test_records_are_exported_with_severity_fields_place_and_ids",
    }
    assert {(log.trace_id, log.span_id) for log in telemetry.logs} == {(span.trace_id, span.span_id)}


def test_they_arrive_over_otlp_with_severity_numbers_and_without_secrets(receiver: Receiver, written):
    logger.level("NOTICE", no=23)
    with otel_ia.configure(endpoint=receiver.endpoint, console=False), install(level=0):
        for level in ("TRACE", "DEBUG", "INFO", "NOTICE", "SUCCESS", "WARNING", "ERROR", "CRITICAL"):
            logger.log(level, level)
        logger.bind(password="x" * 20).info("secret")
    assert [(record.body.string_value, record.severity_number) for record in receiver.logs[:-1]] == [
        ("TRACE", 3), ("DEBUG", 5), ("INFO", 9), ("NOTICE", 10), ("SUCCESS", 11), ("WARNING", 13), ("ERROR", 17),
        ("CRITICAL", 21),
    ]  # fmt: skip
    assert "x" * 20 not in str(plain(receiver.logs[-1].attributes))


def test_an_exception_comes_as_its_attributes(telemetry, written):
    with install():
        try:
            raise ValueError("broken")
        except ValueError as error:
            logger.exception("failed")
            kept = error
        logger.opt(exception=kept).warning("later")
    for log in telemetry.logs:
        assert (log.attributes["exception.type"], log.attributes["exception.message"]) == ("ValueError", "broken")
        assert "test_loguru.py" in log.attributes["exception.stacktrace"]
    assert "Traceback" in written.getvalue()


def test_bound_fields_are_on_records_and_in_formats(telemetry):
    stream = io.StringIO()
    logger.add(stream, format="{extra[session]} {message}")
    with install(), bound(session="s-1", other=2):
        logger.info("bound")
        logger.bind(session="mine").info("own")
    assert stream.getvalue().splitlines() == ["s-1 bound", "mine own"]
    assert [(log.attributes["session"], log.attributes["other"]) for log in telemetry.logs] == [("s-1", 2), ("mine", 2)]


def test_a_value_of_the_users_under_the_name_of_an_id_wins(telemetry):
    stream = io.StringIO()
    logger.add(stream, format="{extra[trace_id]}")
    with install():
        logger.bind(trace_id="mine").info("x")
    assert stream.getvalue() == "mine\n"
    assert telemetry.logs[0].attributes["trace_id"] == "mine"


def test_twice_is_once_until_both_are_undone(telemetry, written):
    first, second = install(), install()
    logger.info("one")
    first()
    first()
    logger.info("two")
    second()
    logger.info("three")
    assert bodies(telemetry) == ["one", "two"]
    assert written.getvalue().splitlines() == ["one", "two", "three"]


def test_what_is_below_the_level_is_not_exported(telemetry, written):
    with install(level="WARNING"):
        logger.info("low")
        logger.warning("high")
    assert bodies(telemetry) == ["high"]
    with pytest.raises(ValueError, match="NOPE"):
        install(level="NOPE")


def test_the_users_patcher_goes_on_and_is_back_afterwards(telemetry):
    stream = io.StringIO()
    logger.add(stream, format="{extra[mine]}", catch=False)
    logger.configure(patcher=lambda record: record["extra"].update(mine="patched"))
    with install():
        logger.info("x")
    logger.info("y")
    assert stream.getvalue().splitlines() == ["patched", "patched"]
    assert telemetry.logs[0].attributes["mine"] == "patched"


def test_a_patcher_set_afterwards_stays(telemetry, written):
    undo = install()
    logger.configure(patcher=lambda record: record["extra"].update(mine="later"))
    logger.info("x")
    undo()
    logger.add(written, format="{extra[mine]}", catch=False)
    logger.info("y")
    assert telemetry.logs[0].attributes["mine"] == "later"
    assert "later" in written.getvalue()


def test_after_remove_of_all_handlers_nothing_fails_and_a_new_install_exports_again(telemetry):
    undo = install()
    logger.remove()
    stream = io.StringIO()
    logger.add(stream, format=FORMAT)
    logger.info("not exported")
    undo()
    with install():
        logger.info("exported")
    assert bodies(telemetry) == ["exported"]
    assert len(stream.getvalue().splitlines()) == 2


class Propagate(logging.Handler):
    """As loguru's documentation hands its records on to the standard library."""

    def emit(self, record):
        logging.getLogger(record.name).handle(record)


@pytest.mark.parametrize("is_before", [True, False])
@pytest.mark.parametrize("enqueue", [True, False])
def test_records_handed_on_to_the_standard_library_are_exported_once(telemetry, caplog, is_before, enqueue):
    if is_before:
        logger.add(Propagate(), format="{message}", enqueue=enqueue)
    with install(), monitor("block"):
        if not is_before:
            logger.add(Propagate(), format="{message}", enqueue=enqueue)
        logger.bind(user=7).warning("once")
        logger.complete()
    assert bodies(telemetry) == ["once"]
    assert telemetry.logs[0].attributes["user"] == 7
    assert telemetry.logs[0].span_id == telemetry.span("block").span_id
    assert [record.getMessage() for record in caplog.records] == ["once"]


def test_what_is_handed_on_but_below_our_level_is_exported_by_the_standard_library(telemetry, caplog):
    caplog.set_level("DEBUG")
    logger.add(Propagate(), format="{message}")
    with install(level="ERROR"):
        logger.info("low")
    assert bodies(telemetry) == ["low"]


def test_without_our_handler_what_is_handed_on_is_exported_by_the_standard_library(telemetry, caplog):
    undo = install()
    logger.remove()
    logger.add(Propagate(), format="{message}")
    logger.warning("still there")
    undo()
    assert bodies(telemetry) == ["still there"]


class Intercept(logging.Handler):
    """As loguru's documentation takes records over from the standard library."""

    def emit(self, record):
        frame, depth = logging.currentframe(), 2
        while frame and frame.f_code.co_filename == logging.__file__:
            frame, depth = frame.f_back, depth + 1
        logger.opt(depth=depth, exception=record.exc_info).log(record.levelname, record.getMessage())


@pytest.mark.parametrize("propagates", [True, False])
def test_records_taken_over_from_the_standard_library_are_exported_once_and_in_full(telemetry, written, propagates):
    theirs = logging.getLogger("theirs")
    theirs.addHandler(handler := Intercept())
    theirs.propagate = propagates
    try:
        with install():
            theirs.warning("count %d", 3, extra={"user": 7})
            theirs.warning("count %d", 3, extra={"user": 8})
            logger.warning("count 3")
    finally:
        theirs.removeHandler(handler)
        theirs.propagate = True
    assert written.getvalue().splitlines() == ["count 3"] * 3
    assert [(log.body, log.logger, log.attributes.get("user")) for log in telemetry.logs] == [
        ("count 3", "theirs", 7),
        ("count 3", "theirs", 8),
        ("count 3", __name__, None),
    ]


def test_a_line_that_says_what_a_kept_record_said_is_its_own(telemetry, caplog, written):
    with install():
        logging.getLogger("theirs").warning("same")
        logger.warning("same")
    assert len(caplog.records) == 1
    assert len(telemetry.logs) == 2


def test_serialized_output_stays_json_and_has_the_ids(telemetry):
    stream = io.StringIO()
    logger.add(stream, serialize=True)
    with install(), monitor("block"):
        logger.info("x")
    assert json.loads(stream.getvalue())["record"]["extra"]["span_id"] == telemetry.span("block").span_id


def test_fields_of_any_kind_are_exported_and_nothing_is_raised(telemetry, written):
    class Hostile:
        def __repr__(self):
            raise RuntimeError("no")

        __str__ = __repr__

    with install():
        logger.bind(hostile=Hostile(), cycle=(cycle := []), text="\ud800", trace_id=np.zeros(3)).info("x")
        cycle.append(cycle)
    assert telemetry.logs[0].attributes["text"] == "�"
    assert "Hostile" in telemetry.logs[0].attributes["hostile"]


def test_the_logger_can_be_pickled_as_ever(telemetry):
    with install():
        pickle.loads(pickle.dumps(logger)).info("from a copy")
    assert "from a copy" in bodies(telemetry)


def test_without_a_configuration_nothing_is_exported_and_nothing_fails(written):
    with install():
        logger.info("x")
    assert written.getvalue() == "x\n"


def test_a_missing_library_is_told_with_the_command_that_installs_it():
    program = (
        "import sys\nsys.modules['loguru'] = None\n"
        "import otel_ia\nfrom otel_ia.integrations.loguru import install\n"
        "try:\n    install()\nexcept otel_ia.MissingLibraryError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == 'loguru is not installed: python -m pip install "otel_ia[loguru]"\n'
    assert issubclass(MissingLibraryError, ImportError)
