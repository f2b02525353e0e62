"""One process: whoever appends whenever, all of it is read once, in order, and nobody waits or fails."""

import dis
import gc
import json
import os
import signal
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from otel_ia import clock
from otel_ia.delivery.spooling.frames import DROPPED, LOG, SPAN, dropped_payload, read_dropped
from otel_ia.delivery.spooling.losses import give_up_held
from otel_ia.delivery.spooling.ownership import file_key
from otel_ia.delivery.spooling.segment import nowhere
from otel_ia.delivery.spooling.succession import Succession
from otel_ia.delivery.spooling.writer import Writer

from .spools import drain, files, left_in, numbered, numbers, opened, run


def test_frames_are_read_in_order_until_they_are_acknowledged(tmp_path):
    with opened(tmp_path / "spool") as spool:
        spool.append(SPAN, b"one")
        spool.append(LOG, b"two")
        spool.append(SPAN, b"")
        first = spool.read()
        assert first.frames == [(SPAN, b"one"), (LOG, b"two"), (SPAN, b"")]
        assert first.identity == b"me"
        assert not first.is_adopted
        assert spool.read().frames == first.frames
        first.acknowledge()
        assert spool.read() is None
        spool.append(SPAN, b"three")
        assert spool.read().frames == [(SPAN, b"three")]


def test_a_batch_has_at_most_as_much_as_was_asked_for_but_one_frame_at_least(tmp_path):
    with opened(tmp_path / "spool") as spool:
        for number in range(10):
            spool.append(SPAN, numbered(number))
        assert numbers(spool.read(limit_frames=3).frames) == [0, 1, 2]
        assert numbers(spool.read(limit_bytes=1000).frames) == [0, 1, 2]
        assert numbers(spool.read(limit_bytes=1).frames) == [0]
        assert numbers(drain(spool, limit_frames=3)) == list(range(10))


def test_acknowledging_twice_or_late_acknowledges_no_more(tmp_path):
    with opened(tmp_path / "spool") as spool:
        spool.append(SPAN, numbered(1))
        early = spool.read()
        spool.append(SPAN, numbered(2))
        early.acknowledge()
        early.acknowledge()
        assert numbers(drain(spool)) == [2]
        spool.append(SPAN, numbered(3))
        early.acknowledge()
        assert numbers(drain(spool)) == [3]


def test_a_frame_that_is_set_aside_is_kept_for_a_person(tmp_path):
    from otel_ia.delivery.spooling.listing import describe

    with opened(tmp_path / "spool") as spool:
        spool.define_scope(b"scope")
        for number in range(4):
            spool.append(SPAN, numbered(number))
        batch = spool.read()
        batch.set_aside(1)
        batch.set_aside(3)
        batch.acknowledge()
        assert spool.read() is None
        assert spool.counters.refused == 2
    (info,) = describe(tmp_path / "spool")
    assert info.is_refused
    assert info.frames == {"span": 2}
    assert left_in(tmp_path / "spool") == []


@pytest.mark.parametrize("method", [Writer.append, Writer._place])
def test_from_taking_a_place_to_copying_there_is_no_step_at_which_another_thread_could_come_in_between(method):
    """CPython lets go of the global lock, and runs signal handlers, in calls, at function entry and on jumps back."""
    instructions = list(dis.get_instructions(method))
    stores = [at for at, item in enumerate(instructions) if item.opname == "STORE_ATTR" and item.argval == "position"]
    assert 1 <= len(stores) <= 2  # the other in a segment that nobody else knows yet
    begin = max(at for at, item in enumerate(instructions[: stores[0]]) if item.argval == "position")
    between = [item.opname for item in instructions[begin : stores[0]]]
    allowed = ("LOAD_", "BINARY_OP", "COPY", "SWAP", "STORE_FAST", "CACHE", "DUP_", "ROT_")
    assert all(name.startswith(allowed) for name in between), between
    ways = paths_to_a_switch(instructions, stores[0] + 1)
    copying = [path for path in ways if path[-1].opname in COPYING or any(item.argval == "copy" for item in path)]
    without_room = [path for path in ways if any(item.argval in {"_go_on", "note_full"} for item in path)]
    assert copying
    assert len(copying) + len(without_room) == len(ways)


COPYING = {"STORE_SUBSCR", "STORE_SLICE"}


def paths_to_a_switch(instructions, at):
    """Each way from an instruction to the first that copies by itself, or at whose end others may come in between.

    The interpreter looks whether it is to let others run when a call has returned, not before it: a copy in C is done.
    """
    path = []
    while True:
        item = instructions[at]
        path.append(item)
        if item.opname in COPYING or item.opname == "CALL" or item.opname.startswith("JUMP_BACKWARD"):
            return [path]
        target = next((n for n, other in enumerate(instructions) if other.offset == item.argval), None)
        if item.opname.startswith("JUMP_FORWARD"):
            at = target
        elif "JUMP" in item.opname:
            return [path + more for way in (at + 1, target) for more in paths_to_a_switch(instructions, way)]
        else:
            at += 1


def test_eight_threads_lose_and_double_nothing(tmp_path):
    import sys

    interval = sys.getswitchinterval()
    with opened(tmp_path / "spool") as spool:
        done = threading.Event()
        read = []

        def write(begin):
            for number in range(begin, begin + 4000):
                spool.append(SPAN, numbered(number, 8 + number % 700))

        def ship():
            while True:
                is_last = done.is_set()
                spool.wait(0.05)
                spool.prepare()
                read.extend(numbers(drain(spool)))
                if is_last:
                    return

        writers = [threading.Thread(target=write, args=(4000 * index,)) for index in range(8)]
        shipper = threading.Thread(target=ship)
        sys.setswitchinterval(1e-6)
        try:
            for thread in (shipper, *writers):
                thread.start()
            for thread in writers:
                thread.join()
            done.set()
            spool.wake()
            shipper.join()
        finally:
            sys.setswitchinterval(interval)
        assert sorted(read) == list(range(32_000))
        for begin in range(0, 32_000, 4000):
            own = [number for number in read if begin <= number < begin + 4000]
            assert sum(later < earlier for earlier, later in pairwise(own)) <= 5  # a frame in memory may come earlier
        assert spool.counters.dropped == {}


def test_a_signal_handler_in_the_middle_of_everything_appends_too(tmp_path):
    taken = []
    with opened(tmp_path / "spool") as spool:

        def handle(_signal, _frame):
            number = 1_000_000 + len(taken)
            taken.append(number)
            spool.append(SPAN, numbered(number, 3000))

        before = signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        try:
            read = []
            number = 0
            while len(taken) < 1500:
                spool.append(SPAN, numbered(number, 2000))
                number += 1
                if number % 500 == 0:
                    spool.prepare()
                    read += numbers(drain(spool))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        read += numbers(drain(spool))
        assert sorted(read) == [*range(number), *taken]
        assert spool.counters.dropped == {}


def test_finalizers_append_wherever_they_run(tmp_path):
    ended = []
    append = []

    class Leaves:
        def __init__(self):
            self.itself = self

        def __del__(self):
            ended.append(1_000_000 + len(ended))
            append[0](SPAN, numbered(ended[-1], 4000))

    def generate():
        try:
            yield Leaves()
        finally:
            ended.append(1_000_000 + len(ended))
            append[0](SPAN, numbered(ended[-1], 4000))

    def make_garbage():
        Leaves()
        generator = generate()
        cycle = [next(generator), generator]
        cycle.append(cycle)
        return []

    with opened(tmp_path / "spool", open_frames=make_garbage) as spool:
        append.append(spool.append)
        threshold = gc.get_threshold()
        gc.set_threshold(3)
        try:
            for number in range(1500):
                make_garbage()
                spool.append(SPAN, numbered(number))
        finally:
            gc.set_threshold(*threshold)
        gc.collect()
        assert sorted(numbers(drain(spool))) == [*range(1500), *ended]
    append[0] = lambda *_: None
    gc.collect()


def test_a_segment_may_be_left_while_it_is_read(tmp_path):
    with opened(tmp_path / "spool") as spool:
        for number in range(700):
            spool.append(SPAN, numbered(number))
        batch = spool.read(limit_frames=10)
        for number in range(700, 4000):
            spool.append(SPAN, numbered(number))
        spool.prepare()
        assert numbers(batch.frames) == list(range(10))
        batch.acknowledge()
        assert numbers(drain(spool)) == list(range(10, 4000))
        assert len(files(tmp_path / "spool")) <= 2


def test_the_first_frame_wakes_who_waits_and_an_idle_spool_does_not(tmp_path):
    with opened(tmp_path / "spool") as spool:
        assert not spool.wait(0.01)
        woken = []
        waits = threading.Event()

        def sleep():
            waits.set()
            woken.append(spool.wait(30))

        thread = threading.Thread(target=sleep)
        thread.start()
        waits.wait()
        spool.append(SPAN, b"one")
        thread.join(30)
        assert woken == [True]
        assert spool.wait(0)
        drain(spool)
        spool.wait(0)
        assert not spool.wait(0.01)
        spool.wake()
        assert spool.wait(30, for_frames=False)


def test_the_next_segment_is_ready_before_it_is_needed(tmp_path):
    with opened(tmp_path / "spool") as spool:
        for number in range(700):
            spool.append(SPAN, numbered(number))
        spool.wait(0, for_frames=False)
        spool.prepare()
        assert len(files(tmp_path / "spool")) == 2
        drain(spool)


def test_what_comes_after_close_is_counted(tmp_path):
    with opened(tmp_path / "spool") as spool:
        spool.append(SPAN, b"one")
        spool.close()
        spool.close()
        spool.append(SPAN, b"two")
        assert spool.counters.dropped == {"closed": 1}
    assert left_in(tmp_path / "spool") == [(SPAN, b"one")]


def test_the_oldest_goes_first_when_the_limit_is_reached_and_all_is_counted(tmp_path):
    limit = 2 << 20
    with opened(tmp_path / "spool", size_limit=limit) as spool:
        for number in range(20_000):
            spool.append(SPAN, numbered(number))
            if number % 1000 == 0:
                spool.prepare()
                assert sum(path.stat().st_size for path in (tmp_path / "spool").iterdir()) <= limit
        spool.prepare()
        frames = drain(spool)
        left = numbers(frames)
        dropped = spool.counters.dropped["size"]
        assert left == list(range(20_000))[-len(left) :]
        assert len(left) + dropped == 20_000
        assert len(left) > 3000
        told = [read_dropped(payload) for kind, payload in frames if kind == DROPPED]
        assert {reason for reason, _ in told} == {"size"}


def test_segments_of_other_destinations_count_and_go_too(tmp_path):
    limit = 1 << 20
    for index in range(6):
        with opened(tmp_path / "spool", fingerprint=b"other", identity=lambda: b"other") as other:
            for number in range(1000):
                other.append(SPAN, numbered(index * 1000 + number))
    with opened(tmp_path / "spool", size_limit=limit) as spool:
        spool.append(SPAN, b"mine")
        assert sum(path.stat().st_size for path in (tmp_path / "spool").iterdir()) <= limit
        dropped = spool.counters.dropped["size"]
        assert dropped > 2000
        assert sorted(drain(spool)) == [(SPAN, b"mine"), (DROPPED, dropped_payload("size", dropped))]


@pytest.mark.parametrize("years", [-60, -1, 1, 200])
def test_a_clock_that_is_set_makes_no_own_segment_old(tmp_path, monkeypatch, years):
    with opened(tmp_path / "spool") as spool:
        for number in range(1500):
            spool.append(SPAN, numbered(number))
        now = time.time_ns()
        monkeypatch.setattr(clock, "wall", lambda: now + years * 365 * 86400 * 10**9)
        for number in range(1500, 3000):
            spool.append(SPAN, numbered(number))
        spool.prepare()
        assert numbers(drain(spool)) == list(range(3000))
        assert spool.counters.dropped == {}


def test_with_durability_disk_everything_is_as_before(tmp_path):
    with opened(tmp_path / "spool", durability="disk") as spool:
        for number in range(20):
            spool.append(SPAN, numbered(number))
        assert numbers(drain(spool)) == list(range(20))


def test_with_durability_disk_each_append_waits_for_every_file_it_wrote_to(tmp_path, monkeypatch):
    synced = []
    for name in ("fsync", "fdatasync"):
        sync = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda file, sync=sync: (synced.append(Path(f"/proc/self/fd/{file}").readlink()), sync(file))
        )
    with opened(tmp_path / "spool", durability="disk") as spool:
        written = []
        for number in range(12):
            synced.clear()
            spool.append(SPAN, numbered(number, 90_000))
            segment = spool._writer.current.path
            assert segment in synced
            if segment not in written:
                assert tmp_path / "spool" in synced, "the name of a new file"
                written.append(segment)
        assert len(written) > 2
        drain(spool)


def test_importing_works_and_frames_stay_in_memory_where_the_system_has_no_locks(tmp_path):
    report = json.loads(
        run(
            """
import json
sys.modules["fcntl"] = None
for name in ("posix_fallocate", "register_at_fork"):
    delattr(os, name)
for name in [name for name in sys.modules if name.startswith("otel_ia.delivery") or name == "spools"]:
    del sys.modules[name]
from spools import *
told = []
with opened(directory, tell=told.append) as spool:
    for number in range(10):
        spool.append(SPAN, numbered(number))
    print(json.dumps([told, numbers(drain(spool)), spool.scan()]))
""",
            tmp_path / "spool",
        )
    )
    assert len(report[0]) == 1
    assert "locks" in report[0][0]
    assert report[1:] == [list(range(10)), 0]


def test_where_files_cannot_be_allocated_beforehand_they_are_written_by_the_shipper(tmp_path):
    output = run(
        """
del os.posix_fallocate
for name in [name for name in sys.modules if name.startswith("otel_ia.delivery") or name == "spools"]:
    del sys.modules[name]
from spools import *
context = opened(directory)
spool = context.__enter__()
for number in range(3000):
    spool.append(SPAN, numbered(number))
spool.prepare()
spool.append(SPAN, numbered(3000))
os._exit(0)
""",
        tmp_path / "spool",
    )
    assert output == ""
    assert numbers(left_in(tmp_path / "spool")) == list(range(3000))


def test_what_was_recorded_is_counted_right_while_it_is_acknowledged(tmp_path):
    ended = threading.Event()

    def acknowledge(spool):
        while not ended.is_set():
            if (batch := spool.read(limit_frames=300)) is not None:
                batch.acknowledge()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with opened(tmp_path / "spool") as spool:
            reader = threading.Thread(target=acknowledge, args=[spool])
            reader.start()
            try:
                for number in range(1, 2001):
                    for _ in range(5):
                        spool.append(SPAN, numbered(number))
                    assert spool.recorded == 5 * number
            finally:
                ended.set()
                reader.join()
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize("makes", [True, False])
def test_who_waits_for_a_segment_makes_it_if_the_other_thread_did_not(makes):
    made, is_busy = [], threading.Event()

    def make(content):
        is_busy.set()
        time.sleep(0.05)
        made.append(content)
        return nowhere()

    succession = Succession(make, tell=pytest.fail)

    def hold():
        with succession.lock:
            is_busy.set()
            time.sleep(0.05)

    other = threading.Thread(target=lambda: succession.make(1, patience=0) if makes else hold())
    other.start()
    is_busy.wait()
    succession.make(2, patience=20)
    other.join()
    assert made == ([1] if makes else [2])
    assert succession.ready is not None


def test_a_segment_that_is_given_up_while_it_is_trimmed_takes_no_other_file_with_it(tmp_path, monkeypatch):
    """Its descriptor is free from then on, and the next file that the program opens has the same number."""
    opened_since, shorten = [], os.ftruncate

    def shorten_late(descriptor, size):
        oldest = min((tmp_path / "spool").glob("*.segment"))
        giving_up = threading.Thread(target=give_up_held, args=(file_key(oldest.stat()), "size"))
        giving_up.start()
        giving_up.join()
        for number in range(8):
            opened_since.append(file := (tmp_path / f"{number}").open("w+b"))
            file.truncate(1 << 20)
        shorten(descriptor, size)

    with opened(tmp_path / "spool") as spool:
        for number in range(1000):
            spool.append(SPAN, numbered(number))
        monkeypatch.setattr(os, "ftruncate", shorten_late)
        spool.prepare()
        monkeypatch.undo()
        assert {os.fstat(file.fileno()).st_size for file in opened_since} == {1 << 20}
        for file in opened_since:
            file.close()
        assert numbers(drain(spool)) == list(range(1000))


def test_a_file_that_has_the_inode_of_one_just_removed_is_known_to_be_held(tmp_path, monkeypatch):
    """Where the file system gives it again at once, as ext4 does."""
    close, inodes = os.close, []
    with opened(tmp_path / "spool") as one, opened(tmp_path / "spool") as other:
        for number in range(1000):
            one.append(SPAN, numbered(number))

        def close_and_go_on(descriptor):
            status = os.fstat(descriptor)
            close(descriptor)
            if status.st_nlink == 0 and not inodes:
                inodes.append(status.st_ino)
                appending = threading.Thread(target=lambda: other.append(SPAN, numbered(1000)))
                appending.start()
                appending.join()

        monkeypatch.setattr(os, "close", close_and_go_on)
        assert numbers(drain(one)) == list(range(1000))
        monkeypatch.undo()
        assert len(inodes) == 1
        assert one.scan() == 0
        assert numbers(drain(other)) == [1000]
