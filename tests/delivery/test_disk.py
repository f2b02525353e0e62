"""Disks that fail, in every way they do: the program goes on, what fits in memory is kept, what does not is counted."""

import os
import stat
import subprocess
import threading
from pathlib import Path

import disks
import pytest

from otel_ia.delivery.spooling import succession
from otel_ia.delivery.spooling.directory import default_directory
from otel_ia.delivery.spooling.frames import DROPPED, SPAN, read_dropped

from .collectors import Reply, collecting
from .shipping import append_spans, segments, shipping, wait_until
from .spools import delete, drain, files, left_in, numbered, numbers, opened, run


@pytest.fixture
def retries_at_once(monkeypatch):
    monkeypatch.setattr(succession, "RETRY_AFTER", 0.0)


@pytest.fixture
def small_disk(tmp_path):
    with disks.small_disk(tmp_path / "disk", "size=1m") as place:
        yield place


def test_a_full_disk_is_told_once_and_nothing_is_lost_while_memory_lasts(small_disk, monkeypatch, retries_at_once):
    monkeypatch.setattr("otel_ia.delivery.spooling.limits.SHARE_OF_FREE_SPACE", 1.0)
    told = []
    ballast = small_disk / "ballast"
    with opened(small_disk / "spool", tell=told.append) as spool:
        for number in range(500):
            spool.append(SPAN, numbered(number))
        os.posix_fallocate(descriptor := os.open(ballast, os.O_CREAT | os.O_RDWR), 0, 700 << 10)
        os.close(descriptor)
        for number in range(500, 1500):
            spool.append(SPAN, numbered(number))
            if number % 500 == 0:
                spool.prepare()
        assert 1 <= len(told) <= 2
        assert "No space" in told[0]
        ballast.unlink()
        spool.append(SPAN, numbered(1500))
        spool.prepare()
        assert sorted(numbers(drain(spool))) == list(range(1501))
        assert spool.counters.dropped == {}


def test_what_does_not_fit_in_memory_is_counted_and_the_count_recorded_when_the_disk_comes_back(
    tmp_path, retries_at_once
):
    blocker = tmp_path / "state"
    blocker.write_text("a file where a directory should be")
    told = []
    with opened(blocker / "spool", tell=told.append, memory_limit=100_000) as spool:
        for number in range(1000):
            spool.append(SPAN, numbered(number))
            if number % 100 == 0:
                spool.prepare()
        dropped = spool.counters.dropped["memory"]
        assert dropped == 1000 - 100_000 // 308
        blocker.unlink()
        spool.prepare()
        (text,) = told
        assert "Not a directory" in text or "exists" in text
    frames = left_in(blocker / "spool")
    assert numbers(frames) == list(range(1000))[dropped:]
    assert sum(read_dropped(payload)[1] for kind, payload in frames if kind == DROPPED) == dropped


def test_memory_goes_to_the_disk_when_that_comes_back(tmp_path, retries_at_once):
    blocker = tmp_path / "state"
    blocker.write_text("a file where a directory should be")
    with opened(blocker / "spool", tell=lambda _text: None) as spool:
        for number in range(100):
            spool.append(SPAN, numbered(number))
        batch = spool.read(limit_frames=10)
        blocker.unlink()
        spool.append(SPAN, numbered(100))
        spool.prepare()
        batch.acknowledge()
    assert sorted(numbers(left_in(blocker / "spool"))) == list(range(10, 101))


def test_a_disk_that_was_full_at_the_first_frame_is_used_when_it_has_room(small_disk, retries_at_once):
    told = []
    ballast = small_disk / "ballast"
    free = os.statvfs(small_disk)
    ballast.write_bytes(bytes(free.f_bavail * free.f_frsize))
    with opened(small_disk / "spool", tell=told.append) as spool:
        for number in range(100):
            spool.append(SPAN, numbered(number))
        assert files(small_disk / "spool") == []
        (said,) = told
        assert said.endswith("in memory for now: the spool's limit is 0 bytes, a tenth of what is free on the disk")
        ballast.unlink()
        spool.append(SPAN, numbered(100))
        spool.prepare()
        assert files(small_disk / "spool") != []
    assert sorted(numbers(left_in(small_disk / "spool"))) == list(range(101))


def test_what_was_only_in_memory_at_the_end_is_counted(tmp_path):
    (tmp_path / "spool").write_text("")
    with opened(tmp_path / "spool", tell=lambda _text: None) as spool:
        spool.append(SPAN, b"one")
        spool.append(SPAN, b"two")
    assert spool.counters.dropped == {"memory": 2}


def test_a_spool_that_is_closed_makes_no_room_for_what_does_not_follow(tmp_path):
    with opened(tmp_path / "spool", size_limit=1 << 20) as spool:
        while not spool.counters.dropped.get("size"):
            spool.append(SPAN, numbered(1))
            spool.prepare()
        while spool._writer.next.ready is not None or not spool._writer.next.is_wanted:
            spool.append(SPAN, numbered(2))
        dropped = spool.counters.dropped
    assert spool.counters.dropped == dropped


def test_a_frame_in_memory_that_is_being_sent_is_neither_dropped_nor_doubled(tmp_path):
    (tmp_path / "spool").write_text("")
    with opened(tmp_path / "spool", tell=lambda _text: None, memory_limit=10_000) as spool:
        for number in range(20):
            spool.append(SPAN, numbered(number))
        batch = spool.read(limit_frames=5)
        for number in range(20, 60):
            spool.append(SPAN, numbered(number))
        assert spool.read(limit_frames=5).frames == batch.frames
        batch.acknowledge()
        assert numbers(batch.frames) == [0, 1, 2, 3, 4]
        later = numbers(drain(spool))
        assert later == list(range(60))[-len(later) :]
        assert len(later) + 5 + spool.counters.dropped["memory"] == 60


def test_a_directory_deleted_under_way_is_made_again_and_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("otel_ia.delivery.spooling.upkeep.LOOK_EVERY", 0.0)
    with opened(tmp_path / "spool") as spool:
        for number in range(1500):
            spool.append(SPAN, numbered(number))
        spool.read(limit_frames=100).acknowledge()
        delete(tmp_path / "spool")
        spool.append(SPAN, numbered(1500))
        spool.prepare()
        spool.append(SPAN, numbered(1501))
        assert files(tmp_path / "spool")
    assert sorted(numbers(left_in(tmp_path / "spool"))) == list(range(100, 1502))


def test_a_home_that_is_missing_is_a_reason_for_memory(monkeypatch):
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/proc/nowhere")
    told = []
    with opened(None, tell=told.append) as spool:
        spool.append(SPAN, b"one")
        spool.prepare()
        assert spool.scan() == 0
        assert drain(spool) == [(SPAN, b"one")]
        assert told


def test_a_disk_that_can_only_be_read_is_a_reason_for_memory(small_disk):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    told = []
    with opened(small_disk / "spool", tell=told.append) as spool:
        spool.append(SPAN, b"one")
        assert drain(spool) == [(SPAN, b"one")]
        assert "Read-only" in told[0]


def test_at_most_a_tenth_of_the_free_space_is_used(small_disk):
    told = []
    with opened(small_disk / "spool", tell=told.append) as spool:
        for number in range(5000):
            spool.append(SPAN, numbered(number))
            if number % 100 == 0:
                spool.prepare()
                assert sum(path.stat().st_size for path in (small_disk / "spool").iterdir()) <= (1 << 20) // 10
        assert spool.counters.dropped["size"] > 0
        drain(spool)


def test_only_this_user_may_look_whatever_the_mask_says(tmp_path):
    before = os.umask(0)
    try:
        with opened(tmp_path / "state" / "spool") as spool:
            spool.append(SPAN, b"one")
            spool.read().set_aside(0)
            spool.scan()
            for path in (tmp_path / "state" / "spool").iterdir():
                assert stat.S_IMODE(path.lstat().st_mode) == 0o600
            for path in (tmp_path / "state", tmp_path / "state" / "spool"):
                assert stat.S_IMODE(path.stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_an_empty_directory_is_closed_to_others_and_a_used_one_is_refused(tmp_path):
    empty, used = tmp_path / "empty", tmp_path / "used"
    for place in (empty, used):
        place.mkdir()
        place.chmod(0o755)
    (used / "thesis.tex").write_text("")
    with opened(empty) as spool:
        spool.append(SPAN, b"one")
        drain(spool)
    assert stat.S_IMODE(empty.stat().st_mode) == 0o700
    told = []
    with opened(used, tell=told.append) as spool:
        spool.append(SPAN, b"one")
        drain(spool)
    assert "open to other users" in told[0]
    assert stat.S_IMODE(used.stat().st_mode) == 0o755


def test_another_users_directory_is_refused(tmp_path):
    place = tmp_path / "spool"
    place.mkdir(mode=0o700)
    if os.geteuid() != 0:
        pytest.skip("giving a directory away needs a privileged user")
    os.chown(place, 12345, 12345)
    told = []
    with opened(place, tell=told.append) as spool:
        spool.append(SPAN, b"one")
        drain(spool)
    assert "another user" in told[0]
    assert files(place) == []


def test_no_symbolic_link_is_followed(tmp_path):
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(target)
    told = []
    with opened(tmp_path / "link", tell=told.append) as spool:
        spool.append(SPAN, b"one")
        drain(spool)
    assert told
    assert files(target) == []

    with opened(tmp_path / "spool") as spool:
        spool.append(SPAN, b"one")
    (name,) = files(tmp_path / "spool")
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "spool" / name).rename(elsewhere)
    (tmp_path / "spool" / name).symlink_to(elsewhere)
    (tmp_path / "spool" / "scanner.lock").unlink(missing_ok=True)
    (tmp_path / "spool" / "scanner.lock").symlink_to(tmp_path / "precious")
    assert left_in(tmp_path / "spool") == []
    assert not (tmp_path / "precious").exists()
    (tmp_path / "spool" / "scanner.lock").unlink()
    assert left_in(tmp_path / "spool") == []
    (tmp_path / "spool" / name).unlink()
    os.link(elsewhere, tmp_path / "spool" / name)
    assert left_in(tmp_path / "spool") == []
    assert elsewhere.exists()


def test_the_directory_is_the_users_own_state(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_directory() == tmp_path / "otel_ia" / "spool"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/me")
    assert default_directory() == Path("/home/me/.local/state/otel_ia/spool")


@pytest.fixture
def looks_at_once(monkeypatch):
    monkeypatch.setattr("otel_ia.delivery.spooling.upkeep.LOOK_EVERY", 0.0)


def test_what_is_only_in_memory_is_read_before_what_is_older_and_on_the_disk(tmp_path, looks_at_once):
    told = []
    with opened(tmp_path / "spool", tell=told.append) as spool:
        for number in range(10):
            spool.append(SPAN, numbered(number))
        delete(tmp_path / "spool")
        (tmp_path / "spool").write_text("a file where the directory should be")
        spool.prepare()
        for number in range(10, 20):
            spool.append(SPAN, numbered(number))
        assert told
        assert numbers(drain(spool)) == [*range(10, 20), *range(10)]


def test_a_batch_that_waits_while_the_directory_is_deleted_comes_once(tmp_path, looks_at_once):
    is_up = threading.Event()
    with (
        collecting(lambda _: Reply(200 if is_up.is_set() else 503)) as collector,
        shipping(tmp_path / "spool", collector.endpoint) as (spool, shipper),
    ):
        names = append_spans(spool, *(str(number).rjust(300) for number in range(2000)))
        for number in range(3):
            wait_until(lambda: shipper.counters.retried > 2 * number)  # noqa: B023 - waited for at once
            delete(tmp_path / "spool")
            names += append_spans(spool, f"later {number}")
            wait_until(lambda: segments(tmp_path / "spool"))
        is_up.set()
        assert shipper.flush(10)
        # a deletion in the middle of making a segment has what comes next wait in memory, and that is read first
        assert sorted(collector.spans) == sorted(names)
        assert collector.taken[0].spans == collector.requests[0].spans
    assert files(tmp_path / "spool") == []


def test_a_request_under_way_while_the_directory_is_deleted_is_acknowledged(tmp_path, looks_at_once):
    is_asked, may_answer = threading.Event(), threading.Event()

    def respond(_):
        is_asked.set()
        return Reply(200 if may_answer.wait(20) else 500)

    with (
        collecting(respond) as collector,
        shipping(tmp_path / "spool", collector.endpoint) as (spool, shipper),
    ):
        names = append_spans(spool, "a", "b")
        assert is_asked.wait(10)
        delete(tmp_path / "spool")
        names += append_spans(spool, "c")
        may_answer.set()
        assert shipper.flush(10)
        assert collector.spans == names


def test_what_was_in_a_deleted_directory_survives_the_process(tmp_path):
    run(
        """
import shutil
with opened(directory) as spool:
    for number in range(3000):
        spool.append(SPAN, numbered(number))
    spool.prepare()
    spool.read(limit_frames=100).acknowledge()
    shutil.rmtree(directory)
    time.sleep(1)
    spool.prepare()
    spool.append(SPAN, numbered(3000))
    os._exit(0)
""",
        tmp_path / "spool",
    )
    assert numbers(left_in(tmp_path / "spool")) == list(range(100, 3001))


def test_a_directory_that_was_deleted_just_before_the_end_is_filled_again(tmp_path):
    with opened(tmp_path / "spool") as spool:
        spool.append(SPAN, numbered(1))
        spool.prepare()
        delete(tmp_path / "spool")
        spool.append(SPAN, numbered(2))
    assert numbers(left_in(tmp_path / "spool")) == [1, 2]


def test_what_cannot_be_brought_back_at_the_end_is_counted(tmp_path):
    with opened(tmp_path / "spool", tell=lambda _text: None) as spool:
        for number in range(1500):
            spool.append(SPAN, numbered(number))
        spool.read(limit_frames=100).acknowledge()
        delete(tmp_path / "spool")
        (tmp_path / "spool").write_text("a file where the directory should be")
    assert spool.counters.dropped == {"memory": 1400}
