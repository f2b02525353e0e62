"""Real processes of one service: one answer for all, nothing falls, nothing is counted twice, whoever dies."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

import pytest

from .scraping import assert_nothing_fell, counting, fetch, free_port, scrape, scrape_until, total, wait_until

BEGINNING = """
import multiprocessing, os, signal, sys, threading, time
import otel_ia
from opentelemetry import metrics

@otel_ia.monitor("work")
def work():
    pass

@otel_ia.monitor("wait")
def wait():
    sys.stdin.read()

tokens = metrics.get_meter("app").create_counter("app.tokens")
sizes = metrics.get_meter("app").create_histogram("app.size", "By")

def count(number):
    for _ in range(number):
        work()
        tokens.add(0.1)
        sizes.record(0.1)

def configure(interval=0.05):
    return otel_ia.configure(
        service_name=os.environ.get("SERVICE", "counted"),
        console=False,
        metrics_exporter="prometheus",
        traces_exporter="none",
        prometheus_port=int(sys.argv[1]),
        metric_export_interval=interval,
    )
"""
POOL = """
def count_and_die(number):
    for _ in range(number):
        work()
    if len(sys.argv) == 4:
        count(number)
        telemetry.flush()
    os.kill(os.getpid(), signal.SIGKILL)

telemetry = configure()
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[2])
    workers = []
    for _ in range(int(sys.argv[3])):
        workers.append(context.Process(target=count_and_die, args=(100,)))
        workers[-1].start()
        if len(workers) == 4:
            workers.pop(0).join()
    for worker in workers:
        worker.join()
    print("counted", flush=True)
    sys.stdin.read()
"""
ALONE = """
telemetry = configure()
count(100)
telemetry.flush()
print("counted", flush=True)
wait()
"""
WARNINGS = ("-W", "error", "-W", "ignore:This process:DeprecationWarning")


@contextmanager
def running(file: Path, program: str, *arguments: object, **environment: str) -> Iterator[subprocess.Popen[str]]:
    file.write_text(BEGINNING + program)
    process = subprocess.Popen(
        [sys.executable, *WARNINGS, str(file), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_STATE_HOME": str(file.parent), **environment},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    return line.strip()


def end(process: subprocess.Popen[str]) -> None:
    _, err = process.communicate(timeout=30)
    assert (err, process.returncode) == ("", 0)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_that_are_killed_and_replaced_lose_and_double_nothing(tmp_path: Path, method: str) -> None:
    port, workers = free_port(), 12 if method == "fork" else 7
    with running(tmp_path / "program.py", POOL, port, method, workers) as process:
        for rows in scrape_until(port, lambda rows: total(rows, "ia_call_duration_seconds_count") == 200 * workers):
            assert total(rows, "ia_call_duration_seconds_count") <= 200 * workers
        assert read_line(process) == "counted"
        rows = scrape(port)
        assert total(rows, "ia_call_duration_seconds_count", ia_operation="work", ia_outcome="ok") == 200 * workers
        assert total(rows, "ia_call_active") == 0
        assert total(rows, "app_tokens_total") == pytest.approx(10 * workers)
        assert total(rows, "app_size_bytes_count") == 100 * workers
        end(process)
    assert not list(tmp_path.rglob("*.page"))
    assert not list(tmp_path.rglob("*.cells"))
    assert not list(tmp_path.rglob("*.alive"))


def test_calls_that_nobody_was_told_of_are_counted_when_their_process_is_killed(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path / "program.py", POOL, port, "fork", 12, "calls alone") as process:
        for rows in scrape_until(port, lambda rows: total(rows, "ia_call_duration_seconds_count") == 1200):
            assert total(rows, "ia_call_duration_seconds_count") <= 1200
        assert read_line(process) == "counted"
        assert total(scrape(port), "ia_call_active") == 0
        end(process)


def test_when_the_one_that_listens_is_killed_the_next_one_answers_for_it(tmp_path: Path) -> None:
    port = free_port()
    with ExitStack() as programs:
        alive = []
        for number in range(4):
            process = programs.enter_context(running(tmp_path / "program.py", ALONE, port))
            assert read_line(process) == "counted"
            alive.append(process)
            assert total(scrape(port), "app_tokens_total") == pytest.approx(10 * (number + 1))
        for _ in range(3):
            before = scrape(port)
            assert total(before, "ia_call_duration_seconds_count", ia_operation="work") == 400
            assert total(before, "ia_call_active", ia_operation="wait") == len(alive)
            listening = alive.pop(_listener(port, alive))
            listening.kill()
            listening.wait()
            for rows in scrape_until(port, lambda rows: total(rows, "ia_call_active") == len(alive)):
                assert total(rows, "ia_call_duration_seconds_count", ia_operation="work") == 400
                assert total(rows, "app_tokens_total") == total(before, "app_tokens_total")
        end(alive.pop())


def _listener(port: int, processes: list[subprocess.Popen[str]]) -> int:
    """Which of them has the socket, as the system says it."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    found = {line.split()[9] for line in lines if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"}
    for number, process in enumerate(processes):
        for entry in Path(f"/proc/{process.pid}/fd").iterdir():
            if str(entry.readlink()).removeprefix("socket:[").removesuffix("]") in found:
                return number
    raise AssertionError("nobody listens")


RELUCTANT = """
telemetry = configure()
print("ready", flush=True)
for line in sys.stdin:
    count(int(line))
    print("counted", flush=True)
"""


def tell(process: subprocess.Popen[str], line: object) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def test_what_was_shown_stays_when_the_one_that_showed_it_is_killed_a_moment_later(tmp_path: Path) -> None:
    port = free_port()
    program = RELUCTANT.replace("configure()", "configure(3000)")
    with (
        running(tmp_path / "program.py", program, port) as one,
        running(tmp_path / "program.py", program, port) as other,
    ):
        assert read_line(one) == read_line(other) == "ready"
        scrape(port)
        first = _listener(port, [one, other])
        listening, waiting = (one, other)[first], (one, other)[1 - first]
        for number in (1, 2, 3):
            tell(listening, number)
            assert read_line(listening) == "counted"
            before = scrape(port)
        assert total(before, "app_tokens_total") == pytest.approx(0.6)
        listening.kill()
        listening.wait()
        after = scrape(port)
        assert after.keys() >= counting(before).keys()
        assert_nothing_fell(counting(before), after)
        assert waiting.poll() is None


def test_pages_written_at_once_by_who_answers_and_who_does_not_never_go_back(tmp_path: Path) -> None:
    program = """
telemetry = configure(0.001)
print("ready", flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), ended.set())).start()
while not ended.wait(0.0005):
    count(1)
"""
    port = free_port()
    with (
        running(tmp_path / "program.py", "ended = threading.Event()" + program, port) as one,
        running(tmp_path / "program.py", "ended = threading.Event()" + program, port) as other,
    ):
        assert read_line(one) == read_line(other) == "ready"
        for _ in islice(scrape_until(port, lambda _: False), 60):
            pass
        end(one)
        end(other)


def _wait_until_the_next_one_sleeps(process: int) -> None:
    """Returns when no thread of it has run for longer than it takes to look again whether it is its turn."""

    def runs() -> list[str]:
        tasks = sorted(Path(f"/proc/{process}/task").iterdir())
        return [re.findall(r"ctxt_switches:\s*(\d+)", (task / "status").read_text()) for task in tasks]

    before, since = runs(), time.monotonic()
    while time.monotonic() - since < 0.4:
        time.sleep(0.05)
        if (now := runs()) != before:
            before, since = now, time.monotonic()


def test_a_child_goes_on_listening_at_once_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = """
telemetry = configure(3000)
count(10)
telemetry.flush()
child = os.fork()
if child == 0:
    count(10)
    print(os.getpid(), flush=True)
    time.sleep(120)
    os._exit(0)
os.waitpid(child, 0)
"""
    port = free_port()
    with running(tmp_path / "program.py", program, port) as process:
        child = int(read_line(process))
        try:
            assert total(scrape(port), "ia_call_duration_seconds_count") == 20
            _wait_until_the_next_one_sleeps(child)
            process.kill()
            process.wait()
            begin = time.monotonic()
            assert total(scrape(port), "ia_call_duration_seconds_count") == 20
            assert time.monotonic() - begin < 10
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("moment", ["the socket listens", "the sign is open"])
def test_a_child_forked_just_when_its_parent_begins_to_listen_keeps_nothing_of_it(tmp_path: Path, moment: str) -> None:
    program = """
import socket
opened, forked = threading.Event(), threading.Event()
def pausing(make, is_meant):
    def make_and_pause(*arguments, **more):
        made = make(*arguments, **more)
        if is_meant(*arguments):
            opened.set()
            forked.wait(0.3)  # which a fork that waits for this moment to pass does not set
        return made
    return make_and_pause
if sys.argv[2] == "the socket listens":
    socket.socket.listen = pausing(socket.socket.listen, lambda *_: True)
else:
    os.open = pausing(os.open, lambda path, flags, *_: path == "listener.sign" and flags & os.O_RDWR)
telemetry = configure(3000)
count(10)
opened.wait()
child = os.fork()
forked.set()
if child == 0:
    descriptors = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    found = [os.readlink(name) for name in descriptors if os.path.exists(name)]
    print([name for name in found if name.startswith("socket:") or "listener" in name], flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""
    with running(tmp_path / "program.py", program, free_port(), moment) as process:
        assert read_line(process) == "[]"
        end(process)


def test_nobody_is_asked_for_the_name_of_this_machine_before_it_can_be_scraped(tmp_path: Path) -> None:
    program = "import socket\nsocket.getfqdn = socket.gethostbyaddr = lambda *_: time.sleep(1000)\n" + ALONE
    port = free_port()
    with running(tmp_path / "program.py", program, port) as process:
        assert read_line(process) == "counted"
        assert total(scrape(port), "app_tokens_total") == pytest.approx(10)


def test_a_service_that_was_killed_altogether_starts_anew(tmp_path: Path) -> None:
    port = free_port()
    for _ in range(2):
        with running(tmp_path / "program.py", ALONE, port) as process:
            assert read_line(process) == "counted"
            assert total(scrape(port), "ia_call_duration_seconds_count", ia_operation="work") == 100
            process.kill()


def test_two_services_do_not_mix(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    with (
        running(tmp_path / "one.py", ALONE, ports[0], SERVICE="one") as one,
        running(tmp_path / "other.py", ALONE, ports[1], SERVICE="other") as other,
    ):
        for process, port, name in ((one, ports[0], "one"), (other, ports[1], "other")):
            assert read_line(process) == "counted"
            rows = scrape(port)
            assert total(rows, "ia_call_duration_seconds_count") == 100
            assert total(rows, "target_info", service_name=name) == 1


def test_a_port_that_something_else_has_is_told_once_and_the_program_goes_on(tmp_path: Path) -> None:
    port = free_port()
    with (
        running(tmp_path / "one.py", ALONE, port, SERVICE="one") as one,
        running(tmp_path / "other.py", ALONE, port, SERVICE="other") as other,
    ):
        assert read_line(one) == read_line(other) == "counted"
        scrape(port)
        assert other.stderr is not None
        assert one.stderr is not None
        loser, winner = (other, one) if total(scrape(port), "target_info", service_name="one") else (one, other)
        assert loser.stderr is not None
        told = loser.stderr.readline()
        assert "Address already in use" in told
        assert "OTEL_EXPORTER_PROMETHEUS_PORT" in told
        winner.communicate(timeout=30)
        assert "can scrape this service now" in loser.stderr.readline()
        assert loser.communicate(timeout=30)[1] == ""
        assert loser.returncode == 0


def test_calls_under_way_when_a_child_is_forked_are_counted_by_the_parent_alone(tmp_path: Path) -> None:
    program = """
telemetry = configure()
with otel_ia.monitor("around"):
    child = os.fork()
    if child == 0:
        count(5)
if child == 0:
    telemetry.flush()
    print("child", flush=True)
    sys.stdin.read()
    os._exit(0)
print("parent", flush=True)
wait()
"""
    port = free_port()
    with running(tmp_path / "program.py", program, port) as process:
        assert {read_line(process), read_line(process)} == {"child", "parent"}
        rows = scrape(port)
        assert total(rows, "ia_call_duration_seconds_count", ia_operation="around") == 1
        assert total(rows, "ia_call_duration_seconds_count", ia_operation="work") == 5
        assert total(rows, "ia_call_active", ia_operation="around") == 0
        assert total(rows, "app_tokens_total") == pytest.approx(0.5)


def test_after_shutdown_the_port_is_free_and_nothing_is_left(tmp_path: Path) -> None:
    program = """
import socket, urllib.request
def look():
    descriptors = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    files = {os.readlink(name) for name in descriptors if os.path.exists(name)}
    return {thread.name for thread in threading.enumerate()}, len(files), len(descriptors)
before = look()
for _ in range(2):
    telemetry = configure()
    count(5)
    for _ in range(500):
        try:
            answer = urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/metrics").read()
            break
        except OSError:
            time.sleep(0.01)
    assert b"work" in answer
    telemetry.shutdown()
    telemetry.shutdown()
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
        pass
    after = look()
    assert after == before, (before, after)
count(3)
"""
    with running(tmp_path / "program.py", program, free_port()) as process:
        end(process)


def test_a_configuration_that_replaces_another_goes_on_listening_and_counting(tmp_path: Path) -> None:
    program = """
first = configure()
count(5)
telemetry = configure()
count(5)
telemetry.flush()
print("counted", flush=True)
wait()
"""
    port = free_port()
    with running(tmp_path / "program.py", program, port) as process:
        assert read_line(process) == "counted"
        rows = scrape(port)
        assert total(rows, "ia_call_duration_seconds_count", ia_operation="work") == 10
        end(process)


def test_a_stopped_member_keeps_nobody_waiting(tmp_path: Path) -> None:
    port = free_port()
    with (
        running(tmp_path / "program.py", ALONE, port) as one,
        running(tmp_path / "program.py", ALONE, port) as other,
    ):
        assert read_line(one) == read_line(other) == "counted"
        wait_until(lambda: total(scrape(port), "app_tokens_total") == pytest.approx(20))
        waiting = (one, other)[1 - _listener(port, [one, other])]
        waiting.send_signal(signal.SIGSTOP)
        assert total(scrape(port), "ia_call_active", ia_operation="wait") == 2
        waiting.send_signal(signal.SIGCONT)
        assert "work" in fetch(port, "text/plain")
