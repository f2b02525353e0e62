"""What dead processes left of traces on which living ones have yet to decide."""

import pytest

from otel_ia.delivery.spooling.frames import SPAN
from otel_ia.delivery.spooling.recovery import MOST_AT_ONCE
from otel_ia.delivery.spooling.verdicts import NAME, Verdicts

from .spools import drain, files, left_in, numbered, numbers, opened, run

OWN = b"1" * 16
OTHERS = b"2" * 16
NAMES = f"""
from otel_ia.delivery.spooling.holding import DECIDED, DECIDES, WAITS, held_frame
OWN, OTHERS = {OWN!r}, {OTHERS!r}
"""


def leave(directory, script):
    """Has a process write to a spool and die."""
    run(f"{NAMES}with opened(directory) as spool:\n{script}\n    os._exit(0)", directory)


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "spool"


def claimed(directory):
    """What the living process has to say of the trace."""
    claim = Verdicts(directory).claim(OTHERS)
    assert claim is not None
    return claim


def test_one_that_decided_for_others_and_waits_for_another_is_read_once_a_scan(directory):
    claim = claimed(directory)
    leave(
        directory,
        """
    spool.append(HELD, held_frame(b"its own.", numbered(1)))
    spool.append(SHARED, b"its own." + DECIDES + OWN)
    spool.append(HELD, held_frame(b"another.", numbered(2)))
    spool.append(SHARED, b"another." + WAITS + OTHERS)
""",
    )
    with opened(directory) as spool:
        for _ in range(3):
            assert spool.scan() == 1
            assert spool.read() is None
        claim.decide(is_kept=True)
        assert spool.scan() == 1
        assert numbers(drain(spool)) == [1, 2]


WAITING = """
    spool.append(HELD, held_frame(b"another.", numbered(2)))
    spool.append(SHARED, b"another." + WAITS + OTHERS)
"""


def test_what_waits_is_dropped_when_it_is_too_old_and_counted(directory):
    claimed(directory)
    leave(directory, WAITING)
    with opened(directory, age_limit=0.0) as spool:
        spool.prepare()
        assert spool.counters.dropped == {"age": 1}
    assert files(directory) == [NAME]


def test_what_waits_makes_room_for_what_is_written_and_is_counted(directory):
    claimed(directory)
    for _ in range(4):
        leave(directory, WAITING)
    with opened(directory, size_limit=1 << 20) as spool:
        spool.append(SPAN, numbered(1))
        spool.prepare()
        assert spool.counters.dropped == {"size": 1}
        assert sum(file.stat().st_size for file in directory.glob("*.segment")) <= 1 << 20
        assert spool.trouble == ""


@pytest.mark.parametrize("is_kept", [True, False])
def test_what_ended_late_follows_though_it_stands_in_a_later_segment(directory, is_kept):
    claim = claimed(directory)
    leave(
        directory,
        WAITING
        + """
    for number in range(2000):
        spool.append(SPAN, numbered(9))
    spool.prepare()
    spool.append(HELD, held_frame(b"another.", numbered(3)))
""",
    )
    assert len(files(directory)) > 2
    claim.decide(is_kept=is_kept)
    assert set(numbers(left_in(directory))) == ({2, 3, 9} if is_kept else {9})


def test_a_process_whose_segments_are_too_many_to_be_adopted_at_once_is_not_torn(directory):
    claim = claimed(directory)
    for _ in range(MOST_AT_ONCE - 1):
        leave(directory, WAITING)
    leave(
        directory,
        """
    spool.append(HELD, held_frame(b"another.", numbered(3)))
    for number in range(1000):
        spool.append(SPAN, numbered(9))
    spool.prepare()
"""
        + WAITING,
    )
    with opened(directory) as spool:
        spool.scan()
        assert spool.read() is None
        claim.decide(is_kept=False)
        spool.scan()
        assert set(numbers(drain(spool))) == {9}
    assert files(directory) == [NAME]


def test_what_was_brought_forward_comes_once(directory):
    leave(
        directory,
        """
    for is_first in (True, False):
        spool.append(HELD, held_frame(b"its own.", numbered(1)))
        end = spool._writer.current.written
        spool.append(HELD, held_frame(b"its own.", numbered(2)))
        if is_first:
            spool._writer.current.acknowledge(end)  # the first is done with, the second not yet
        spool._writer.leave_current()
    spool.append(HELD, held_frame(b"another.", numbered(1)))
""",
    )
    with opened(directory) as spool:
        assert spool.scan() == 3
        assert sorted(numbers(drain(spool))) == [1, 1, 2]
