"""Programs of several processes: nothing is lost, doubled or mixed, and no child hangs."""

from collections import Counter
from pathlib import Path

import pytest
from polling import poll_until
from receiver import Receiver, plain

from .programs import (
    deliver_what_is_left,
    ended,
    finish,
    numbers,
    read_until,
    start,
    start_file,
)

METHODS = ["fork", "spawn", "forkserver"]


def run_file(place: Path, program: str, endpoint: str) -> tuple[str, str, int]:
    return ended(start_file(place / "program.py", program, endpoint), timeout=60)


@pytest.mark.parametrize("method", METHODS)
def test_a_pool_loses_nothing(receiver: Receiver, spool: Path, tmp_path: Path, method: str) -> None:
    program = f"""
if __name__ == "__main__":
    from multiprocessing import get_context
    work(0)
    with get_context("{method}").Pool(2) as pool:
        assert pool.map(work, range(1, 201)) == [2 * number for number in range(1, 201)]
        pool.close()
        pool.join()
"""
    _, err, status = run_file(tmp_path, program, receiver.endpoint)
    assert (err, status) == ("", 0)
    deliver_what_is_left(receiver, spool)
    assert numbers(receiver) == list(range(201))


@pytest.mark.parametrize("method", METHODS)
def test_a_process_pool_executor_loses_nothing(receiver: Receiver, spool: Path, tmp_path: Path, method: str) -> None:
    program = f"""
if __name__ == "__main__":
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context
    work(0)
    with ProcessPoolExecutor(2, mp_context=get_context("{method}")) as executor:
        assert list(executor.map(work, range(1, 201))) == [2 * number for number in range(1, 201)]
"""
    _, err, status = run_file(tmp_path, program, receiver.endpoint)
    assert (err, status) == ("", 0)
    deliver_what_is_left(receiver, spool)
    assert numbers(receiver) == list(range(201))


@pytest.mark.parametrize("method", METHODS)
def test_the_workers_of_a_terminated_pool_lose_nothing_they_had_done(
    receiver: Receiver, spool: Path, tmp_path: Path, method: str
) -> None:
    program = f"""
if __name__ == "__main__":
    from multiprocessing import get_context
    pool = get_context("{method}").Pool(2)
    results = pool.imap_unordered(work, range(1_000_000))
    done = [next(results) // 2 for _ in range(200)]
    pool.terminate()
    pool.join()
    print(*done)
"""
    out, err, status = run_file(tmp_path, program, receiver.endpoint)
    assert (err, status) == ("", 0)
    deliver_what_is_left(receiver, spool)
    assert {int(number) for number in out.split()} <= set(numbers(receiver))
    assert len({span.span_id for span in receiver.spans}) >= 400


def test_two_hundred_forks_under_load_hang_and_lose_nothing(receiver: Receiver, spool: Path) -> None:
    """Half of them from a thread, while four others are anywhere in their calls."""
    program = """
import threading
CHILDREN, THREADS = 200, 4
made = [0] * THREADS
go_on = True

def record(thread):
    while go_on:
        for _ in range(3):
            work(CHILDREN * 10 + made[thread] * THREADS + thread)
            made[thread] += 1
        time.sleep(0.002)

def fork(child):
    process = os.fork()
    if process == 0:
        for number in range(child * 10, child * 10 + 10):
            work(number)
        telemetry.flush(5 if child % 4 < 2 else 0)
        os._exit(0)
    end = time.monotonic() + 40
    while os.waitpid(process, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            print("child", child, "hangs", flush=True)
            os.kill(process, 6)
            os._exit(1)
        time.sleep(0.001)

threads = [threading.Thread(target=record, args=(thread,)) for thread in range(THREADS)]
[thread.start() for thread in threads]
for child in range(CHILDREN):
    if child % 2:
        forking = threading.Thread(target=fork, args=(child,))
        forking.start()
        forking.join()
    else:
        fork(child)
go_on = False
[thread.join() for thread in threads]
telemetry.flush(20)
print(*made)
"""
    out, err, status = finish(program, receiver.endpoint, timeout=240)
    assert (err, status) == ("", 0), out
    deliver_what_is_left(receiver, spool)
    made = [int(count) for count in out.split()]
    expected = [
        *range(2000),
        *(2000 + number * 4 + thread for thread, count in enumerate(made) for number in range(count)),
    ]
    arrived = numbers(receiver)
    assert set(expected) == set(arrived)
    assert len({span.span_id for span in receiver.spans}) == 2 * len(expected), "spans of two processes share an id"
    # a child that dies between the answer and its note sends a batch twice
    assert all(number < 2000 for number, count in Counter(arrived).items() if count > 1)


def test_a_child_forked_with_a_live_connection_has_its_own(receiver: Receiver) -> None:
    program = """
work(0)
assert telemetry.flush(20)
for child in range(1, 21):
    process = os.fork()
    if process == 0:
        work(1000 + child)
        assert telemetry.flush(20)
        os._exit(0)
    assert os.waitpid(process, 0)[1] == 0
    work(child)
    assert telemetry.flush(20)
"""
    _, err, status = finish(program, receiver.endpoint, OTEL_EXPERIMENTAL_RESOURCE_DETECTORS="process")
    assert (err, status) == ("", 0)
    assert numbers(receiver) == [*range(21), *range(1001, 1021)]
    users: dict[int, set[int]] = {}
    for connection, resource in receiver.resources_by_connection:
        users.setdefault(connection, set()).add(resource["process.pid"])
    assert sorted(map(len, users.values())) == [1] * 21, users
    assert len(receiver.resources_by_connection) >= 41, "the parent did not keep its connection"


def test_what_children_record_is_theirs(receiver: Receiver, spool: Path) -> None:
    program = """
from multiprocessing import get_context

@monitor
def say():
    with monitor("child", attributes={"process": os.getpid(), "parent": os.getppid()}):
        return os.getpid()

say()
context = get_context("fork")
for _ in range(4):
    child = context.Process(target=say)
    child.start()
    child.join()
telemetry.flush(10)
"""
    _, err, status = finish(program, receiver.endpoint, OTEL_EXPERIMENTAL_RESOURCE_DETECTORS="process")
    assert (err, status) == ("", 0)
    deliver_what_is_left(receiver, spool)
    told = [(plain(span.attributes), resource) for resource, span in receiver.spans_by_resource if span.name == "child"]
    assert len(told) == 5
    for said, known in told:
        assert (said["process"], said["parent"]) == (known["process.pid"], known["process.parent_pid"])
    assert len({known["service.instance.id"] for _, known in told}) == 5


def test_sixty_four_short_processes_at_once_lose_nothing(receiver: Receiver, spool: Path) -> None:
    program = """
telemetry.shutdown()
begin, go = os.pipe()
children = []
for number in range(64):
    if (child := os.fork()) == 0:
        os.close(go)
        os.read(begin, 1)
        telemetry = otel_ia.configure(service_name="promised", endpoint=sys.argv[1])
        work(number)
        telemetry.shutdown()
        os._exit(0)
    children.append(child)
os.close(go)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 64
"""
    _, err, status = finish(program, receiver.endpoint)
    assert status == 0, err
    deliver_what_is_left(receiver, spool)
    assert numbers(receiver) == list(range(64))


def test_programs_that_recover_at_once_deliver_everything_once(receiver: Receiver, spool: Path) -> None:
    receiver.status = 503
    program = """
for number in range(40):
    if os.fork() == 0:
        work(number)
        os._exit(0)
    os.wait()
"""
    _, err, status = finish(program, receiver.endpoint)
    assert status == 0, err
    left = list(spool.glob("*.segment"))
    assert len(left) >= 40
    # each looks for what the dead left before it sends anything of its own
    looking = """
work(int(sys.argv[2]))
assert not telemetry.flush(1)
print("looked", flush=True)
sys.stdin.readline()
"""
    together = [start(looking, receiver.endpoint, str(number)) for number in (40, 41, 42)]
    for process in together:
        read_until(process, "looked")
    receiver.status = 200
    poll_until(lambda: not any(segment.exists() for segment in left))
    for process in together:
        _, err, status = ended(process)
        assert status == 0, err
    assert numbers(receiver) == list(range(43))
