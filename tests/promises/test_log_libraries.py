"""Log records of every kind, by three libraries: they never raise, never come back, never wait for a collector."""

from pathlib import Path

import pytest
from receiver import HANG, Receiver, Reply

from .programs import finish, finish_alone

pytest.importorskip("loguru")
pytest.importorskip("structlog")

LIBRARIES = """
import structlog, urllib3
from loguru import logger
from otel_ia.integrations import loguru, structlog as structlog_events

logging.basicConfig(level="DEBUG", handlers=[logging.NullHandler()])
for name in ("otel_ia", "urllib3", "urllib3.connectionpool"):
    logging.getLogger(name).setLevel("DEBUG")
logger.remove()
structlog.configure(processors=[lambda *said: ""], logger_factory=structlog.ReturnLoggerFactory())
loguru.install()
structlog_events.install()
stdlib, events = logging.getLogger("app"), structlog.get_logger("app")

def by_stdlib(message, **fields):
    stdlib.info(message, extra=fields)

def by_loguru(message, **fields):
    logger.bind(**fields).info(message)

def by_structlog(message, **fields):
    events.info(message, **fields)

LIBRARIES = {"stdlib": by_stdlib, "loguru": by_loguru, "structlog": by_structlog}
"""
NAMES = ("stdlib", "loguru", "structlog")

HOSTILE = """
class Chatty:
    def __str__(self):
        for name, write in LIBRARIES.items():
            write(f"{name}, from inside")
        return "chatty"
    __repr__ = __str__

class Raising:
    def __str__(self):
        raise ValueError("no text")
    __repr__ = __eq__ = __ne__ = __hash__ = __bool__ = __len__ = __iter__ = __getattr__ = __str__

class Refusing(Exception):
    __str__ = __repr__ = Raising.__str__

cycle = []
cycle.append(cycle)
VALUES = [
    Raising(), Refusing(), cycle, {"a": cycle, 1: None}, "lone \\ud800 surrogate", "x" * 10_000_000, float("nan"),
    10**400, b"\\xff", object(), Raising,
]
count = 0
stdlib.info("%s", Chatty())
logger.info("{}", Chatty())
for name, write in LIBRARIES.items():
    for value in VALUES:
        for fields in ({"value": value}, {"trace_id": value, "service_name": value}, {"a.b": value, "\\ud800": value}):
            write(f"{name} hostile", **fields)
            count += 1
        try:
            raise Refusing(value)
        except Refusing:
            write(f"{name} failing", exc_info=True) if name == "structlog" else None
            stdlib.exception("stdlib failing") if name == "stdlib" else None
            logger.exception("loguru failing") if name == "loguru" else None
            count += 1
    write(f"{name} of no text", value=Chatty())
telemetry.flush(20)
print(count, dict(telemetry.stats().dropped))
"""


def test_hostile_records_of_each_library_arrive_and_raise_nothing(receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "app.log"
    settings = {"OTEL_IA_LOG_FILE": str(file), "OTEL_IA_LOG_FILE_FORMAT": "ecs"}
    out, err, status = finish(LIBRARIES + HOSTILE, receiver.endpoint, **settings)
    assert (err, status) == ("", 0)
    count, dropped = out.split(maxsplit=1)
    assert dropped == "{}\n"
    bodies = [record.body.string_value for record in receiver.logs]
    hostile = [body for body in bodies if body.endswith(("hostile", "failing"))]
    assert len(hostile) == int(count)
    assert {hostile.count(f"{name} failing") for name in NAMES} == {11}
    for name in NAMES:
        assert bodies.count(f"{name} of no text") == 1
        assert f"{name}, from inside" in bodies
    assert bodies.count("chatty") == 2
    assert len(file.read_text().splitlines()) == len(bodies)


ALL_KINDS = """
begin, slowest = time.perf_counter(), 0.0
for number in range(3_000):
    for name, write in LIBRARIES.items():
        before = time.perf_counter()
        write(f"{name} {number}", number=number)
        slowest = max(slowest, time.perf_counter() - before)
print(time.perf_counter() - begin)
print(slowest, flush=True)
"""
TELL_THE_END = "import atexit, time\natexit.register(lambda: print(time.perf_counter() - ended))\n"


@pytest.mark.parametrize("state", ["dead", "hanging"])
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_no_line_and_no_end_waits_for_a_collector(receiver: Receiver, nobody: str, state: str, protocol: str) -> None:
    receiver.behaviour = lambda _: HANG
    endpoint = nobody if state == "dead" else receiver.endpoint
    program = LIBRARIES + ALL_KINDS + "ended = time.perf_counter()\n"
    out, err, status = finish(program, endpoint, before=TELL_THE_END, OTEL_EXPORTER_OTLP_PROTOCOL=protocol)
    assert (err, status) == ("", 0)
    written, slowest, ending = (float(line) for line in out.splitlines())
    assert written < 15
    assert slowest < 5, "it waited for a request, which has ten seconds"
    assert ending < 10


def test_lines_about_failures_of_the_delivery_do_not_become_lines_of_the_delivery(receiver: Receiver) -> None:
    receiver.behaviour = lambda number: Reply(status=503 if number < 4 else 200)
    program = """
for number in range(50):
    for name, write in LIBRARIES.items():
        write(f"{name} {number}")
    if number % 10 == 0:
        telemetry.flush(5)
telemetry.flush(30)
"""
    _, err, status = finish(LIBRARIES + program, receiver.endpoint)
    assert (err, status) == ("", 0)
    bodies = [record.body.string_value for record in receiver.logs]
    assert receiver.requests > 4
    assert sorted(bodies) == sorted(f"{name} {number}" for name in NAMES for number in range(50))


TELLING = ("handler", "filter", "formatter", "sink", "processor")
INSIDE = """
import structlog
from loguru import logger
from otel_ia.integrations import loguru, structlog as structlog_events

echo = logging.getLogger("echo")
asked = 0

def tell(who, name):
    if name != "echo":
        echo.info("%s heard", who)

class Handler(logging.Handler):
    def emit(self, record):
        tell("handler", record.name)

class Filter(logging.Filter):
    def filter(self, record):
        tell("filter", record.name)
        return True

class Formatter(logging.Formatter):
    def format(self, record):
        tell("formatter", record.name)
        return super().format(record)

def callback(path, value):
    global asked
    asked += 1
    logging.getLogger("callback").info("asked about %r", path)
    return value

def process(_, __, event):
    tell("processor", "app")
    return event

stream = logging.StreamHandler(open(os.devnull, "w"))
stream.setFormatter(Formatter())
handler = Handler()
handler.addFilter(Filter())
logging.basicConfig(level="DEBUG", handlers=[handler, stream])
asks = callback if os.environ.get("ASK") else None
telemetry = otel_ia.configure(service_name="promised", endpoint=sys.argv[1], redact_callback=asks, console=False)
logger.remove()
logger.add(lambda message: tell("sink", "app"), format="{message}")
structlog.configure(
    processors=[process, structlog.processors.JSONRenderer()], logger_factory=structlog.ReturnLoggerFactory()
)
loguru.install()
structlog_events.install()
logging.getLogger("app").info("by stdlib", extra={"field": "value"})
logger.bind(field="value").info("by loguru")
structlog.get_logger("app").info("by structlog", field="value")
telemetry.flush(20)
print(asked, dict(telemetry.stats().dropped))
"""


def test_what_is_logged_inside_handlers_filters_formatters_sinks_and_processors_comes_once(
    receiver: Receiver, tmp_path: Path
) -> None:
    file = tmp_path / "app.log"
    out, err, status = finish_alone(INSIDE, receiver.endpoint, OTEL_IA_LOG_FILE=str(file))
    assert (out, err, status) == ("0 {}\n", "", 0)
    bodies = [record.body.string_value for record in receiver.logs]
    said = [f"by {name}" for name in NAMES]
    assert sorted(bodies) == sorted([*said, *(f"{who} heard" for who in TELLING)])
    assert len(file.read_text().splitlines()) == len(bodies)


def test_a_redact_callback_that_logs_is_not_asked_about_what_it_logs(receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "app.log"
    settings = {"OTEL_IA_LOG_FILE": str(file), "ASK": "yes"}
    out, err, status = finish_alone(INSIDE, receiver.endpoint, **settings)
    assert (err, status) == ("", 0)
    asked, dropped = out.split(maxsplit=1)
    assert dropped == "{}\n"
    assert 0 < int(asked) < 200
    bodies = [record.body.string_value for record in receiver.logs]
    assert {f"by {name}" for name in NAMES} <= set(bodies)
    assert "[redacted: failed callback]" in bodies
    assert file.read_text().count("[redacted: failed callback]") >= int(asked) // 2
