"""What dead processes left of traces on which living ones have yet to decide."""

import pytest

from otel_ia.delivery.spooling.verdicts import Verdicts

from .spools import drain, numbers, opened, run

OWN = b"1" * 16
OTHERS = b"2" * 16
NAMES = f"""
from otel_ia.delivery.spooling.holding import DECIDED, DECIDES, WAITS
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
    spool.append(HELD, b"its own." + numbered(1))
    spool.append(SHARED, b"its own." + DECIDES + OWN)
    spool.append(HELD, b"another." + numbered(2))
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
