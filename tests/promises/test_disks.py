"""Disks that fail: the program is not disturbed, what can be kept is delivered, what is dropped is counted and told."""

import random
import re
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import disks
import pytest
from receiver import Receiver, receiving

from .programs import deliver_what_is_left, ended, finish, numbers, read_until, start, tell

WORK = """
def work_on(numbers):
    for number in numbers:
        work(number)

"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disks.small_disk(tmp_path / "disk", "size=16m") as place:
        yield place


def fill(disk: Path) -> None:
    """Takes what space there is, also while a program takes some too."""
    with (disk / "ballast").open("ab", buffering=0) as ballast, suppress(OSError):
        while True:
            ballast.write(bytes(4096))


def test_a_disk_that_is_full_from_the_beginning_disturbs_nothing(receiver: Receiver, small_disk: Path) -> None:
    fill(small_disk)
    program = "work_on(range(1000))\ntelemetry.flush(20)"
    _, err, status = finish(WORK + program, receiver.endpoint, OTEL_IA_SPOOL_DIRECTORY=str(small_disk / "spool"))
    assert status == 0
    assert err.count("only in memory") == 1, err
    assert numbers(receiver) == list(range(1000))


def test_a_disk_that_fills_up_in_an_outage_loses_nothing_while_memory_lasts(
    receiver: Receiver, small_disk: Path
) -> None:
    receiver.status = 503
    program = """
work_on(range(500))
print("begun", flush=True)
sys.stdin.readline()
work_on(range(500, 5000))
print("worked", flush=True)
sys.stdin.readline()
while not telemetry.flush(10):
    time.sleep(0.01)
"""
    process = start(WORK + program, receiver.endpoint, OTEL_IA_SPOOL_DIRECTORY=str(small_disk / "spool"))
    read_until(process, "begun")
    fill(small_disk)
    tell(process, "work")
    read_until(process, "worked")
    receiver.status = 200
    tell(process, "deliver")
    _, err, status = ended(process)
    assert status == 0
    assert err.count("only in memory") == 1, err
    assert numbers(receiver) == list(range(5000))


@pytest.mark.parametrize("home", ["file", "read-only", "kernel's", "unknown"])
def test_a_home_that_takes_nothing_disturbs_nothing(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    places = {"file": tmp_path / "file" / "home", "read-only": tmp_path / "read-only", "kernel's": Path("/proc/self")}
    monkeypatch.delenv("XDG_STATE_HOME")
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(places.get(home, "")))
    with disks.small_disk(places[home], "ro") if home == "read-only" else nullcontext():
        _, err, status = finish(WORK + "work_on(range(1000))\ntelemetry.flush(20)", receiver.endpoint)
    assert status == 0, err
    assert numbers(receiver) == list(range(1000))
    if home != "unknown":  # the system knows the user's home
        assert err.count("only in memory") == 1, err


@pytest.mark.parametrize("again", [False, True], ids=["lasting", "repeated"])
def test_a_directory_that_is_deleted_under_way_loses_nothing(receiver: Receiver, spool: Path, again: bool) -> None:
    receiver.status = 503
    program = f"""
import shutil
directory = {str(spool)!r}
for round in range({3 if again else 1}):
    work_on(range(round * 100, round * 100 + 100))
    shutil.rmtree(directory)
    while not os.path.isdir(directory):
        telemetry.flush(0.01)
work_on(range(300, 400))
print("worked", flush=True)
sys.stdin.readline()
while not telemetry.flush(10):
    time.sleep(0.01)
"""
    # whose spool makes the directory again is what the program waits for
    process = start(WORK + program, receiver.endpoint, OTEL_METRICS_EXPORTER="none")
    read_until(process, "worked")
    receiver.status = 200
    tell(process, "deliver")
    _, err, status = ended(process)
    assert status == 0, err
    assert err.count("\n") <= 1, err
    assert numbers(receiver) == [*range(300 if again else 100), *range(300, 400)]


def test_a_directory_that_is_deleted_in_an_outage_is_made_and_filled_again(nobody: str, spool: Path) -> None:
    program = f"""
import shutil
work_on(range(100))
shutil.rmtree({str(spool)!r})
while not os.path.isdir({str(spool)!r}) or not os.listdir({str(spool)!r}):
    telemetry.flush(0.01)
work_on(range(100, 200))
"""
    _, err, status = finish(WORK + program, nobody, OTEL_METRICS_EXPORTER="none")
    assert status == 0, err
    with receiving(port=int(nobody.rpartition(":")[2])) as receiver:
        deliver_what_is_left(receiver, spool)
        assert numbers(receiver) == list(range(200))


# what is registered before `configure` runs after it, when all is counted
TELL_DROPPED = "import atexit\natexit.register(lambda: print(sum(telemetry.stats().dropped.values())))\n"


def test_what_the_limit_drops_is_counted_and_told(nobody: str, spool: Path) -> None:
    limit, total = 1 << 20, 30_000
    program = f"""
import contextlib, pathlib

def used():
    with contextlib.suppress(FileNotFoundError):  # a file that was removed meanwhile
        return sum(file.stat().st_size for file in pathlib.Path({str(spool)!r}).glob("*.segment"))
    return 0

most = 0
for number in range({total}):
    with monitor("step", attributes={{"number": number, "padding": "x" * 100}}):
        pass
    if number % 10 == 0:
        most = max(most, used())
print(most)
"""
    out, err, status = finish(
        WORK + program, nobody, before=TELL_DROPPED, OTEL_IA_SPOOL_SIZE=str(limit), OTEL_METRICS_EXPORTER="none"
    )
    assert status == 0, err
    most, told_here = out.split()
    assert int(most) <= limit
    assert sum(file.stat().st_size for file in spool.glob("*")) <= limit
    with receiving(port=int(nobody.rpartition(":")[2])) as receiver:
        told = deliver_what_is_left(receiver, spool)
        arrived = numbers(receiver)
    assert len(arrived) == len(set(arrived))
    assert arrived[-1000:] == list(range(total - 1000, total)), "the oldest went first"
    assert int(told_here) == total - len(arrived)
    for line, sentence in ((err, r"(\d+) dropped \(size\)"), (told, r"(\d+) dropped by an earlier process \(size\)")):
        assert sum(map(int, re.findall(sentence, line))) == total - len(arrived)


def test_two_programs_keep_within_one_limit_and_count_what_they_drop(nobody: str, spool: Path) -> None:
    limit, total = 1 << 20, 10_000
    program = """
begin = int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for number in range(begin, begin + {total}):
    with monitor("step", attributes={{"number": number, "padding": "x" * 100}}):
        pass
"""
    together = [
        start(
            program.format(total=total),
            nobody,
            str(number * total),
            before=TELL_DROPPED,
            OTEL_IA_SPOOL_SIZE=str(limit),
            OTEL_METRICS_EXPORTER="none",
        )
        for number in range(2)
    ]
    for process in together:
        read_until(process, "ready")
    for process in together:
        tell(process, "go")
    most = 0
    while any(process.poll() is None for process in together):
        most = max(most, used(spool))
        time.sleep(0.002)
    told = [ended(process) for process in together]
    assert [status for _, _, status in told] == [0, 0], told
    # both may make a segment, an eighth of the limit, in the room that each of them has made
    assert most <= limit * 1.125
    assert used(spool) <= limit
    with receiving(port=int(nobody.rpartition(":")[2])) as receiver:
        later = deliver_what_is_left(receiver, spool)
        arrived = numbers(receiver)
    assert len(set(arrived)) == len(arrived) > 0
    dropped = sum(int(out) for out, _, _ in told)
    assert dropped == 2 * total - len(arrived), (told, later)
    for out, err, _ in told:
        said = re.findall(r"(\d+) dropped \(", err)
        assert sum(map(int, said)) == int(out), err


def used(spool: Path) -> int:
    """The bytes of the segments that are there."""
    found = 0
    for file in spool.glob("*.segment"):
        with suppress(FileNotFoundError):  # removed meanwhile
            found += file.stat().st_size
    return found


@pytest.mark.parametrize("seed", range(2))
def test_damage_costs_what_is_damaged_and_the_rest_arrives(receiver: Receiver, spool: Path, seed: int) -> None:
    """At every byte of a segment: `tests/delivery/test_segment.py`."""
    receiver.status = 503
    finish(WORK + "work_on(range(2000))\nos._exit(0)", receiver.endpoint)
    chance, flips = random.Random(seed), 5
    segments = sorted(spool.glob("*.segment"))
    torn = chance.choice(segments)
    for segment in segments:
        content = bytearray(segment.read_bytes())
        for _ in range(flips):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        segment.write_bytes(content)
    with torn.open("r+b") as file:
        file.truncate(torn.stat().st_size - chance.randrange(64))
    receiver.status = 200
    told = deliver_what_is_left(receiver, spool)
    assert "Traceback" not in told
    arrived = numbers(receiver)
    assert len(set(arrived)) == len(arrived)
    # a frame for each flip; the torn one besides
    assert 2000 - len(arrived) <= flips * len(segments) + 1


def test_what_grew_too_old_is_counted_and_told(nobody: str, spool: Path) -> None:
    _, _, status = finish(WORK + "work_on(range(100))", nobody, OTEL_METRICS_EXPORTER="none")
    assert status == 0
    with receiving(port=int(nobody.rpartition(":")[2])) as receiver:
        _, err, _ = finish(
            "import glob\nwhile glob.glob(os.environ['SPOOL'] + '/*.segment'):\n    time.sleep(0.01)",
            receiver.endpoint,
            OTEL_IA_SPOOL_AGE="0.001",
            SPOOL=str(spool),
        )
        assert "200 dropped (age)" in err
        assert receiver.spans == []
