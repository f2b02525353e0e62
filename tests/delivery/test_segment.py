"""One file: its header and its frames survive whatever happens to single bytes of it."""

import os
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_ia.delivery.spooling.frames import SCOPE, SPAN, START, encode_frame
from otel_ia.delivery.spooling.header import Header, decode_header, encode_header, encode_number
from otel_ia.delivery.spooling.recovery import scan

from .spools import DESTINATION, Frame, drain, files, left_in, numbered, numbers, opened

HEADER = Header(
    fingerprint=DESTINATION, identity=b"who", instance=b"i" * 16, sequence=3, process=1, process_start=2, created=3
)
NAME = "0000000000000003-" + "69" * 16 + "-000003.segment"


def put(directory, content: bytes, name: str = NAME) -> None:
    directory.mkdir(mode=0o700, exist_ok=True)
    (directory / name).write_bytes(content)


def test_a_header_is_read_as_it_was_written():
    assert decode_header(encode_header(HEADER)) == HEADER


def test_every_damaged_byte_and_every_cut_costs_no_more_than_its_frame(tmp_path):
    directory = tmp_path / "spool"
    written: list[Frame] = [(SCOPE, b"scope")] + [(SPAN, numbered(number, 24)) for number in range(8)]
    delivered = written[1:]
    head = encode_header(HEADER)
    acknowledged = bytearray(head)
    done = len(head) + len(encode_frame(*written[0])) + len(encode_frame(*written[1]))
    for at in (0, 16):
        acknowledged[at : at + 12] = encode_number(done)
    content = bytes(acknowledged) + b"".join(encode_frame(*frame) for frame in written) + bytes(40)
    ends = [len(head)]
    for frame in written:
        ends.append(ends[-1] + len(encode_frame(*frame)))

    for at in range(len(content)):
        for bit in (1, 0x80):
            damaged = bytearray(content)
            damaged[at] ^= bit
            put(directory, damaged)
            hit = [frame for frame, begin, end in zip(written, ends, ends[1:], strict=False) if begin <= at < end]
            assert left_in(directory) == [frame for frame in delivered[1:] if frame not in hit], (at, bit)
            assert files(directory) == []

    second_copy = (len(head) - 64) // 2 + 64
    for cut in range(len(content)):
        put(directory, content[:cut])
        expected = [frame for frame, end in zip(written, ends[1:], strict=True) if end <= cut][2:]
        assert left_in(directory) == expected, cut
        assert bool(files(directory)) == (cut < second_copy), cut
        for name in files(directory):
            (directory / name).unlink()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 400), st.booleans()), max_size=25), st.data())
def test_any_crash_leaves_a_prefix_and_nothing_twice(tmp_path_factory, steps, data):
    """A copy of the file at any moment is what a kill at that moment leaves, its last frame perhaps half written."""
    place = tmp_path_factory.mktemp("crash")
    directory, copy = place / "spool", place / "copy"
    crash = data.draw(st.integers(0, len(steps)))
    done: list[int] = []
    with opened(directory) as spool:
        for number, (size, reads) in enumerate(steps[:crash]):
            spool.append(SPAN, numbered(number, size + 8))
            if reads:
                done += numbers(drain(spool, limit_frames=data.draw(st.integers(1, 3))))
        for name in files(directory):
            content = bytearray((directory / name).read_bytes())
            if crash < len(steps):
                frame = encode_frame(SPAN, numbered(crash, steps[crash][0] + 8))
                torn = data.draw(st.integers(0, len(frame) - 1))
                end = spool._writer.current.position
                content[end : end + torn] = frame[:torn]
            put(copy, content, name)
        left = numbers(left_in(copy))
        drain(spool)
    assert done + left == list(range(crash))


def test_an_acknowledgement_that_was_cut_off_leaves_the_one_before():
    head = bytearray(encode_header(HEADER))
    from otel_ia.delivery.spooling.header import acknowledged_offset

    for at in (0, 16):
        head[at : at + 12] = encode_number(500)
    for written in range(13):
        for at in (0, 16):
            torn = bytearray(head)
            torn[at : at + written] = encode_number(900)[:written]
            assert acknowledged_offset(bytes(torn)) in {500, 900}


def test_a_segment_is_made_at_the_first_frame_and_gone_when_all_is_acknowledged(tmp_path):
    with opened(tmp_path / "spool") as spool:
        assert not (tmp_path / "spool").exists()
        spool.append(SPAN, b"one")
        (name,) = files(tmp_path / "spool")
        assert (tmp_path / "spool" / name).stat().st_size == 256 << 10
        drain(spool)
    assert files(tmp_path / "spool") == []


def test_a_closed_segment_has_the_length_of_its_content(tmp_path):
    with opened(tmp_path / "spool") as spool:
        spool.append(SPAN, bytes(100))
    (name,) = files(tmp_path / "spool")
    assert (tmp_path / "spool" / name).stat().st_size < 1000


def test_segments_grow_and_full_ones_are_trimmed(tmp_path):
    with opened(tmp_path / "spool") as spool:
        sizes = set()
        for number in range(40_000):
            spool.append(SPAN, numbered(number))
            if number % 500 == 0:
                spool.prepare()
                sizes |= {path.stat().st_size for path in (tmp_path / "spool").glob("*.segment")}
        assert {256 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20, 8 << 20} <= sizes
        assert numbers(drain(spool)) == list(range(40_000))


def test_a_frame_larger_than_a_segment_gets_one_of_its_own(tmp_path):
    big = os.urandom(3 << 20)
    with opened(tmp_path / "spool") as spool:
        spool.append(SPAN, b"small")
        spool.append(SPAN, big)
        spool.append(SPAN, b"after")
        assert drain(spool, limit_bytes=1000) == [(SPAN, b"small"), (SPAN, big), (SPAN, b"after")]


def test_a_frame_over_the_limit_is_dropped_and_counted(tmp_path):
    with opened(tmp_path / "spool") as spool:
        spool.append(SPAN, bytes(1 << 24))
        assert spool.counters.dropped == {"longer than 16 MiB": 1}
        assert drain(spool) == []


def test_what_is_open_is_written_again_in_each_new_segment(tmp_path):
    open_spans = [(START, numbered(1, 20)), (START, numbered(2, 20))]
    with opened(tmp_path / "spool", open_frames=lambda: list(open_spans)) as spool:
        for frame in open_spans:
            spool.append(*frame)
        for number in range(100, 3000):
            spool.append(SPAN, numbered(number))
        assert len(files(tmp_path / "spool")) > 1
        del open_spans[0]
        spool.append(SPAN, numbered(1))
    left = left_in(tmp_path / "spool")
    assert [payload for kind, payload in left if kind == START] == [numbered(2, 20)]
    assert Counter(numbers(left)) == Counter([*range(100, 3000), 1])


@pytest.mark.parametrize("acknowledge", [False, True])
def test_scopes_come_with_every_batch(tmp_path, acknowledge):
    with opened(tmp_path / "spool") as spool:
        spool.define_scope(b"first")
        for number in range(2000):
            spool.append(SPAN, numbered(number))
        spool.define_scope(b"second")
        spool.append(SPAN, b"last")
        while acknowledge and (batch := spool.read(1 << 16)) and b"last" not in [frame[1] for frame in batch.frames]:
            assert b"first" in batch.scopes
            batch.acknowledge()
    adopted = scan(tmp_path / "spool", DESTINATION)
    assert adopted
    for segment in adopted:
        while batch := segment.read(1 << 20, 2048):
            assert b"first" in batch.scopes
            assert b"second" in batch.scopes or (SPAN, b"last") not in batch.frames
            batch.acknowledge()
