"""Nothing lost, never in the way: real programs that use `configure` and `monitor` and come to a bad end."""

import signal
import time
from pathlib import Path

import pytest
from receiver import Receiver, plain, receiving

from .programs import deliver_what_is_left, ended, finish, last_number, numbers, read_until, start


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_program_had_finished_arrives_with_the_next(
    receiver: Receiver, spool: Path, death: signal.Signals
) -> None:
    receiver.status = 503
    process = start(
        "for number in range(10_000_000):\n    work(number)\n    print(number, flush=True)", receiver.endpoint
    )
    read_until(process, "500")
    process.send_signal(death)
    out, err, status = ended(process)
    assert status == -death
    assert "Traceback" not in err
    last = last_number(out, at_least=500)
    receiver.status = 200
    deliver_what_is_left(receiver, spool)
    arrived = numbers(receiver)
    assert arrived[: last + 1] == list(range(last + 1))
    assert len(arrived) == len(set(arrived))


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_killed_while_it_delivers_sends_at_most_one_batch_twice(
    receiver: Receiver, spool: Path, death: signal.Signals
) -> None:
    process = start(
        "for number in range(10_000_000):\n    work(number)\n    print(number, flush=True)", receiver.endpoint
    )
    read_until(process, "1000")
    receiver.wait_for(spans=1000)
    process.send_signal(death)
    out, _, _ = ended(process)
    last = last_number(out, at_least=1000)
    largest = 1 + max(receiver.sizes)
    deliver_what_is_left(receiver, spool)
    arrived = numbers(receiver)
    assert set(range(last + 1)) <= set(arrived)
    assert len(arrived) - len(set(arrived)) <= largest


IN_PYTHON = "print('open', flush=True)\n    sys.stdin.read()"
IN_NATIVE_CODE_WITH_THE_GIL = "import ctypes\n    ctypes.PyDLL(None).system(b'echo open; read nothing')"


@pytest.mark.parametrize("call", [IN_PYTHON, IN_NATIVE_CODE_WITH_THE_GIL], ids=["python", "native"])
@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
def test_a_call_that_was_open_when_the_program_was_killed_arrives_as_abandoned(
    receiver: Receiver, spool: Path, call: str, death: signal.Signals
) -> None:
    receiver.status = 503
    process = start(f"work(1)\nwith monitor('training'):\n    {call}", receiver.endpoint)
    read_until(process, "open")
    process.send_signal(death)
    _, _, status = ended(process)
    assert status == -death
    receiver.status = 200
    deliver_what_is_left(receiver, spool)
    span = receiver.span("training")
    assert plain(span.attributes)["ia.outcome"] == "abandoned"
    assert span.status.code == 2
    assert span.end_time_unix_nano >= span.start_time_unix_nano
    assert numbers(receiver) == [1]


def test_os_exit_loses_nothing(receiver: Receiver, spool: Path) -> None:
    finish("for number in range(10_000):\n    work(number)\nos._exit(0)", receiver.endpoint)
    largest = max(receiver.sizes, default=0)
    deliver_what_is_left(receiver, spool)
    arrived = numbers(receiver)
    assert sorted(set(arrived)) == list(range(10_000))
    assert len(arrived) - 10_000 <= largest


def test_a_collector_that_is_down_for_the_whole_program_gets_everything_from_the_next(nobody: str, spool: Path) -> None:
    began = time.monotonic()
    out, err, status = finish("for number in range(2000):\n    work(number)\nprint('done')", nobody)
    assert time.monotonic() - began < 10
    assert (out, status) == ("done\n", 0)
    assert err.count("\n") <= 1, err
    with receiving(port=int(nobody.rpartition(":")[2])) as receiver:
        deliver_what_is_left(receiver, spool)
        assert numbers(receiver) == list(range(2000))


def test_forked_children_that_leave_by_os_exit_lose_nothing(receiver: Receiver, spool: Path) -> None:
    program = """
from multiprocessing import get_context
work(0)
with get_context("fork").Pool(4) as pool:
    assert pool.map(work, range(1, 401)) == [2 * number for number in range(1, 401)]
telemetry.flush(10)
"""
    _, err, status = finish(program, receiver.endpoint)
    assert (err, status) == ("", 0)
    deliver_what_is_left(receiver, spool)
    assert sorted(set(numbers(receiver))) == list(range(401))
    assert len({span.span_id for span in receiver.spans}) >= 802


def test_a_wrong_token_keeps_everything_and_says_so_once(receiver: Receiver) -> None:
    receiver.status = 401
    program = "for number in range(100):\n    work(number)\n    time.sleep(0.01)"
    _, err, status = finish(program, receiver.endpoint, OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20geheim")
    assert status == 0
    assert err.count("not delivered") == 1, err
    assert "geheim" not in err
    assert receiver.spans == []
