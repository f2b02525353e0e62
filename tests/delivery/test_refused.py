"""What a server refused: kept, taken again by one at a time, and never lost in between."""

import subprocess
import sys
import time

import disks
import pytest

from otel_ia.delivery.spooling.frames import SPAN, START, encode_frame
from otel_ia.delivery.spooling.header import Header
from otel_ia.delivery.spooling.recovery import take_refused
from otel_ia.delivery.spooling.refused import keep_refused

from .spools import DESTINATION, PRELUDE, numbered, numbers, opened, run, span_key

HEADER = Header(
    fingerprint=DESTINATION, identity=b"me", instance=b"i" * 16, sequence=0, process=1, process_start=1, created=7
)


def keep(directory, number, scopes=(b"scope",)):
    keep_refused(directory, HEADER, encode_frame(SPAN, numbered(number)), scopes=scopes)


def refused(directory):
    return sorted(directory.glob("*.refused"))


def taken(path):
    """All frames of a file, acknowledged."""
    adopted = take_refused(path, span_key=span_key)
    frames = []
    while adopted is not None and (batch := adopted.read(1 << 20, 16)) is not None:
        frames += batch.frames
        batch.acknowledge()
    return frames


def test_all_that_one_process_has_refused_is_in_one_file_and_gone_when_it_was_taken(tmp_path):
    for number in range(100):
        keep(tmp_path, number)
    (path,) = refused(tmp_path)
    assert numbers(taken(path)) == list(range(100))
    assert refused(tmp_path) == []
    assert take_refused(path) is None


def test_what_is_refused_while_the_file_is_taken_comes_into_another(tmp_path):
    keep(tmp_path, 1)
    (path,) = refused(tmp_path)
    adopted = take_refused(path)
    assert adopted is not None
    assert take_refused(path) is None
    batch = adopted.read(1 << 20, 16)
    assert batch is not None
    assert batch.set_aside(0)
    keep(tmp_path, 2)
    batch.acknowledge()
    adopted.close()
    (other,) = refused(tmp_path)
    assert other != path
    assert numbers(taken(other)) == [1, 2]


KEEPING = f"""
from otel_ia.delivery.spooling.header import Header
from otel_ia.delivery.spooling.recovery import take_refused
from otel_ia.delivery.spooling.refused import keep_refused
def keep(number):
    keep_refused(directory, {HEADER!r}, encode_frame(SPAN, numbered(number)), scopes=())
"""


def test_another_process_leaves_the_file_alone_that_is_taken(tmp_path):
    keep(tmp_path, 1)
    (path,) = refused(tmp_path)
    adopted = take_refused(path)
    assert adopted is not None
    batch = adopted.read(1 << 20, 16)
    assert batch is not None
    assert run(f"{KEEPING}keep(2); print(take_refused(Path({str(path)!r})))", tmp_path) == "None\n"
    batch.acknowledge()
    assert numbers(batch.frames) == [1]
    (other,) = refused(tmp_path)
    assert numbers(taken(other)) == [2]


def test_a_file_that_is_gone_when_its_lock_is_free_is_not_written_to(tmp_path):
    keep(tmp_path, 1)
    (path,) = refused(tmp_path)
    program = """
import fcntl
lockf = fcntl.lockf
def lock_late(*arguments):
    print("opened", flush=True)
    sys.stdin.readline()
    lockf(*arguments)
fcntl.lockf = lock_late
keep(2)
"""
    command = [sys.executable, "-c", PRELUDE + KEEPING + program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "opened\n"
        assert numbers(taken(path)) == [1]
        process.communicate("\n", timeout=30)
    assert process.returncode == 0
    (other,) = refused(tmp_path)
    assert numbers(taken(other)) == [2]


def test_what_is_written_to_a_new_file_is_not_lost_to_one_who_finds_it_empty(tmp_path):
    program = """
def late(write):
    def late_write(*arguments):
        print("created", flush=True)
        sys.stdin.readline()
        return write(*arguments)
    return late_write
os.write, os.pwrite = late(os.write), late(os.pwrite)
keep(1)
"""
    command = [sys.executable, "-c", PRELUDE + KEEPING + program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "created\n"
        (path,) = refused(tmp_path)
        assert taken(path) == []
        process.communicate("\n", timeout=30)
    assert process.returncode == 0
    assert [number for path in refused(tmp_path) for number in numbers(taken(path))] == [1]


def test_on_a_full_disk_what_was_kept_before_stays_readable(tmp_path):
    with disks.small_disk(tmp_path / "disk", "size=16k,mode=700") as disk:
        kept = 0
        with pytest.raises(OSError, match="space"):
            while True:
                keep(disk, kept)
                kept += 1
        assert kept
        assert [number for path in refused(disk) for number in numbers(taken(path))] == list(range(kept))


def test_a_scope_that_came_later_is_kept_too(tmp_path):
    keep(tmp_path, 1, scopes=(b"early",))
    keep(tmp_path, 2, scopes=(b"early", b"late"))
    adopted = take_refused(refused(tmp_path)[0])
    assert adopted is not None
    batch = adopted.read(1 << 20, 16)
    assert batch is not None
    assert set(batch.scopes) == {b"early", b"late"}
    adopted.close()


def test_an_abandoned_span_ends_again_when_its_process_was_last_seen(tmp_path):
    seen = time.time_ns()
    keep_refused(tmp_path, HEADER, encode_frame(START, numbered(3)), scopes=(), last_seen=seen)
    adopted = take_refused(refused(tmp_path)[0], span_key=span_key)
    assert adopted is not None
    batch = adopted.read(1 << 20, 16)
    assert batch is not None
    assert (batch.frames, batch.last_seen) == ([(START, numbered(3))], seen)
    adopted.close()


def test_what_was_acknowledged_does_not_come_again(tmp_path):
    for number in range(40):
        keep(tmp_path, number)
    (path,) = refused(tmp_path)
    adopted = take_refused(path)
    assert adopted is not None
    batch = adopted.read(1 << 20, 16)
    assert batch is not None
    batch.acknowledge()
    adopted.close()
    assert numbers(taken(path)) == list(range(16, 40))


def test_a_spool_that_is_refused_everything_loses_nothing_to_one_who_offers_it_again(tmp_path):
    count = 400
    program = f"{KEEPING}for number in range({count}): keep(number)"
    process = subprocess.Popen([sys.executable, "-c", PRELUDE + program, str(tmp_path)])
    found = []
    while process.poll() is None:
        found += [number for path in refused(tmp_path) for number in numbers(taken(path))]
    assert process.returncode == 0
    found += [number for path in refused(tmp_path) for number in numbers(taken(path))]
    assert sorted(found) == list(range(count))


def test_without_a_directory_nothing_is_set_aside_and_it_is_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with opened(None, is_on_disk=False) as spool:
        spool.append(SPAN, numbered(1))
        batch = spool.read()
        assert batch is not None
        assert not batch.set_aside(0)
        batch.acknowledge()
        assert (spool.counters.refused, spool.counters.dropped) == (1, {"refused and not kept": 1})
    assert list(tmp_path.iterdir()) == []
