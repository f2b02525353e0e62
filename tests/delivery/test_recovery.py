"""Processes that die: whatever `append` had returned for is found by the next one, once."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from otel_ia import clock
from otel_ia.delivery.spooling import adopted as adopted_module
from otel_ia.delivery.spooling.frames import LOG, SPAN, START
from otel_ia.delivery.spooling.recovery import MOST_AT_ONCE, scan

from .spools import DESTINATION, drain, files, left_in, numbered, numbers, opened, run, span_key

KILLED = """
random.seed(int(sys.argv[2]))
paced = sys.argv[3] == "paced"
for round in range(30):
    place = directory / str(round)
    report, reported = os.pipe()
    ask, asked = os.pipe()
    child = os.fork()
    if not child:
        with opened(place) as spool:
            number = 0
            while True:
                if paced:
                    os.read(ask, 1)
                spool.append(SPAN, numbered(number, 8 + number * 37 % 700))
                number += 1
                os.write(reported, b".")
    os.close(reported)
    wanted = random.randrange(1, 1000 if paced else 5000)
    seen = 0
    while seen < wanted:
        if paced:
            os.write(asked, b".")
        seen += len(os.read(report, 65536))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(report, 65536):
        seen += len(more)
    for descriptor in (report, ask, asked):
        os.close(descriptor)
    read = numbers(left_in(place))
    assert read == list(range(len(read))), "not a prefix, or something twice"
    assert seen <= len(read) <= seen + 1, (seen, len(read))
    assert not [name for name in files(place) if not name.endswith(".making")]
print("done")
"""


@pytest.mark.parametrize("pace", ["paced", "full speed"])
def test_every_append_that_had_returned_before_a_kill_is_read_back(tmp_path, pace, request):
    assert run(KILLED, tmp_path, 1, pace) == "done\n"


def leave(directory, count):
    """Has a process append so many frames and end at once."""
    run(
        f"""
with opened(directory) as spool:
    for number in range({count}):
        spool.append(SPAN, numbered(number))
    os._exit(0)
""",
        directory,
    )


def test_a_process_that_leaves_at_once_loses_nothing(tmp_path):
    leave(tmp_path / "spool", 5000)
    assert numbers(left_in(tmp_path / "spool")) == list(range(5000))
    assert files(tmp_path / "spool") == []


def test_what_was_acknowledged_before_the_death_does_not_come_again(tmp_path):
    run(
        """
with opened(directory) as spool:
    for number in range(3000):
        spool.append(SPAN, numbered(number))
    for _ in range(7):
        spool.read(limit_frames=100).acknowledge()
    spool.read(limit_frames=100)
    os._exit(0)
""",
        tmp_path / "spool",
    )
    assert numbers(left_in(tmp_path / "spool")) == list(range(700, 3000))


def test_spans_that_were_open_come_last_and_are_told_from_those_that_ended(tmp_path):
    run(
        """
started = {}
with opened(directory, open_frames=lambda: [(START, payload) for payload in started.values()]) as spool:
    for number in range(4000):
        started[number] = numbered(number)
        spool.append(START, started[number])
        if number % 1000 != 500:
            del started[number]
            spool.append(SPAN, numbered(number))
    spool.prepare()
    os._exit(0)
""",
        tmp_path / "spool",
    )
    before = clock.wall()
    adopted = scan(tmp_path / "spool", DESTINATION, span_key=span_key)
    assert len(adopted) > 2
    batches = []
    for segment in adopted:
        while batch := segment.read(1 << 20, 500):
            batches.append(batch)
            batch.acknowledge()
    frames = [frame for batch in batches for frame in batch.frames]
    started = [payload for kind, payload in frames if kind == START]
    assert started == [numbered(number) for number in (500, 1500, 2500, 3500)]
    assert frames[-4:] == [(START, payload) for payload in started]
    assert numbers(frames) == [number for number in range(4000) if number % 1000 != 500]
    assert all(batch.is_adopted for batch in batches)
    assert 0 <= before - batches[-1].last_seen < 60e9
    assert files(tmp_path / "spool") == []


def test_the_last_moment_is_the_latest_time_in_the_last_frames(tmp_path):
    with opened(tmp_path / "spool", open_frames=lambda: [(START, b"open")]) as spool:
        spool.append(START, b"open")
        spool.append(LOG, (1 << 62).to_bytes(8, "big"))
    (adopted,) = scan(
        tmp_path / "spool",
        DESTINATION,
        span_key=span_key,
        time_of=lambda kind, payload: int.from_bytes(payload, "big") if kind == LOG else None,
    )
    assert adopted.read(1000, 1000).last_seen == 1 << 62
    adopted.close()


def test_a_key_or_time_that_cannot_be_read_abandons_nothing_and_fails_nothing(tmp_path):
    from otel_ia.delivery.spooling.counters import Counters

    with opened(tmp_path / "spool", open_frames=lambda: [(START, b"open")]) as spool:
        spool.append(START, b"open")
        spool.append(SPAN, b"ended")

    def fails(*_arguments):
        raise ValueError

    counters = Counters()
    (adopted,) = scan(tmp_path / "spool", DESTINATION, span_key=fails, time_of=fails, counters=counters)
    assert adopted.read(1000, 1000).frames == [(SPAN, b"ended")]
    assert counters.abandoned == 0
    adopted.close()


def test_nothing_is_adopted_for_another_destination(tmp_path):
    with opened(tmp_path / "spool") as spool:
        spool.append(SPAN, b"mine")
    assert left_in(tmp_path / "spool", b"another destination") == []
    assert left_in(tmp_path / "spool", DESTINATION[:-1]) == []
    assert left_in(tmp_path / "spool", b"") == []
    assert left_in(tmp_path / "spool") == [(SPAN, b"mine")]


def test_nothing_is_adopted_from_who_lives_whatever_its_header_says_of_its_process(tmp_path, monkeypatch):
    """Ids of processes come again, and processes of other containers have ids that mean others here."""
    import os

    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"""
import os, sys
os.getpid = lambda: 2**22 - 1
sys.path.insert(0, {str(__file__).rpartition("/")[0]!r})
from spools import *
with opened(Path({str(tmp_path / "spool")!r})) as spool:
    spool.append(SPAN, b"mine")
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)
""",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout.readline() == b"ready\n"
        assert left_in(tmp_path / "spool") == []
        assert len(files(tmp_path / "spool")) == 1
        child.stdin.close()
        child.wait(30)
    monkeypatch.setattr(os, "kill", lambda *_: None)  # every process seems to live
    assert left_in(tmp_path / "spool") == [(SPAN, b"mine")]


def test_a_process_does_not_adopt_what_is_its_own(tmp_path):
    with opened(tmp_path / "spool") as spool, opened(tmp_path / "spool") as other:
        spool.append(SPAN, b"mine")
        other.append(SPAN, b"other")
        assert spool.scan() == other.scan() == 0
        assert left_in(tmp_path / "spool") == []
        # and looking did not give up the lock
        assert run("print(left_in(directory))", tmp_path / "spool") == "[]\n"


def test_own_frames_are_read_before_adopted_ones(tmp_path):
    with opened(tmp_path / "spool", identity=lambda: b"dead") as dead:
        dead.append(SPAN, b"adopted")
    with opened(tmp_path / "spool") as spool:
        assert spool.scan() == 1
        assert spool.wait(0)
        spool.append(SPAN, b"mine")
        first = spool.read()
        assert (first.identity, first.frames) == (b"me", [(SPAN, b"mine")])
        first.acknowledge()
        second = spool.read()
        assert (second.identity, second.frames) == (b"dead", [(SPAN, b"adopted")])
        assert second.is_adopted
        assert not first.is_adopted
        second.set_aside(0)
        second.acknowledge()
        assert spool.read() is None
        assert spool.counters.adopted == 1
    assert [name.rpartition(".")[2] for name in files(tmp_path / "spool")] == ["refused"]


def test_who_adopts_and_dies_leaves_it_to_the_next(tmp_path):
    with opened(tmp_path / "spool") as dead:
        for number in range(1000):
            dead.append(SPAN, numbered(number))
    run(
        """
with opened(directory) as spool:
    assert spool.scan()
    spool.read(limit_frames=300).acknowledge()
    spool.read(limit_frames=300)
    os.kill(os.getpid(), signal.SIGTERM)
""".replace("os.kill(os.getpid(), signal.SIGTERM)", "os._exit(0)"),
        tmp_path / "spool",
    )
    assert numbers(left_in(tmp_path / "spool")) == list(range(300, 1000))


def test_many_who_recover_at_once_deliver_everything_once(tmp_path):
    output = run(
        """
for index in range(40):
    with opened(directory) as spool:
        for number in range(20):
            spool.append(SPAN, numbered(index * 20 + number))
reports, reported = os.pipe()
go, begin = os.pipe()
for _ in range(8):
    if not os.fork():
        os.close(begin)
        os.read(go, 1)
        while files(directory):
            for number in numbers(left_in(directory)):
                os.write(reported, number.to_bytes(8, "big"))
        os._exit(0)
os.close(begin)
os.close(reported)
data = b""
while part := os.read(reports, 65536):
    data += part
print(sorted(int.from_bytes(data[at:at + 8], "big") for at in range(0, len(data), 8)) == list(range(800)))
""",
        tmp_path / "spool",
    )
    assert output == "True\n"


def test_more_than_are_adopted_at_once_are_all_read(tmp_path):
    for number in range(3 * MOST_AT_ONCE + 1):
        with opened(tmp_path / "spool") as dead:
            dead.append(SPAN, numbered(number))
    with opened(tmp_path / "spool") as spool:
        assert spool.scan() == MOST_AT_ONCE
        assert numbers(drain(spool)) == list(range(3 * MOST_AT_ONCE + 1))
    assert files(tmp_path / "spool") == []


def test_sixty_four_short_processes_at_once_lose_nothing(tmp_path):
    run(
        """
children = []
for index in range(64):
    child = os.fork()
    if not child:
        with opened(directory) as spool:
            for number in range(50):
                spool.append(SPAN, numbered(index * 50 + number))
            if index % 2:
                os._exit(0)
        os._exit(0)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 64
""",
        tmp_path / "spool",
    )
    assert sorted(numbers(left_in(tmp_path / "spool"))) == list(range(3200))
    assert files(tmp_path / "spool") == []


def test_a_segment_that_is_delivered_between_finding_and_locking_it_is_not_adopted(tmp_path, monkeypatch):
    with opened(tmp_path / "spool") as spool:
        spool.append(SPAN, b"one")
    lock = adopted_module.lock

    def lock_too_late(descriptor):
        for path in (tmp_path / "spool").glob("*.segment"):
            path.unlink()
        return lock(descriptor)

    monkeypatch.setattr(adopted_module, "lock", lock_too_late)
    assert scan(tmp_path / "spool", DESTINATION) == []


def test_what_was_half_made_is_removed_when_it_is_old(tmp_path, monkeypatch):
    with opened(tmp_path / "spool") as spool:
        spool.append(SPAN, b"one")
    half = tmp_path / "spool" / f"{clock.wall():016x}-{'00' * 16}-000000.making"
    half.write_bytes(bytes(100))
    left_in(tmp_path / "spool")
    assert half.exists()
    now = clock.wall()
    monkeypatch.setattr(clock, "wall", lambda: now + 3600 * 10**9)
    left_in(tmp_path / "spool")
    assert not half.exists()


def test_a_killed_scanner_does_not_keep_others_from_scanning(tmp_path):
    with opened(tmp_path / "spool") as spool:
        spool.append(SPAN, b"one")
    status = subprocess.run(
        [
            sys.executable,
            "-c",
            f"""
import os, signal, sys
sys.path.insert(0, {str(__file__).rpartition("/")[0]!r})
from spools import *
from otel_ia.delivery.spooling import recovery
recovery._adopt_all = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
left_in(Path({str(tmp_path / "spool")!r}))
""",
        ],
        check=False,
    ).returncode
    assert status == -signal.SIGKILL
    assert left_in(tmp_path / "spool") == [(SPAN, b"one")]


def test_who_finds_another_looking_is_told_so_and_finds_it_all_later(tmp_path):
    with opened(tmp_path / "spool") as dead:
        dead.append(SPAN, b"one")
    looking = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"""
import sys
sys.path.insert(0, {str(__file__).rpartition("/")[0]!r})
from spools import *
from otel_ia.delivery.spooling import recovery
recovery._adopt_all = lambda *_: print("looking", flush=True) or sys.stdin.read() and []
left_in(Path({str(tmp_path / "spool")!r}))
""",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with looking, opened(tmp_path / "spool") as spool:
        assert looking.stdout.readline() == b"looking\n"
        assert spool.scan() is None
        looking.stdin.close()
        looking.wait(30)
        assert spool.scan() == 1
        assert drain(spool) == [(SPAN, b"one")]


def test_what_is_closed_while_it_is_acknowledged_is_acknowledged_in_no_other_file(tmp_path, monkeypatch):
    leave(tmp_path / "spool", 10)
    (adopted,) = scan(tmp_path / "spool", DESTINATION, span_key=span_key)
    batch, write, opened_since = adopted.read(1 << 20, 5), os.pwrite, []

    def write_late(descriptor, record, at):
        if not opened_since:
            closing = threading.Thread(target=adopted.close)
            closing.start()
            closing.join()
            opened_since.extend((tmp_path / f"{number}").open("w+b") for number in range(8))
        return write(descriptor, record, at)

    monkeypatch.setattr(os, "pwrite", write_late)
    batch.acknowledge()
    monkeypatch.undo()
    assert [os.fstat(file.fileno()).st_size for file in opened_since] == [0] * 8
    for file in opened_since:
        file.close()
    assert numbers(left_in(tmp_path / "spool")) == list(range(5, 10))
