"""Traces that were not sampled and go on in other processes: all of them keep their part, or none does."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from polling import poll_until
from receiver import Receiver, plain

from .programs import deliver_what_is_left, ended, next_program, numbers, read_until, start, start_file, tell

KEEPING = {"OTEL_TRACES_SAMPLER": "parentbased_always_off", "OTEL_IA_KEEP_ERRORS": "true"}
JOINING = """
from opentelemetry import trace
from opentelemetry.context import attach
from opentelemetry.propagate import extract, inject

def join(headers):
    attach(extract({"traceparent": headers}))

def headers():
    carrier = {}
    inject(carrier)
    return carrier["traceparent"]
"""
PARENT = (
    JOINING
    + """
try:
    with monitor("request"):
        work(0)
        print(headers(), flush=True)
        if sys.stdin.readline() == "fail\\n":
            raise ValueError
        work(1)
except ValueError:
    pass
print("decided", flush=True)
sys.stdin.readline()
"""
)
CHILD = (
    JOINING
    + """
join(sys.argv[2])
work(10)
try:
    with monitor("part"):
        work(11)
        if sys.argv[3] == "fails":
            raise ValueError
except ValueError:
    pass
print("done", flush=True)
sys.stdin.readline()
"""
)
FORKING = """
try:
    with monitor("request"):
        children = []
        for number in (10, 20):
            children.append(os.fork())
            if children[-1] == 0:
                work(number)
                os._exit(0)
        for child in children:
            os.waitpid(child, 0)
        work(0)
        1 / int(sys.argv[2])
except ZeroDivisionError:
    pass
"""


def begin(endpoint: str, **environment: str) -> tuple[subprocess.Popen[str], str]:
    """The process in which the trace begins, and what its children are given."""
    parent = start(PARENT, endpoint, **KEEPING, **environment)
    assert parent.stdout is not None
    return parent, parent.stdout.readline().strip()


def begin_child(endpoint: str, headers: str, how: str = "works", **environment: str) -> subprocess.Popen[str]:
    """One that has a part in it, which it has ended."""
    child = start(CHILD, endpoint, headers, how, **KEEPING, **environment)
    read_until(child, "done")
    return child


def end(process: subprocess.Popen[str], line: str = "") -> None:
    """Lets it go on to its end."""
    out, err, status = finish_with(process, line)
    assert (err, status) == ("", 0), out


def finish_with(process: subprocess.Popen[str], line: str) -> tuple[str, str, int]:
    if line:
        tell(process, line)
        read_until(process, "decided")
    tell(process, "end")
    return ended(process)


def files(spool: Path) -> list[Path]:
    return list(spool.glob("*.segment"))


def assert_one_whole_trace(receiver: Receiver, *parts: int) -> None:
    assert numbers(receiver) == sorted(parts)
    assert len({span.trace_id for span in receiver.spans}) == 1
    known = {span.span_id for span in receiver.spans}
    assert len(known) == len(receiver.spans)
    assert {span.parent_span_id for span in receiver.spans} - known == {b""}


def test_children_that_have_ended_are_kept_with_a_trace_that_fails_after_them(receiver: Receiver, spool: Path) -> None:
    parent, headers = begin(receiver.endpoint)
    for _ in range(2):
        end(begin_child(receiver.endpoint, headers))
    time.sleep(0.3)
    assert receiver.spans == []
    assert files(spool), "what was undecided is in the spool"
    end(parent, "fail")
    assert_one_whole_trace(receiver, 0, 10, 10, 11, 11)
    assert files(spool) == []


def test_children_are_discarded_with_a_trace_that_ends_well(receiver: Receiver, spool: Path) -> None:
    parent, headers = begin(receiver.endpoint)
    ended_before, alive = (begin_child(receiver.endpoint, headers) for _ in range(2))
    end(ended_before)
    end(parent, "go on")
    end(alive)
    deliver_what_is_left(receiver, spool)
    assert receiver.spans == []
    assert files(spool) == []


def test_a_child_that_fails_has_all_of_the_trace_kept(receiver: Receiver, spool: Path) -> None:
    parent, headers = begin(receiver.endpoint)
    good = begin_child(receiver.endpoint, headers)
    end(begin_child(receiver.endpoint, headers, "fails"))
    end(parent, "go on")
    end(good)
    assert_one_whole_trace(receiver, 0, 1, 10, 10, 11, 11)
    assert files(spool) == []


def test_a_child_that_lives_on_sends_its_part_when_its_parent_has_failed(receiver: Receiver) -> None:
    parent, headers = begin(receiver.endpoint)
    child = begin_child(receiver.endpoint, headers)
    end(parent, "fail")
    assert receiver.wait_until(lambda: len(receiver.spans) == 8)
    assert_one_whole_trace(receiver, 0, 10, 11)
    end(child)
    assert_one_whole_trace(receiver, 0, 10, 11)


def test_what_a_child_passes_on_is_decided_on_where_the_trace_began(receiver: Receiver) -> None:
    grandchild = (
        JOINING
        + """
join(sys.argv[2])
with monitor("part"):
    work(5)
    print(headers(), flush=True)
    sys.stdin.readline()
print("done", flush=True)
sys.stdin.readline()
"""
    )
    parent, headers = begin(receiver.endpoint)
    between = start(grandchild, receiver.endpoint, headers, **KEEPING)
    assert between.stdout is not None
    below = begin_child(receiver.endpoint, between.stdout.readline().strip())
    tell(between, "go on")
    read_until(between, "done")
    end(below)
    end(between)
    end(parent, "fail")
    assert_one_whole_trace(receiver, 0, 5, 10, 11)


@pytest.mark.parametrize("how", ["fail", "go on"])
def test_a_child_that_is_killed_while_it_waits_follows_all_the_same(receiver: Receiver, spool: Path, how: str) -> None:
    parent, headers = begin(receiver.endpoint)
    child = begin_child(receiver.endpoint, headers)
    child.kill()
    ended(child)
    end(parent, how)
    if how == "fail":
        assert_one_whole_trace(receiver, 0, 10, 11)
    else:
        deliver_what_is_left(receiver, spool)
        assert receiver.spans == []
    assert files(spool) == []


def test_a_parent_that_is_killed_has_not_decided_and_all_is_kept(receiver: Receiver, spool: Path) -> None:
    parent, headers = begin(receiver.endpoint)
    dead, alive = (begin_child(receiver.endpoint, headers) for _ in range(2))
    for process in (dead, parent):
        process.kill()
        ended(process)
    with next_program(receiver.endpoint):
        assert receiver.wait_until(lambda: len(numbers(receiver)) == 5), "the living one hears of it"
    end(alive)
    assert_one_whole_trace(receiver, 0, 10, 10, 11, 11)
    assert plain(receiver.span("request").attributes)["ia.outcome"] == "abandoned"
    assert files(spool) == []


def test_a_child_that_is_killed_in_its_part_has_all_of_the_trace_kept(receiver: Receiver, spool: Path) -> None:
    parent, headers = begin(receiver.endpoint)
    good = begin_child(receiver.endpoint, headers)
    program = (
        JOINING
        + """
join(sys.argv[2])
with monitor("part"):
    work(5)
    print("there", flush=True)
    os.kill(os.getpid(), 9)
"""
    )
    killed = start(program, receiver.endpoint, headers, **KEEPING)
    read_until(killed, "there")
    ended(killed)
    with next_program(receiver.endpoint):
        assert receiver.wait_until(lambda: numbers(receiver) == [5, 10, 11])
    end(parent, "go on")
    end(good)
    assert_one_whole_trace(receiver, 0, 1, 5, 10, 11)
    assert files(spool) == []


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
def test_what_waits_for_a_living_process_is_left_alone_by_others(
    receiver: Receiver, spool: Path, death: signal.Signals
) -> None:
    parent, headers = begin(receiver.endpoint)
    child = begin_child(receiver.endpoint, headers)
    child.send_signal(death)
    ended(child)
    waiting = files(spool)
    with pytest.raises(AssertionError):
        poll_until(lambda: not all(file.exists() for file in waiting), timeout=1)
    other = start("work(99)\nprint(telemetry.flush(10))\nsys.stdin.read()", receiver.endpoint)
    read_until(other, "True")
    assert numbers(receiver) == [99]
    assert telling(other) == ("", 0)
    end(parent, "fail")
    assert sorted(numbers(receiver)) == [0, 10, 11, 99]


def telling(process: subprocess.Popen[str]) -> tuple[str, int]:
    _, err, status = ended(process)
    return err, status


def test_the_command_line_says_what_waits_for_whom_and_sends_it_if_it_is_to(receiver: Receiver, spool: Path) -> None:
    parent, headers = begin(receiver.endpoint)
    end(begin_child(receiver.endpoint, headers))

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "otel_ia", "spool", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout

    groups = {group["state"]: group["spans"] for group in json.loads(run("--json"))["waiting"]}
    assert groups["undecided"] == 5
    assert "has yet to decide" in " ".join(run("send", "--endpoint", receiver.endpoint).split())
    assert receiver.spans == []
    run("send", "--endpoint", receiver.endpoint, "--yes")
    assert numbers(receiver) == [10, 11]
    end(parent, "go on")
    assert numbers(receiver) == [10, 11]
    assert files(spool) == []


def test_services_that_share_a_directory_keep_a_trace_together(receiver: Receiver, spool: Path) -> None:
    parent, headers = begin(receiver.endpoint, SERVICE="shop")
    child = begin_child(receiver.endpoint, headers, SERVICE="model")
    end(parent, "fail")
    end(child)
    assert_one_whole_trace(receiver, 0, 10, 11)
    assert files(spool) == []


def test_what_goes_on_elsewhere_of_a_trace_nobody_here_began_is_decided_here(receiver: Receiver, spool: Path) -> None:
    headers = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-00"
    end(begin_child(receiver.endpoint, headers))
    end(begin_child(receiver.endpoint, headers, "fails"))
    assert numbers(receiver) == [11], "`work` ended well before the part that failed"
    assert files(spool) == []


@pytest.mark.parametrize("divisor", ["0", "1"])
def test_forked_children_follow(receiver: Receiver, spool: Path, divisor: str) -> None:
    _, err, status = ended(start(FORKING, receiver.endpoint, divisor, **KEEPING))
    assert (err, status) == ("", 0)
    if divisor == "0":
        assert_one_whole_trace(receiver, 0, 10, 20)
    else:
        deliver_what_is_left(receiver, spool)
        assert receiver.spans == []
    assert files(spool) == []


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_workers_of_a_pool_follow(receiver: Receiver, spool: Path, tmp_path: Path, method: str) -> None:
    program = (
        JOINING
        + f"""
def part(given):
    headers, number = given
    join(headers)
    return work(number)

if __name__ == "__main__":
    from multiprocessing import get_context
    for is_bad in (0, 1, 0):
        try:
            with monitor("request"), get_context("{method}").Pool(2) as pool:
                pool.map(part, [(headers(), 100 * is_bad + number) for number in range(20)])
                pool.close()
                pool.join()
                1 / (1 - is_bad)
        except ZeroDivisionError:
            pass
"""
    )
    _, err, status = ended(start_file(tmp_path / "program.py", program, receiver.endpoint, **KEEPING))
    assert (err, status) == ("", 0)
    deliver_what_is_left(receiver, spool)
    assert_one_whole_trace(receiver, *range(100, 120))
    assert Counter(span.name for span in receiver.spans) == {"request": 1, "work": 20, "step": 20}
    assert files(spool) == []


def test_where_the_directory_cannot_be_used_each_process_decides_alone(receiver: Receiver, tmp_path: Path) -> None:
    parent, headers = begin(receiver.endpoint, OTEL_IA_SPOOL="false")
    end(begin_child(receiver.endpoint, headers, OTEL_IA_SPOOL="false"))
    end(parent, "fail")
    assert numbers(receiver) == [0]
    assert list(tmp_path.iterdir()) == []
