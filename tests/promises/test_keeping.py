"""The setting `spool` in real programs: in memory only, and on disk without an endpoint."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from receiver import Receiver, Reply, receiving

from .programs import ended, finish, numbers, read_until, start, tell

RECORDING = """
log = logging.getLogger("app")
for number in range(1000):
    work(number)
    log.warning("worked %d", number)
"""
MEMORY = {"OTEL_IA_SPOOL": "false"}
ONLY_SPANS = {"OTEL_LOGS_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}
DISK = {"OTEL_IA_SPOOL": "true"}


def spool_command(*arguments: str) -> tuple[str, int]:
    """What `otel-ia spool …` printed, and its status."""
    done = subprocess.run(
        [sys.executable, "-m", "otel_ia", "spool", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout, done.returncode


def of_ours(err: str) -> list[str]:
    """The lines that the program did not log itself."""
    return [line for line in err.splitlines() if not line.startswith("worked ")]


def test_in_memory_everything_arrives_and_no_directory_is_made(receiver: Receiver, tmp_path: Path) -> None:
    _, err, status = finish(RECORDING, receiver.endpoint, **MEMORY)
    assert status == 0
    assert of_ours(err) == []
    assert numbers(receiver) == list(range(1000))
    assert len(receiver.logs) == 1000
    assert list(tmp_path.iterdir()) == []


def test_in_memory_an_outage_is_outlived_while_the_program_runs(receiver: Receiver, tmp_path: Path) -> None:
    receiver.behaviour = lambda number: Reply(status=503 if number < 4 else 200)
    waiting = RECORDING + "print('ready', flush=True); sys.stdin.readline(); print(telemetry.flush(20), flush=True)"
    process = start(waiting, receiver.endpoint, **MEMORY)
    read_until(process, "ready")
    assert receiver.wait_until(lambda: receiver.requests > 2)
    tell(process, "go on")
    out, err, status = ended(process)
    assert (out, status) == ("True\n", 0)
    assert "503" in err
    assert "kept in memory" in err
    assert "in the spool" not in err
    assert numbers(receiver) == list(range(1000))
    assert list(tmp_path.iterdir()) == []


def test_memory_is_bounded_and_what_goes_is_counted_and_told(nobody: str, tmp_path: Path) -> None:
    program = """
from pathlib import Path
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
before = resident()
for number in range(60_000):
    work(number)
grown = resident() - before
waiting = telemetry.stats().waiting_bytes["traces"]
dropped = telemetry.stats().dropped["memory"]
print(waiting <= 8 << 20, dropped > 30_000, grown < 40 << 20, flush=True)
"""
    out, err, status = finish(program, nobody, **ONLY_SPANS, **MEMORY)
    assert (out, status) == ("True True True\n", 0)
    assert "dropped (memory)" in err
    assert list(tmp_path.iterdir()) == []


def test_a_smaller_size_bounds_memory_too(nobody: str) -> None:
    program = """
for number in range(2_000):
    work(number)
print(telemetry.stats().waiting_bytes["traces"] <= 50_000)
"""
    out, _, status = finish(program, nobody, OTEL_IA_SPOOL_SIZE="50000", **MEMORY)
    assert (out, status) == ("True\n", 0)


def test_a_flush_of_memory_ends_while_others_go_on_recording(receiver: Receiver) -> None:
    program = """
import threading
def record():
    while True:
        work(-1)
        time.sleep(0.0005)
threading.Thread(target=record, daemon=True).start()
for number in range(100):
    work(number)
print(telemetry.flush(20), flush=True)
os._exit(0)
"""

    def take_a_while(_number: int) -> Reply:
        time.sleep(0.05)
        return Reply()

    receiver.behaviour = take_a_while
    out, _, _ = finish(program, receiver.endpoint, **ONLY_SPANS, **MEMORY)
    assert out == "True\n"
    assert set(range(100)) <= set(numbers(receiver))


def test_in_memory_what_is_refused_is_counted_as_dropped_and_not_as_set_aside(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.behaviour = lambda number: Reply(status=400 if number != 1 else 200)
    program = """
with monitor("one"):
    pass
print(telemetry.flush(20))
stats = telemetry.stats()
print(stats.refused, stats.set_aside["traces"], stats.dropped)
"""
    out, err, status = finish(program, receiver.endpoint, **ONLY_SPANS, **MEMORY)
    assert (out, status) == ("True\n1 0 {'refused and not kept': 1}\n", 0)
    assert "set aside" not in err
    assert "refused: 400" in err
    assert list(tmp_path.iterdir()) == []


def test_in_memory_what_earlier_programs_left_on_disk_is_left_alone(tmp_path: Path, spool: Path) -> None:
    with receiving() as back:
        back.status = 503
        finish(RECORDING, back.endpoint)
        left = {file.name: file.read_bytes() for file in spool.glob("*.segment")}
        assert left
        back.status = 200
        finish("print(telemetry.flush(10))", back.endpoint, **MEMORY)
        assert back.spans == []
    assert {file.name: file.read_bytes() for file in spool.glob("*.segment")} == left


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork")
def test_in_memory_a_forked_child_sends_its_own_and_nothing_twice(receiver: Receiver) -> None:
    program = """
for number in range(100):
    work(number)
child = os.fork()
for number in range(100, 200) if child else range(200, 300):
    work(number)
if child:
    os.waitpid(child, 0)
"""
    _, _, status = finish(program, receiver.endpoint, **ONLY_SPANS, **MEMORY)
    assert status == 0
    assert numbers(receiver) == list(range(300))


@pytest.mark.parametrize("end", ["", "os._exit(0)", "os.kill(os.getpid(), 9)"], ids=["ends", "exits", "is killed"])
def test_without_an_endpoint_all_is_kept_for_a_later_send(receiver: Receiver, spool: Path, end: str) -> None:
    process = start(RECORDING + end, "", **DISK)
    _, err, _ = ended(process)
    assert of_ours(err) == []
    out, status = spool_command("send", "--endpoint", receiver.endpoint)
    assert status == 1
    assert "kept without an endpoint; --yes sends it all the same" in " ".join(out.split())
    assert receiver.spans == []
    _, status = spool_command("send", "--endpoint", receiver.endpoint, "--yes")
    assert status == 0
    assert numbers(receiver) == list(range(1000))
    assert len(receiver.logs) == 1000
    assert list(spool.glob("*.segment")) == []
    assert bool(receiver.metrics) is not bool(end), "what was counted is exported at the end"


def test_without_an_endpoint_many_segments_are_kept_within_the_limits(receiver: Receiver, spool: Path) -> None:
    program = "for number in range(20_000): work(number)\nprint(telemetry.flush(10), telemetry.stats().dropped)"
    out, err, status = finish(program, "", OTEL_IA_SPOOL_SIZE=str(2 << 20), **DISK)
    assert status == 0
    assert out.startswith("True {'size': ")
    assert "dropped (size)" in err
    assert sum(file.stat().st_size for file in spool.iterdir()) <= 2 << 20
    spool_command("send", "--endpoint", receiver.endpoint, "--yes")
    arrived = numbers(receiver)
    assert arrived[-1] == 19_999
    assert len(arrived) > 1_000


def test_what_was_kept_without_an_endpoint_is_not_sent_by_a_program_that_has_one(
    receiver: Receiver, spool: Path
) -> None:
    finish(RECORDING, "", **DISK)
    kept = len(list(spool.glob("*.segment")))
    finish("work(-1); print(telemetry.flush(10))", receiver.endpoint)
    assert numbers(receiver) == [-1]
    assert len(list(spool.glob("*.segment"))) == kept
    groups = json.loads(spool_command("--json")[0])["waiting"]
    assert {group["state"] for group in groups} == {"kept"}


def test_without_an_endpoint_and_without_the_setting_nothing_is_on_disk(tmp_path: Path) -> None:
    _, _, status = finish(RECORDING, "")
    assert status == 0
    assert list(tmp_path.iterdir()) == []


def test_an_exporter_of_none_keeps_nothing_either(tmp_path: Path) -> None:
    _, _, status = finish(RECORDING, "", OTEL_TRACES_EXPORTER="none", **ONLY_SPANS, **DISK)
    assert status == 0
    assert list(tmp_path.iterdir()) == []
