"""What the command line shows of a directory, which looking at does not change."""

import pytest

from otel_ia.delivery.spooling.frames import LOG, SPAN
from otel_ia.delivery.spooling.listing import describe

from .spools import DESTINATION, drain, files, left_in, opened, run


def test_it_says_what_waits_for_whom_and_whether_its_process_lives(tmp_path):
    with opened(tmp_path / "spool", fingerprint=b"other", identity=lambda: b"dead") as dead:
        dead.append(SPAN, bytes(100))
        dead.append(SPAN, bytes(50))
        dead.append(LOG, bytes(10))
        dead.read(limit_frames=1).acknowledge()
    with opened(tmp_path / "spool") as spool:
        spool.append(LOG, b"four")
        first, second = describe(tmp_path / "spool")
        assert (first.fingerprint, first.identity, first.is_alive, first.is_refused) == (
            b"other",
            b"dead",
            False,
            False,
        )
        assert first.frames == {"span": 1, "log": 1}
        assert first.bytes_by_kind == {"span": 50, "log": 10}
        assert 0 <= first.age < 60
        assert (second.fingerprint, second.identity, second.is_alive) == (DESTINATION, b"me", True)
        assert second.frames == {"log": 1}
        # seen from outside as well, and the lock is still held
        outside = run(
            """
from otel_ia.delivery.spooling.listing import describe
print([(info.is_alive, dict(info.frames)) for info in describe(directory)], left_in(directory))
""",
            tmp_path / "spool",
        )
        assert outside == "[(False, {'span': 1, 'log': 1}), (True, {'log': 1})] []\n"
        drain(spool)
    assert len(files(tmp_path / "spool")) == 1
    assert len(left_in(tmp_path / "spool", b"other")) == 2


def test_a_file_that_cannot_be_read_is_shown_without_an_owner(tmp_path):
    with opened(tmp_path / "spool") as spool:
        spool.append(LOG, b"one")
    (name,) = files(tmp_path / "spool")
    (tmp_path / "spool" / name).write_bytes(b"rubbish")
    (info,) = describe(tmp_path / "spool")
    assert (info.fingerprint, info.identity, info.frames, info.size) == (b"", b"", {}, 7)


def test_a_directory_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        describe(tmp_path / "spool")
