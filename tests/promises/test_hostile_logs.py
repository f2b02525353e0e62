"""Log records of every kind: they never raise, never come back to themselves, never wait for a collector."""

from pathlib import Path

from receiver import HANG, Receiver

from .programs import finish

HOSTILE = """
import signal, urllib3
log = logging.getLogger("app")
logging.basicConfig(level="DEBUG", handlers=[logging.NullHandler()])

class Chatty:
    def __str__(self):
        log.info("plain, from inside")
        log.info("%s", Chatty())
        return "chatty"

class Raising:
    def __str__(self):
        raise ValueError("no text")
    __repr__ = __eq__ = __ne__ = __hash__ = __bool__ = __len__ = __str__

cycle = []
cycle.append(cycle)

def write_all():
    log.info("%s", Chatty())
    log.info("%s", Raising())
    log.info("%d", "no number")
    log.info("%s %s", 1)
    log.info("%(a)s", {"b": 1})
    log.info(Raising())
    log.info("cycle", extra={"cycle": cycle, "raising": Raising()})
    log.info("long", extra={"long": "x" * 10_000_000})
    log.info("lone \\ud800 surrogate")
    log.info("own id", extra={"trace_id": Raising()})
    try:
        raise ValueError(Raising())
    except ValueError:
        log.exception("failed", stack_info=True)
"""
WRITTEN = 12


def test_hostile_records_arrive_and_raise_nothing(receiver: Receiver, tmp_path: Path) -> None:
    program = """
write_all()
telemetry.flush(20)
print(dict(telemetry.stats().dropped))
"""
    file = tmp_path / "app.log"
    out, err, status = finish(HOSTILE + program, receiver.endpoint, OTEL_IA_LOG_FILE=str(file))
    assert (out, err, status) == ("{}\n", "", 0)
    of_the_app = [record.body.string_value for record in receiver.logs]
    assert len(of_the_app) == WRITTEN
    assert "plain, from inside" in of_the_app
    assert "chatty" in of_the_app
    assert "lone � surrogate" in of_the_app
    assert file.read_text().count("app: ") == WRITTEN


def test_at_debug_on_the_root_logger_the_delivery_does_not_deliver_its_own_lines(receiver: Receiver) -> None:
    program = """
for number in range(200):
    work(number)
    log.debug("line %d", number)
    if number % 50 == 0:
        telemetry.flush(10)
logging.getLogger("urllib3").debug("the program's own use of it")
telemetry.flush(20)
"""
    _, err, status = finish(HOSTILE + program, receiver.endpoint)
    assert (err, status) == ("", 0)
    bodies = [record.body.string_value for record in receiver.logs]
    assert len(bodies) == 201
    assert "the program's own use of it" in bodies


def test_a_collector_that_hangs_keeps_no_line_waiting(receiver: Receiver, tmp_path: Path) -> None:
    receiver.behaviour = lambda _: HANG
    program = """
write_all()
begin = time.perf_counter()
for number in range(10_000):
    log.info("line %d", number)
taken = time.perf_counter() - begin
print(taken)
os._exit(0)
"""
    out, err, status = finish(HOSTILE + program, receiver.endpoint, OTEL_IA_LOG_FILE=str(tmp_path / "app.log"))
    assert (err, status) == ("", 0)
    assert float(out) < 10
    assert (tmp_path / "app.log").read_text().count("app: line ") == 10_000


def test_a_signal_handler_that_logs_in_the_middle_of_a_line_loses_none(receiver: Receiver, tmp_path: Path) -> None:
    program = """
handled = 0

def handle(*_):
    global handled
    handled += 1
    log.info("handled %d", handled)

signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
number = 0
while handled < 500:
    log.info("line %d", number)
    number += 1
signal.setitimer(signal.ITIMER_REAL, 0)
telemetry.flush(20)
print(number, handled, dict(telemetry.stats().dropped))
"""
    file = tmp_path / "app.log"
    settings = {"OTEL_IA_LOG_FILE": str(file), "OTEL_IA_LOG_FILE_SIZE": "0"}
    out, err, status = finish(HOSTILE + program, receiver.endpoint, **settings)
    assert (err, status) == ("", 0)
    lines, handled, dropped = out.split(maxsplit=2)
    assert dropped == "{}\n"
    bodies = {record.body.string_value for record in receiver.logs}
    assert bodies >= {f"line {number}" for number in range(int(lines))}
    assert bodies >= {f"handled {number}" for number in range(1, int(handled) + 1)}
    text = file.read_text()
    assert text.count("app: line ") == int(lines)
    assert text.count("app: handled ") == int(handled)
