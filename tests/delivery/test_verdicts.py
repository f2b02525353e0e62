"""What processes tell each other of the traces that they share."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polling import poll_until

from otel_ia.delivery.spooling.verdicts import NAME, PLACES, ROWS, SIZE, Claim, Verdict, Verdicts

TRACE = bytes(range(1, 17))


def in_one_row(count: int) -> list[bytes]:
    """Ids of traces that share their places."""
    return [bytes([number]) + bytes(11) + (7).to_bytes(4, "big") for number in range(1, count + 1)]


def two(directory: Path) -> tuple[Verdicts, Verdicts]:
    return Verdicts(directory), Verdicts(directory)


def claimed(verdicts: Verdicts, trace_id: bytes = TRACE) -> Claim:
    claim = verdicts.claim(trace_id)
    assert claim is not None
    return claim


def test_of_a_trace_that_nobody_has_claimed_nothing_is_known(tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path)
    assert verdicts.find(TRACE) is None
    verdicts.wish(TRACE)
    assert verdicts.find(TRACE) is None


def test_one_process_claims_a_trace_and_the_others_hear_what_it_decides(tmp_path: Path) -> None:
    one, other = two(tmp_path)
    claim = claimed(one)
    assert one.claim(TRACE) is None
    assert other.claim(TRACE) is None
    assert other.find(TRACE) is Verdict.OPEN
    claim.decide(is_kept=False)
    assert other.find(TRACE) is Verdict.DISCARDED
    claim.decide(is_kept=True)
    assert other.find(TRACE) is Verdict.KEPT


def test_for_one_that_is_dead_others_are_told_that_the_trace_is_kept(tmp_path: Path) -> None:
    one, other = two(tmp_path)
    claimed(one)
    other.keep(TRACE)
    assert one.find(TRACE) is Verdict.KEPT
    other.keep(TRACE[::-1])
    assert one.find(TRACE[::-1]) is Verdict.KEPT, "though nothing is there of it"


def test_a_wish_is_heard_as_long_as_the_trace_is_open(tmp_path: Path) -> None:
    one, other = two(tmp_path)
    claim = claimed(one)
    assert not claim.is_wished()
    other.wish(TRACE)
    assert claim.is_wished()
    assert one.find(TRACE) is other.find(TRACE) is Verdict.KEPT
    claim.decide(is_kept=False)
    assert other.find(TRACE) is Verdict.DISCARDED


def test_another_process_sees_the_same(tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path)
    verdicts.claim(TRACE)
    program = (
        "import sys; from pathlib import Path; from otel_ia.delivery.spooling.verdicts import Verdicts\n"
        "verdicts = Verdicts(Path(sys.argv[1])); trace_id = bytes.fromhex(sys.argv[2])\n"
        "print(verdicts.find(trace_id).name); verdicts.wish(trace_id)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), TRACE.hex()], capture_output=True, text=True, check=True
    )
    assert told.stdout == "OPEN\n"
    assert verdicts.find(TRACE) is Verdict.KEPT


def test_what_was_decided_makes_room_before_what_is_open(tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path)
    traces = in_one_row(PLACES + 3)
    claims = [claimed(verdicts, trace) for trace in traces[:PLACES]]
    claims[2].decide(is_kept=True)
    claimed(verdicts, traces[PLACES])
    assert [verdicts.find(trace) for trace in traces[: PLACES + 1]] == [
        Verdict.OPEN if number != 2 else None for number in range(PLACES + 1)
    ]
    claimed(verdicts, traces[PLACES + 1])  # nothing waits for room
    assert sum(verdicts.find(trace) is Verdict.OPEN for trace in traces) == PLACES


def test_nothing_makes_room_while_there_is_some(tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path)
    traces = [trace for trace in in_one_row(PLACES * PLACES) if trace[0] % PLACES == 0]
    for trace in traces:
        claimed(verdicts, trace).decide(is_kept=False)
    assert len(traces) == PLACES
    assert {verdicts.find(trace) for trace in traces} == {Verdict.DISCARDED}


def test_what_is_decided_is_told_though_the_place_is_taken_meanwhile(tmp_path: Path) -> None:
    one, other = two(tmp_path)
    traces = in_one_row(50)
    claim = claimed(one, traces[0])
    for trace in traces[1:]:
        other.claim(trace)
    assert one.find(traces[0]) is None
    claim.decide(is_kept=True)
    assert other.find(traces[0]) is Verdict.KEPT


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["claim", "wish", "keep", "discard"]), st.booleans(), st.integers(0, 5)), max_size=40
    )
)
def test_whatever_is_said_by_whom_nothing_is_found_that_was_not_said(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, bool, int]]
) -> None:
    processes = two(tmp_path_factory.getbasetemp())
    traces = [os.urandom(12) + (3).to_bytes(4, "big") for _ in range(6)]
    last: dict[bytes, set[Verdict]] = {trace: set() for trace in traces}
    claims: dict[bytes, Claim] = {}
    for what, which, number in said:
        process, trace = processes[which], traces[number]
        if what == "claim":
            claim = process.claim(trace)
            if claim is not None:
                claims[trace], last[trace] = claim, {Verdict.OPEN}
        elif what == "wish":
            if process.find(trace) is not None:
                last[trace] |= {Verdict.KEPT}
            process.wish(trace)
        elif trace in claims:
            claims[trace].decide(is_kept=what == "keep")
            verdict = Verdict.KEPT if what == "keep" else Verdict.DISCARDED
            assert processes[not which].find(trace) is verdict
            last[trace] = {verdict}
        for one in traces:
            found = processes[which].find(one)
            assert found is None or found in last[one]


def test_a_file_that_another_process_was_making_is_found_later(tmp_path: Path) -> None:
    program = (
        "import fcntl, os, sys\n"
        "file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600); fcntl.lockf(file, fcntl.LOCK_EX)\n"
        "print('making', flush=True); sys.stdin.read(); os.pwrite(file, bytes(int(sys.argv[2])), 0)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / NAME), str(SIZE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "making\n"
        verdicts = Verdicts(tmp_path)
        assert verdicts.claim(TRACE) is None
        maker.communicate()
    poll_until(lambda: verdicts.claim(TRACE) is not None)


def test_the_file_is_the_users_own_whole_and_of_one_size(tmp_path: Path) -> None:
    directory = tmp_path / "spool"
    verdicts = Verdicts(directory)
    assert not directory.exists(), "nothing is touched before it is needed"
    for number in range(3 * ROWS):
        verdicts.claim(os.urandom(12) + number.to_bytes(4, "big"))
    status = (directory / NAME).stat()
    assert (stat.S_IMODE(status.st_mode), status.st_size) == (0o600, SIZE)
    assert status.st_blocks * 512 >= SIZE, "a hole could not be filled on a full disk: SIGBUS"
    assert [file.name for file in directory.iterdir()] == [NAME]


def test_a_file_that_is_half_made_is_made_whole(tmp_path: Path) -> None:
    (tmp_path / NAME).touch(0o600)
    (tmp_path / NAME).write_bytes(bytes(1000))
    verdicts = Verdicts(tmp_path)
    claimed(verdicts)
    assert (tmp_path / NAME).stat().st_size == SIZE


@pytest.mark.parametrize("there", ["longer", "link", "directory"])
def test_what_is_no_such_file_is_left_alone_and_nothing_is_known(tmp_path: Path, there: str) -> None:
    directory = tmp_path / "spool"
    directory.mkdir(0o700)
    if there == "longer":
        (directory / NAME).write_bytes(bytes(SIZE + 1))
    elif there == "link":
        (tmp_path / "other").write_bytes(bytes(SIZE))
        (directory / NAME).symlink_to(tmp_path / "other")
    else:
        (directory / NAME).mkdir()
    verdicts = Verdicts(directory)
    assert verdicts.claim(TRACE) is None
    verdicts.keep(TRACE)
    assert verdicts.find(TRACE) is None
    if there == "link":
        assert (tmp_path / "other").read_bytes() == bytes(SIZE)


def test_whatever_bytes_are_in_the_file_nothing_is_raised(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(os.urandom(SIZE))
    verdicts = Verdicts(tmp_path)
    for trace in in_one_row(20):
        assert verdicts.find(trace) is None
        claimed(verdicts, trace)
        assert verdicts.find(trace) is Verdict.OPEN


def test_without_a_directory_and_after_the_end_nothing_is_known(tmp_path: Path) -> None:
    nowhere = Verdicts(None)
    assert nowhere.claim(TRACE) is None
    assert nowhere.find(TRACE) is None
    verdicts = Verdicts(tmp_path)
    claim = claimed(verdicts)
    verdicts.close()
    assert verdicts.find(TRACE) is None
    assert verdicts.claim(TRACE) is None
    claim.decide(is_kept=True)
    assert Verdicts(tmp_path).find(TRACE) is Verdict.KEPT, "who has claimed it can still say so"


def test_on_a_disk_without_room_nothing_is_known() -> None:
    """No file may grow beyond 64 KiB in this process, which is how a full disk shows."""
    program = """
import resource, signal, sys, tempfile
from pathlib import Path
from otel_ia.delivery.spooling.verdicts import Verdicts
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
with tempfile.TemporaryDirectory() as place:
    verdicts = Verdicts(Path(place))
    print(verdicts.claim(bytes(16)), verdicts.find(bytes(16)))
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (told.stdout, told.stderr) == ("None None\n", "")


def test_two_places_of_a_process_that_make_the_table_at_once_wipe_nothing_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two(tmp_path)
    begun: list[bool] = []

    def late(make: Callable[..., object]) -> Callable[..., object]:
        def make_late(*arguments: object) -> object:
            if not begun:  # the other one makes it in here, too
                begun.append(True)
                claimed(other)
            return make(*arguments)

        return make_late

    monkeypatch.setattr(os, "posix_fallocate", late(os.posix_fallocate))
    monkeypatch.setattr(os, "pwrite", late(os.pwrite))
    assert one.find(TRACE) is Verdict.OPEN
    assert other.find(TRACE) is Verdict.OPEN
