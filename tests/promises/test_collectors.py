"""Collectors that fail in every way they do: nothing is lost, and the program ends in time."""

import socket
import time
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from receiver import HANG, Receiver, Reply, receiving

from .faults import FAULTS
from .programs import (
    TELL_THE_END,
    TELL_THE_LAST_LINE,
    deliver_what_is_left,
    ended,
    finish,
    numbers,
    read_until,
    start,
    tell,
)

EXIT_TIMEOUT = 1.0
TRIES = 3
QUICKLY = {"OTEL_IA_EXIT_TIMEOUT": str(EXIT_TIMEOUT), "OTEL_EXPORTER_OTLP_TIMEOUT": "0.5"}
PATIENTLY = {"OTEL_IA_EXIT_TIMEOUT": str(EXIT_TIMEOUT)}

each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())

WORK = """
def work_on(numbers):
    for number in numbers:
        work(number)

"""


@each_fault
def test_a_collector_that_recovers_gets_everything_once(receiver: Receiver, fault: Reply) -> None:
    failures = 3 if fault.status == 400 else 2  # of a 400 the second request asks whether it is the content
    receiver.behaviour = lambda number: fault if number < failures else Reply()
    program = """
work_on(range(100))
print("flushed", telemetry.flush(0.2))
work_on(range(100, 200))
while not telemetry.flush(10):
    time.sleep(0.01)
"""
    out, err, status = finish(WORK + program, receiver.endpoint, OTEL_METRICS_EXPORTER="none", **QUICKLY)
    assert (out, status) == ("flushed False\n", 0)
    assert err.count("\n") <= 1, err
    assert numbers(receiver) == list(range(200))


def test_a_collector_that_asks_to_be_left_alone_is(receiver: Receiver) -> None:
    moments = []

    def behaviour(number: int) -> Reply:
        moments.append(time.monotonic())
        return Reply(status=429, headers={"Retry-After": "2"}) if number == 0 else Reply()

    receiver.behaviour = behaviour
    _, _, status = finish(
        WORK + "work_on(range(100))\ntelemetry.flush(20)", receiver.endpoint, OTEL_METRICS_EXPORTER="none"
    )
    assert status == 0
    assert moments[1] - moments[0] >= 2
    assert numbers(receiver) == list(range(100))


def end_within(seconds: float, program: str, endpoint: str, spool: Path, **environment: str) -> Path:
    """Has a program end so soon after its last line, at one try of three, for the machine may have other work.

    The directory of its spool, which is another for each try.
    """
    took: list[float] = []
    while not took or (took[-1] >= seconds and len(took) < TRIES):
        place = spool / str(len(took))
        environment["OTEL_IA_SPOOL_DIRECTORY"] = str(place)
        process = start(WORK + program + TELL_THE_LAST_LINE, endpoint, before=TELL_THE_END, **environment)
        out, err, status = ended(process, timeout=20)
        began, end = map(float, out.split())
        took.append(end - began)
        assert status == 0, err
        assert err.count("\n") <= 1, err
    assert took[-1] < seconds, took
    return place


@each_fault
def test_a_fault_first_met_at_the_exit_holds_it_up_to_the_deadline_at_most(
    receiver: Receiver, spool: Path, fault: Reply
) -> None:
    receiver.behaviour = lambda _: fault
    left = end_within(EXIT_TIMEOUT + 0.5, "work_on(range(100))", receiver.endpoint, spool, **PATIENTLY)
    receiver.behaviour = None
    deliver_what_is_left(receiver, left)
    assert numbers(receiver) == list(range(100))


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_signals_that_hang_together_hold_up_the_exit_to_one_deadline(spool: Path, protocol: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        program = "logging.lastResort = None\nwork_on(range(100))\nlogging.getLogger('app').error('logged')"
        environment = {**PATIENTLY, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
        end_within(EXIT_TIMEOUT + 0.5, program, endpoint, spool, **environment)


@each_fault
def test_a_collector_known_to_be_down_holds_up_nothing(receiver: Receiver, spool: Path, fault: Reply) -> None:
    receiver.behaviour = lambda _: fault
    program = "work_on(range(100))\nassert not telemetry.flush(0.6)\nwork_on(range(100, 200))"
    left = end_within(0.5, program, receiver.endpoint, spool, **QUICKLY)
    receiver.behaviour = None
    deliver_what_is_left(receiver, left)
    assert numbers(receiver) == list(range(200))


@pytest.mark.parametrize("known", ["assert not telemetry.flush(0.5)", ""], ids=["known", "met at the exit"])
def test_nobody_there_holds_up_nothing(nobody: str, spool: Path, known: str) -> None:
    left = end_within(0.5, f"work_on(range(100))\n{known}\nwork_on(range(100, 200))", nobody, spool)
    with receiving(port=int(nobody.rpartition(":")[2])) as receiver:
        deliver_what_is_left(receiver, left)
        assert numbers(receiver) == list(range(200))


def test_a_collector_that_is_restarted_gets_everything() -> None:
    program = """
for line in sys.stdin:
    begin, end = line.split()
    work_on(range(int(begin), int(end)))
    print("done", telemetry.flush(0.5), flush=True)
while not telemetry.flush(10):
    time.sleep(0.01)
"""
    with receiving() as before:
        process = start(WORK + program, before.endpoint)
        tell(process, "0 100")
        read_until(process, "done True")
    tell(process, "100 200")
    read_until(process, "done False")
    with receiving(port=int(before.endpoint.rpartition(":")[2])) as after:
        tell(process, "200 300")
        _, err, status = ended(process)
        assert status == 0, err
        assert numbers(before, after) == list(range(300))


def test_what_the_collector_rejects_is_told_and_not_sent_again(receiver: Receiver) -> None:
    partial = ExportTracePartialSuccess(rejected_spans=3, error_message="too old")
    body = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    receiver.behaviour = lambda number: Reply(body=body if number == 0 else b"")
    program = WORK + "work_on(range(100))\nassert telemetry.flush(10)"
    _, err, status = finish(program, receiver.endpoint, OTEL_METRICS_EXPORTER="none")
    assert status == 0
    assert "3 of traces" in err
    assert "too old" in err
    assert numbers(receiver) == list(range(100))


@pytest.mark.parametrize("call", ["telemetry.flush({})", "telemetry.shutdown({})"])
def test_a_hanging_collector_is_given_the_time_that_was_asked_for(receiver: Receiver, spool: Path, call: str) -> None:
    receiver.behaviour = lambda _: HANG
    program = f"work_on(range(100))\nbegan = time.monotonic()\nresult = {call.format(0.5)}\n"
    program += "print(result, time.monotonic() - began, flush=True)\nos._exit(0)"
    out, _, _ = finish(WORK + program, receiver.endpoint)
    result, took = out.split()
    assert result == "False"
    assert 0.5 <= float(took) < 1
    receiver.behaviour = None
    deliver_what_is_left(receiver, spool)
    assert numbers(receiver) == list(range(100))
