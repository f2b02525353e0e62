"""Ids on the standard library's log records, whatever else is done to logging."""

import copy
import io
import logging
import logging.config
import logging.handlers
import pickle
import queue
import socketserver
import struct
import threading

import pytest

from otel_ia import monitor
from otel_ia.recording.correlation import add_handler_above_root, current_ids, stamp_records
from otel_ia.recording.stamp import STAMPED

FORMATS = [
    ("%(trace_id)s %(span_id)s %(trace_flags)s %(service_name)s|%(message)s", "%"),
    ("{trace_id} {span_id} {trace_flags} {service_name}|{message}", "{"),
    ("$trace_id ${span_id} $trace_flags $service_name|$message", "$"),
]


@pytest.fixture
def logger():
    """A logger of its own that nothing else hears."""
    made = logging.Logger("apart", logging.DEBUG)  # noqa: LOG001 - no logger of the tree
    made.propagate = False
    return made


@pytest.fixture
def written(logger):
    stream = io.StringIO()
    logger.addHandler(logging.StreamHandler(stream))
    return stream


def make(**extra):
    return logging.getLogger("any").makeRecord("any", logging.INFO, "f", 1, "m", (), None, "f", extra or None)


@pytest.mark.parametrize(("format_", "style"), FORMATS)
def test_any_formatter_shows_the_ids(telemetry, logger, written, format_, style):
    logger.handlers[0].setFormatter(logging.Formatter(format_, style=style))
    logger.info("outside")
    with monitor("block"):
        logger.info("inside")
    span = telemetry.span("block")
    assert written.getvalue().splitlines() == [
        "   test|outside",
        f"{span.trace_id} {span.span_id} 03 test|inside",
    ]


def test_defaults_of_a_formatter_do_not_cover_the_ids(telemetry, logger, written):
    logger.handlers[0].setFormatter(
        logging.Formatter("%(trace_id)s|%(other)s", defaults={"trace_id": "?", "other": "?"})
    )
    with monitor("block"):
        logger.info("inside")
    assert written.getvalue() == f"{telemetry.span('block').trace_id}|?\n"


def test_the_users_own_extra_wins_and_does_not_raise(telemetry, logger, written):
    logger.handlers[0].setFormatter(logging.Formatter(FORMATS[0][0]))
    with monitor("block"):
        logger.info("x", extra={"trace_id": "mine", "service_name": "own"})
        logging.LoggerAdapter(logger, {"span_id": "adapted"}).info("y")
    span = telemetry.span("block")
    assert written.getvalue().splitlines() == [
        f"mine {span.span_id} 03 own|x",
        f"{span.trace_id} adapted 03 test|y",
    ]


def test_names_that_logging_reserves_stay_reserved(telemetry):
    with pytest.raises(KeyError):
        make(message="x")
    with pytest.raises(KeyError):
        make(levelno=1)


def test_records_made_copied_and_pickled_keep_their_ids(telemetry):
    with monitor("block"):
        record = make(mine=1)
    expected = {name: getattr(record, name) for name in STAMPED}
    assert expected["trace_id"] == telemetry.span("block").trace_id
    for twin in (
        copy.copy(record),
        copy.deepcopy(record),
        pickle.loads(pickle.dumps(record)),
        pickle.loads(pickle.dumps(record.__dict__)),
        logging.makeLogRecord(record.__dict__),
    ):
        fields = twin if isinstance(twin, dict) else vars(twin)
        assert {name: fields[name] for name in STAMPED} == expected
        assert fields["mine"] == 1
    assert type(pickle.loads(pickle.dumps(record.__dict__))) is dict


def test_a_queue_handler_and_its_listener(telemetry, logger):
    passing, stream = queue.SimpleQueue(), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(trace_id)s %(message)s"))
    logger.addHandler(logging.handlers.QueueHandler(passing))
    listener = logging.handlers.QueueListener(passing, handler)
    listener.start()
    with monitor("block"):
        logger.info("a %s", "b")
    listener.stop()
    assert stream.getvalue() == f"{telemetry.span('block').trace_id} a b\n"


def test_a_socket_handler(telemetry, logger):
    got = []

    class Receive(socketserver.StreamRequestHandler):
        def handle(self):
            (size,) = struct.unpack(">L", self.rfile.read(4))
            got.append(pickle.loads(self.rfile.read(size)))

    with socketserver.TCPServer(("127.0.0.1", 0), Receive) as server:
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        handler = logging.handlers.SocketHandler(*server.server_address)
        logger.addHandler(handler)
        with monitor("block"):
            logger.info("x")
        serving.join(10)
        handler.close()
    assert logging.makeLogRecord(got[0]).trace_id == telemetry.span("block").trace_id


@pytest.fixture
def original_factory():
    before = logging.getLogRecordFactory()
    yield before
    logging.setLogRecordFactory(before)


def test_a_factory_of_the_users_set_before(original_factory):
    def mine(*args, **kwargs):
        record = original_factory(*args, **kwargs)
        record.mine = 1
        record.trace_id = "theirs"
        return record

    logging.setLogRecordFactory(mine)
    undo = stamp_records("svc")
    record = make()
    assert (record.mine, record.trace_id, record.service_name) == (1, "theirs", "svc")
    undo()
    assert logging.getLogRecordFactory() is mine
    assert not hasattr(make(), "service_name")


def test_a_factory_of_the_users_set_after(original_factory):
    undo = stamp_records("svc")
    below = logging.getLogRecordFactory()

    def mine(*args, **kwargs):
        record = below(*args, **kwargs)
        record.mine = record.service_name
        return record

    logging.setLogRecordFactory(mine)
    assert make().mine == "svc"
    undo()
    logging.setLogRecordFactory(lambda *args, **kwargs: below(*args, **kwargs))
    assert not hasattr(make(), "service_name")
    again = stamp_records("again")
    assert make().service_name == "again"
    again()
    assert not hasattr(make(), "service_name")


def test_on_and_off_a_hundred_times_leaves_no_chain(original_factory):
    for _ in range(100):
        stamp_records("svc")()
    assert logging.getLogRecordFactory() is original_factory
    undos = [stamp_records(str(number)) for number in range(100)]
    assert make().service_name == "99"
    undos.pop()()
    assert make().service_name == "98"
    for undo in undos:
        undo()
        undo()
    assert logging.getLogRecordFactory() is original_factory


def test_nothing_is_stamped_before_or_after():
    undo = stamp_records("svc")
    assert (make().trace_id, make().trace_flags, make().service_name) == ("", "", "svc")
    undo()
    assert not any(hasattr(make(), name) for name in STAMPED)
    assert current_ids() == ("", "", "")


class Counting(logging.Handler):
    def __init__(self):
        super().__init__()
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


def test_a_handler_above_the_root_hears_once_and_goes_with_its_last_undo():
    handler = Counting()
    first, second = add_handler_above_root(handler), add_handler_above_root(handler)
    logging.getLogger("some.where").warning("heard")
    first()
    first()
    logging.getLogger("some.where").warning("still")
    second()
    logging.getLogger("some.where").warning("gone")
    assert handler.texts == ["heard", "still"]
    assert logging.root.parent is None


SETUPS = {
    "before": ("logging.basicConfig(format=F)", ""),
    "after": ("", "logging.basicConfig(format=F)"),
    "forced": ("logging.basicConfig()", "logging.basicConfig(format=F, force=True)"),
    "dictConfig": ("", "logging.config.dictConfig(D)"),
    "dictConfig that disables": (
        "logging.getLogger('old').warning; ",
        "logging.config.dictConfig({**D, 'disable_existing_loggers': True})",
    ),
}


@pytest.mark.parametrize("setup", SETUPS)
def test_the_users_own_set_up_takes_effect_before_and_after_and_by_force(run_program, setup):
    before, after = SETUPS[setup]
    done = run_program(
        f"""
import logging, logging.config
import otel_ia
F = "%(service_name)s|%(message)s|%(trace_id)s"
D = {{"version": 1, "disable_existing_loggers": False, "formatters": {{"f": {{"format": F}}}},
     "handlers": {{"h": {{"class": "logging.StreamHandler", "formatter": "f"}}}}, "root": {{"handlers": ["h"]}}}}
{before}
telemetry = otel_ia.configure(console=False, traces_exporter="none", service_name="svc")
{after}
logging.getLogger("new").warning("hello")
with otel_ia.monitor("block"):
    logging.getLogger("new").warning("inside")
telemetry.shutdown()
assert logging.root.parent is None
logging.root.handlers[0].setFormatter(None)
logging.getLogger("new").warning("bye")
"""
    )
    lines = done.stderr.splitlines()
    assert lines[0] == "svc|hello|"
    assert lines[1].startswith("svc|inside|")
    assert len(lines[1].rpartition("|")[2]) == 32
    assert lines[2:] == ["bye"]


def test_where_nobody_set_up_logging_nothing_of_its_last_resort_is_lost(run_program):
    done = run_program(
        """
import logging, otel_ia
log = logging.getLogger("some")
with otel_ia.configure(console=False, traces_exporter="none"):
    log.info("not shown"); log.warning("one"); log.error("two")
    with otel_ia.monitor("block"):
        log.warning("three")
log.warning("four")
"""
    )
    assert done.stderr.split() == ["one", "two", "three", "four"]
