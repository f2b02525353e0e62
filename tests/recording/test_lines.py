"""Start, finish, error and slow lines, on the logger of the function's module."""

import logging
from pathlib import Path

import pytest

from otel_ia import monitor

OWN = logging.getLogger(__name__)


@pytest.fixture
def lines(caplog):
    """Level and text of what this module's logger wrote."""
    caplog.set_level(logging.DEBUG, __name__)
    return lambda: [(record.levelname, record.getMessage()) for record in caplog.records if record.name == __name__]


def texts(lines):
    """The lines with their seconds taken out."""
    return [(level, " ".join(word for word in text.split() if not word[0].isdigit())) for level, text in lines()]


@monitor(log="INFO")
def work(error=None):
    if error is not None:
        raise error
    return 5


def test_start_and_finish(telemetry, lines):
    assert work() == 5
    assert texts(lines) == [("INFO", "work started"), ("INFO", "work finished in s")]


@pytest.mark.parametrize(
    ("level", "name"), [("debug", "DEBUG"), ("WARNING", "WARNING"), (25, "Level 25"), (40, "ERROR")]
)
def test_any_level_by_name_or_number(telemetry, lines, level, name):
    monitor("task", log=level)(work.__wrapped__)()
    assert [level for level, _ in lines()] == [name, name]


def test_a_failure_is_an_error_line(telemetry, lines):
    with pytest.raises(ValueError):
        work(ValueError("bad\ud800 %s input"))
    assert texts(lines) == [("INFO", "work started"), ("ERROR", "work failed after s: ValueError: bad\ufffd %s input")]


def test_cancellation_and_early_close_are_no_errors(telemetry, lines):
    @monitor(log="INFO")
    def stream():
        yield 1

    with pytest.raises(KeyboardInterrupt):
        work(KeyboardInterrupt())
    items = stream()
    next(items)
    items.close()
    name = "test_cancellation_and_early_close_are_no_errors"
    assert texts(lines)[1::2] == [
        ("INFO", "work was cancelled after s"),
        ("INFO", "stream was closed early after s"),
    ], name


def test_records_stand_at_the_functions_place(telemetry, caplog):
    caplog.set_level(logging.INFO, __name__)
    work()
    for record in caplog.records:
        assert (record.name, record.funcName) == (__name__, "work")
        assert record.pathname == str(Path(__file__).absolute())
        assert record.lineno == work.__wrapped__.__code__.co_firstlineno


def test_lines_carry_the_ids_of_the_span(telemetry, caplog):
    caplog.set_level(logging.DEBUG, __name__)

    @monitor
    def outer():
        work()
        with monitor("block", log="DEBUG"):
            pass

    outer()
    for record in caplog.records:
        span = telemetry.span("work" if "work" in record.getMessage() else "block")
        assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)
    assert [(log.body.split()[0], log.span_id) for log in telemetry.logs] == [
        (name, telemetry.span(name).span_id) for name in ("work", "work", "block", "block")
    ]
    assert telemetry.logs[0].logger == __name__


def test_a_slow_call_says_so(telemetry, lines):
    monitor("slow", slow_after=0)(lambda: None)()
    monitor("quick", slow_after=60)(lambda: None)()
    slow, quick = telemetry.span("slow"), telemetry.span("quick")
    assert slow.attributes["ia.slow"] is True
    assert [(event.name, event.attributes["ia.slow.after"]) for event in slow.events] == [("ia.slow", 0)]
    assert slow.status == "UNSET"
    assert "ia.slow" not in quick.attributes
    assert texts(lines) == [("WARNING", "slow was slow: s, over s")]


def test_levels_are_respected(telemetry, caplog):
    caplog.set_level(logging.WARNING, __name__)
    work()
    assert [record for record in caplog.records if record.name == __name__] == []


def test_logging_may_be_disabled(telemetry, lines):
    logging.disable(logging.ERROR)
    try:
        work()
    finally:
        logging.disable(logging.NOTSET)
    assert lines() == []


class Raising(logging.Handler):
    def emit(self, record):
        raise OSError("disk full")


class Calling(logging.Handler):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def emit(self, record):
        self.calls += 1
        work()


@pytest.fixture
def attached():
    """Puts a handler on this module's logger for the test."""
    added = []

    def attach(handler):
        OWN.addHandler(handler)
        added.append(handler)
        return handler

    yield attach
    for handler in added:
        OWN.removeHandler(handler)


def test_a_handler_that_calls_a_function_with_lines_ends(telemetry, attached, caplog):
    caplog.set_level(logging.INFO, __name__)
    handler = attached(Calling())
    assert work() == 5
    assert handler.calls == 2
    assert telemetry.tree == ["work", ["work", "work"]]


def test_a_handler_that_raises_does_not_reach_the_call(run_program):
    done = run_program(
        """
import logging
from otel_ia import monitor

class Raising(logging.Handler):
    def emit(self, record):
        if record.name == "__main__":
            raise OSError("disk full")

logging.basicConfig(level="INFO", format="%(name)s %(levelname)s %(message)s")
logging.getLogger("__main__").addHandler(Raising())
logging.getLogger("__main__").propagate = False

@monitor(log="INFO", slow_after=0)
def work(error=None):
    if error:
        raise error
    return 5

for _ in range(3):
    assert work() == 5
error = ValueError("mine")
try:
    work(error)
except ValueError as raised:
    assert raised is error
"""
    )
    told = [line for line in done.stderr.splitlines() if "otel_ia WARNING" in line]
    assert len(told) == 1
    assert "disk full" in done.stderr


UNCONFIGURED = """
import logging, sys
from otel_ia import monitor
{before}
@monitor({options})
def work():
    pass

work()
@monitor(log="INFO")
def fail():
    raise ValueError("bad")
try:
    fail()
except ValueError:
    pass
"""


def shown(run_program, before="", options='log="INFO"'):
    text = run_program(UNCONFIGURED.format(before=before, options=options)).stderr
    return [" ".join(word for word in line.split() if not word[0].isdigit()) for line in text.splitlines()]


EVERYTHING = ["work started", "work finished in s", "fail started", "fail failed after s: ValueError: bad"]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("", EVERYTHING),
        ("import otel_ia; otel_ia.configure(console=False, traces_exporter='none')", EVERYTHING),
        ("logging.basicConfig(format='%(message)s')", EVERYTHING[3:]),
        ("logging.basicConfig(format='%(message)s', level='INFO')", EVERYTHING),
        ("logging.disable(logging.CRITICAL)", []),
        ("logging.disable(logging.INFO)", EVERYTHING[3:]),
        ("logging.getLogger('__main__').setLevel('WARNING')", EVERYTHING[3:]),
        ("logging.getLogger('__main__').setLevel('DEBUG')", EVERYTHING),
        ("logging.getLogger().setLevel('ERROR')", EVERYTHING[3:]),
        ("logging.getLogger('__main__').disabled = True", []),
        ("logging.getLogger('__main__').addHandler(logging.NullHandler())", []),
        ("logging.lastResort = None", []),
    ],
)
def test_who_asked_for_lines_sees_them_once_on_stderr(run_program, before, expected):
    lines = [line for line in shown(run_program, before) if "no output" not in line and "No handlers" not in line]
    assert lines == expected


def test_debug_lines_are_shown_too_where_nobody_has_set_up_logging(run_program):
    assert shown(run_program, options='"task", log="DEBUG"')[:2] == ["task started", "task finished in s"]


def test_a_closed_stderr_does_not_matter(run_program):
    run_program(
        """
import sys
from otel_ia import monitor
sys.stderr.close()
work = monitor("work", log="INFO")(lambda: 5)
assert work() == 5
sys.stderr = None
assert work() == 5
"""
    )
