"""What is given up for its age, with clocks that are set in one process, in the next, and between them."""

import os
import time

import pytest

from otel_ia import clock
from otel_ia.delivery.spooling import age
from otel_ia.delivery.spooling.frames import SPAN
from otel_ia.delivery.spooling.listing import describe

from .spools import drain, files, left_in, numbered, numbers, opened, run

HOUR = 3600 * 10**9
YEAR = 365 * 24 * HOUR

SET = """
from otel_ia import clock
from otel_ia.delivery.spooling import age
wall, since_boot = clock.wall, age.since_boot
def set_clock(hours, passed=0):
    clock.wall = lambda: wall() + hours * 3600 * 10**9
    age.since_boot = lambda: since_boot() + passed * 3600 * 10**9
def touch(hours):
    for path in directory.glob("*.*e*"):
        moment = wall() + hours * 3600 * 10**9
        os.utime(path, ns=(moment, moment))
def use(count, **options):
    with opened(directory, tell=lambda _: None, **options) as spool:
        for number in range(count):
            spool.append(SPAN, numbered(number))
        spool.prepare()
        os._exit(0)
"""
ANOTHER_START = "age.boot = lambda: bytes(range(16))\n"
HOURS = [-24 * 365, -73, -1, 1, 73, 24 * 365]


def given_up(directory, *, after=0, **options):
    """How many frames a process with the right clock gives up for their age, so many hours from now."""
    script = f"""
set_clock({after}, {after})
with opened(directory, **{options}) as spool:
    spool.prepare()
    print(spool.counters.dropped.get("age", 0))
"""
    return int(run(SET + script, directory))


@pytest.mark.parametrize("hours", HOURS)
@pytest.mark.parametrize("is_system_set", [True, False])
def test_what_a_killed_process_with_a_wrong_clock_left_is_not_old(tmp_path, hours, is_system_set):
    run(SET + f"set_clock({hours})\nuse(2000)", tmp_path / "spool")
    if is_system_set:
        run(SET + f"touch({hours})", tmp_path / "spool")
    assert given_up(tmp_path / "spool") == 0
    assert numbers(left_in(tmp_path / "spool")) == list(range(2000))


@pytest.mark.parametrize("hours", HOURS)
def test_a_process_with_a_wrong_clock_gives_up_nothing_that_is_young(tmp_path, hours):
    run(SET + "use(2000)", tmp_path / "spool")
    run(SET + f"set_clock({hours})\nuse(1)", tmp_path / "spool")
    assert sorted(numbers(left_in(tmp_path / "spool"))) == [0, *range(2000)]


@pytest.mark.parametrize("hours", [0, *HOURS])
def test_what_is_old_is_given_up_whatever_its_clock_said(tmp_path, hours):
    run(SET + f"set_clock({hours})\nuse(2000)", tmp_path / "spool")
    run(SET + f"touch({hours})", tmp_path / "spool")
    assert given_up(tmp_path / "spool", after=71) == 0
    # a clock that was ahead makes it seem younger by so much at the most, as long as that is not in the future
    assert given_up(tmp_path / "spool", after=73 + (hours if 0 < hours <= 73 else 0)) == 2000


@pytest.mark.parametrize("hours", [100, 24 * 365])
def test_what_an_earlier_start_of_the_machine_dated_in_the_future_grows_old_from_now_on(tmp_path, hours):
    run(SET + ANOTHER_START + f"set_clock({hours})\nuse(2000)", tmp_path / "spool")
    run(SET + f"touch({hours})", tmp_path / "spool")
    assert [given_up(tmp_path / "spool", after=after) for after in (0, 71, 73)] == [0, 0, 2000]


def test_what_an_earlier_start_of_the_machine_left_long_ago_is_given_up(tmp_path):
    run(SET + ANOTHER_START + "set_clock(-73)\nuse(2000)", tmp_path / "spool")
    assert given_up(tmp_path / "spool") == 0, "the system says that it was written to just now"
    run(SET + "touch(-73)", tmp_path / "spool")
    assert given_up(tmp_path / "spool") == 2000


def test_a_clock_that_was_put_right_while_its_process_lived_is_believed(tmp_path):
    script = """
set_clock(-24 * 365)
with opened(directory) as spool:
    spool.append(SPAN, numbered(1))
    set_clock(0)
    spool.prepare()
    os._exit(0)
"""
    run(SET + ANOTHER_START + script, tmp_path / "spool")
    run(SET + "touch(-24 * 365)", tmp_path / "spool")
    assert given_up(tmp_path / "spool") == 0
    assert numbers(left_in(tmp_path / "spool")) == [1]


def test_a_segment_that_was_made_long_ago_and_is_still_written_to_is_young(tmp_path):
    script = """
with opened(directory) as spool:
    spool.append(SPAN, numbered(1))
    set_clock(100, 100)
    spool.append(SPAN, numbered(2))
    spool.prepare()
    os._exit(0)
"""
    run(SET + script, tmp_path / "spool")
    assert given_up(tmp_path / "spool", after=101) == 0
    assert numbers(left_in(tmp_path / "spool")) == [1, 2]


def test_an_own_segment_is_as_old_as_its_last_frame(tmp_path, monkeypatch):
    monkeypatch.setattr("otel_ia.delivery.spooling.upkeep.EXPIRE_EVERY", 0.0)
    with opened(tmp_path / "spool", age_limit=0.5) as spool:
        spool.append(SPAN, numbered(0))
        time.sleep(0.6)
        for number in range(1, 1500):
            spool.append(SPAN, numbered(number))
        spool.prepare()
        assert spool.counters.dropped == {}
        time.sleep(0.6)
        spool.prepare()
        assert 500 < spool.counters.dropped["age"] < 1500, "the segments that are full"
        assert len(numbers(drain(spool))) == 1500 - spool.counters.dropped["age"]


def test_what_was_adopted_and_cannot_be_delivered_grows_old_too(tmp_path, monkeypatch):
    monkeypatch.setattr("otel_ia.delivery.spooling.upkeep.EXPIRE_EVERY", 0.0)
    run(SET + "use(100)", tmp_path / "spool")
    now = time.time_ns
    with opened(tmp_path / "spool", age_limit=5.0) as spool:
        assert spool.scan() == 1
        monkeypatch.setattr(clock, "wall", lambda: now() + YEAR)
        spool.prepare()
        assert spool.counters.dropped == {}, "the clock was set meanwhile"
        before = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: before() + 5)
        spool.prepare()
        assert spool.counters.dropped == {"age": 100}
        assert drain(spool) == []


def test_what_was_refused_is_as_old_as_the_last_of_it(tmp_path):
    script = """
with opened(directory) as spool:
    spool.append(SPAN, numbered(1))
    batch = spool.read()
    batch.set_aside(0)
    batch.acknowledge()
    os._exit(0)
"""
    run(SET + script, tmp_path / "spool")
    run(SET + "touch(100)", tmp_path / "spool")  # as if more had been refused a hundred hours later
    assert given_up(tmp_path / "spool", after=101) == 0
    assert given_up(tmp_path / "spool", after=173) == 1


def test_segments_of_a_process_keep_their_order_when_its_clock_is_set_back(tmp_path, monkeypatch):
    now = time.time_ns()
    with opened(tmp_path / "spool", size_limit=1 << 20) as spool:
        for number in range(10_000):
            if number == 3000:
                monkeypatch.setattr(clock, "wall", lambda: now - YEAR)
            spool.append(SPAN, numbered(number))
        left = numbers(drain(spool))
        assert left == list(range(10_000 - len(left), 10_000))


@pytest.mark.parametrize("content", [b"", bytes(300_000), os.urandom(300_000)], ids=["empty", "zeros", "noise"])
def test_a_file_without_a_header_is_given_up_like_the_others(tmp_path, content):
    with opened(tmp_path / "spool") as spool:
        spool.append(SPAN, b"one")
    (name,) = files(tmp_path / "spool")
    (tmp_path / "spool" / name).write_bytes(content)
    assert given_up(tmp_path / "spool") == 0
    assert files(tmp_path / "spool") == [name]
    with opened(tmp_path / "spool", size_limit=280_000) as spool:
        spool.append(SPAN, b"mine")
        assert (name in files(tmp_path / "spool")) == (not content)
        drain(spool)
    if not content:
        assert given_up(tmp_path / "spool", age_limit=0.0) == 0
        assert files(tmp_path / "spool") == []


def test_the_age_that_is_listed_is_the_same(tmp_path):
    run(SET + "set_clock(-100)\nuse(10)", tmp_path / "spool")
    run(SET + "touch(-100)", tmp_path / "spool")
    (info,) = describe(tmp_path / "spool")
    assert info.age < 100


def test_where_the_system_names_no_start_the_wall_clock_speaks_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(age, "boot", lambda: b"")
    with opened(tmp_path / "spool") as spool:
        spool.append(SPAN, b"one")
    now = time.time_ns()
    for hours, expected in ((71, 0), (73, 1)):
        monkeypatch.setattr(clock, "wall", lambda: now + hours * HOUR)  # noqa: B023 - asked at once
        with opened(tmp_path / "spool") as spool:
            spool.prepare()
            assert sum(spool.counters.dropped.values()) == expected
