"""The format of frames: what is written is read, and damage costs only what is damaged."""

import random
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_ia.delivery.spooling.frames import (
    DAMAGED,
    KINDS,
    LONGEST_PAYLOAD,
    SPAN,
    checksum,
    dropped_payload,
    encode_frame,
    parse_frames,
    read_dropped,
)

frames = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.binary(max_size=400)), max_size=20)


def parsed(data: bytes) -> list[tuple[int, bytes]]:
    return [(kind, payload) for kind, payload, _ in parse_frames(data, 0, len(data))]


@given(frames, st.integers(0, 64))
def test_frames_are_read_as_they_were_written_up_to_the_room_that_is_left(written, room):
    assert parsed(b"".join(encode_frame(*frame) for frame in written) + bytes(room)) == written


@given(frames, st.data())
def test_a_cut_anywhere_leaves_a_prefix(written, data):
    content = b"".join(encode_frame(*frame) for frame in written)
    cut = data.draw(st.integers(0, len(content)))
    read = parsed(content[:cut])
    whole = [frame for frame in read if frame[0] != DAMAGED]
    assert whole == written[: len(whole)]
    assert sum(8 + len(payload) for _, payload in whole) >= cut - 8 - 400


@given(st.binary(max_size=2000))
def test_noise_is_never_an_error(noise):
    parsed(noise)


@pytest.mark.parametrize("length", [0, 1, 4096, 4097, 5 * 1024, 8192, 100_000])
def test_the_sum_over_parts_is_the_sum_over_all(length):
    payload = random.Random(length).randbytes(length)
    assert checksum(payload, 77) == crc32(payload, 77)


def test_equal_frames_do_not_hide_each_other_when_a_length_is_wrong():
    written = [(SPAN, bytes([number]) * 248) for number in range(8)]
    content = bytearray(b"".join(encode_frame(*frame) for frame in written))
    content[256 + 2] ^= 1  # the second frame now claims to be exactly one frame longer
    assert [frame for frame in parsed(bytes(content)) if frame[0] != DAMAGED] == [written[0], *written[2:]]


def test_a_page_of_noise_costs_the_frames_on_it_and_little_time():
    written = [(SPAN, number.to_bytes(4, "big") * 75) for number in range(20_000)]
    content = bytearray(b"".join(encode_frame(*frame) for frame in written))
    content[4096:8192] = random.Random(1).randbytes(4096)
    content[1 << 20 : (1 << 20) + 4096] = bytes(4096)
    read = [frame for frame in parsed(bytes(content)) if frame[0] != DAMAGED]
    assert len(written) - len(read) <= 30
    kept = set(read)
    assert read == [frame for frame in written if frame in kept]


def test_the_longest_payload_fits():
    payload = bytes(LONGEST_PAYLOAD)
    assert parsed(encode_frame(SPAN, payload)) == [(SPAN, payload)]


def test_a_drop_says_why_and_how_many():
    assert read_dropped(dropped_payload("size", 1 << 40)) == ("size", 1 << 40)
