"""Programs of several processes: nothing is lost, doubled or mixed, and no child hangs."""

from pathlib import Path

import pytest
from receiver import Receiver, plain

from .programs import deliver_what_is_left, ended, finish, numbers, start_file

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


def test_fifty_forks_under_load_hang_and_lose_nothing(receiver: Receiver, spool: Path) -> None:
    program = """
import threading
CHILDREN, THREADS = 50, 4
made = [0] * THREADS
go_on = True

def record(thread):
    while go_on:
        work(CHILDREN * 10 + made[thread] * THREADS + thread)
        made[thread] += 1
        time.sleep(0)

threads = [threading.Thread(target=record, args=(thread,)) for thread in range(THREADS)]
[thread.start() for thread in threads]
for child in range(CHILDREN):
    process = os.fork()
    if process == 0:
        for number in range(child * 10, child * 10 + 10):
            work(number)
        telemetry.flush(5 if child % 2 else 0)
        os._exit(0)
    end = time.monotonic() + 20
    while os.waitpid(process, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            print("child", child, "hangs", flush=True)
            os.kill(process, 6)
            os._exit(1)
        time.sleep(0.001)
go_on = False
[thread.join() for thread in threads]
telemetry.flush(20)
print(*made)
"""
    out, err, status = finish(program, receiver.endpoint)
    assert (err, status) == ("", 0), out
    deliver_what_is_left(receiver, spool)
    made = [int(count) for count in out.split()]
    expected = [
        *range(500),
        *(500 + number * 4 + thread for thread, count in enumerate(made) for number in range(count)),
    ]
    arrived = numbers(receiver)
    assert set(expected) <= set(arrived)
    assert len({span.span_id for span in receiver.spans}) == 2 * len(expected), "spans of two processes share an id"
    assert len(arrived) - len(expected) <= 50 * 10, (
        "a child that dies between the answer and its note sends a batch twice"
    )


def test_what_children_record_is_theirs(receiver: Receiver, spool: Path) -> None:
    program = """
from multiprocessing import get_context

@monitor
def say():
    with monitor("child", attributes={"process": os.getpid()}):
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
    told = [
        (plain(span.attributes)["process"], resource["process.pid"])
        for resource, span in receiver.spans_by_resource
        if span.name == "child"
    ]
    assert len(told) == 5
    assert all(said == known for said, known in told), told


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
