"""Ends of a configuration and of the interpreter while others are recording."""

from pathlib import Path

import pytest
from receiver import Receiver

from .programs import deliver_what_is_left, finish, numbers
from .tally import Tally

THREADS = """
import threading
made = [0] * 8
go_on = True

def record(thread):
    while go_on:
        work(made[thread] * 8 + thread)
        made[thread] += 1

threads = [threading.Thread(target=record, args=(thread,), daemon=True) for thread in range(8)]
[thread.start() for thread in threads]
while min(made) < 50:
    time.sleep(0.001)
"""


def finished(out: str) -> set[int]:
    """The numbers of the calls that had returned, by thread, when it was printed how many."""
    return {number * 8 + thread for thread, count in enumerate(out.split()) for number in range(int(count))}


def test_shutdown_while_eight_threads_record_hangs_and_loses_nothing(tally: Tally, spool: Path) -> None:
    program = """
before = list(made)
telemetry.shutdown(40)  # eight threads that go on calling leave the shipper a ninth of the interpreter
after = list(made)
while min(now - then for now, then in zip(made, after)) < 50:
    time.sleep(0.001)
go_on = False
[thread.join() for thread in threads]
print(*before)
"""
    out, err, status = finish(THREADS + program, tally.endpoint)
    assert (err, status) == ("", 0)
    deliver_what_is_left(tally, spool)
    assert finished(out) <= set(tally.numbers(1))
    assert tally.total == len(tally.numbers(1))
    assert list(spool.glob("*.segment")) == []


@pytest.mark.parametrize("round_", range(2))
@pytest.mark.parametrize("ending", ["", "raise SystemExit(0)"], ids=["end", "exit"])
def test_the_interpreter_ends_quietly_while_daemon_threads_record(
    tally: Tally, spool: Path, ending: str, round_: int
) -> None:
    out, err, status = finish(f"{THREADS}print(*made, flush=True)\n{ending}", tally.endpoint)
    assert status == 0
    # eight threads at work may leave the shipper too little time before the deadline, which it then says
    assert [line for line in err.splitlines() if not line.endswith("kept in the spool")] == []
    deliver_what_is_left(tally, spool)
    once, twice = tally.numbers(1), tally.numbers(2)
    assert finished(out) <= {*once, *twice}
    assert tally.total == len(once) + 2 * len(twice)
    # the deadline may fall between the server's answer and its acknowledgement: one batch of 2,048 comes twice
    assert len(twice) <= (2_048 if err else 0)


def test_a_hundred_configurations_leave_no_thread_and_no_file(receiver: Receiver, spool: Path) -> None:
    program = """
import threading
telemetry.shutdown()
files = lambda: sorted(os.listdir("/proc/self/fd"))
threads_before, files_before = threading.active_count(), files()
for number in range(100):
    with otel_ia.configure(service_name="promised", endpoint=sys.argv[1]) as telemetry:
        work(number)
        logging.warning("logged %d", number)
        assert telemetry.shutdown(10)
assert threading.active_count() == threads_before, threading.enumerate()
assert files() == files_before, [os.readlink(f"/proc/self/fd/{file}") for file in files() if file not in files_before]
"""
    _, err, status = finish(
        "logging.basicConfig(level='ERROR')\nlogging.root.handlers[0].setLevel('ERROR')\n"
        "logging.root.setLevel('INFO')\n" + program,
        receiver.endpoint,
    )
    assert (err, status) == ("", 0)
    assert numbers(receiver) == list(range(100))
    assert len(receiver.logs) == 100
    assert list(spool.glob("*.segment")) == []
