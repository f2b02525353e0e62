"""The mapped file of a process's counts: whole while it grows and while another process reads it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_ia.prometheus.counter_file import FIRST_EXTENT, LARGEST_EXTENT, CounterFile, read_counters


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def read(folder: int, name: str) -> list[tuple[bytes, list[int]]]:
    descriptor = os.open(name, os.O_RDONLY, dir_fd=folder)
    try:
        return [(definition.rstrip(), cells) for definition, cells in read_counters(descriptor)]
    finally:
        os.close(descriptor)


SIZES = st.lists(st.tuples(st.integers(1, 3 * FIRST_EXTENT), st.integers(1, 300)), min_size=1, max_size=30)


@settings(max_examples=30, deadline=None)
@given(sizes=SIZES)
def test_cells_of_every_mapping_stay_in_use_while_the_file_grows(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[tuple[int, int]]
) -> None:
    folder = os.open(tmp_path_factory.mktemp("counters"), os.O_RDONLY)
    file = CounterFile(folder, "x")
    rows = []
    for number, (length, count) in enumerate(sizes):
        cells = file.allot(b"d" * length, count)
        assert list(cells) == [0] * count
        rows.append(cells)
        cells[0] += number
    for number, cells in enumerate(rows):
        cells[len(cells) - 1] += number + 1
    expected = [(b"d" * length, list(cells)) for (length, _), cells in zip(sizes, rows, strict=True)]
    assert read(folder, "x") == expected
    file.close()
    rows[0][0] = 7  # a call that ends late
    os.close(folder)


def test_a_file_that_has_been_cut_or_spoiled_gives_what_is_whole(folder: int, tmp_path: Path) -> None:
    file = CounterFile(folder, "x")
    for number in range(3):
        file.allot(b"definition", 2)[0] = number
    file.close()
    content = (tmp_path / "x").read_bytes()
    for length in range(0, 300, 4):
        (tmp_path / "cut").write_bytes(content[:length])
        assert len(read(folder, "cut")) <= 3
    (tmp_path / "other").write_bytes(os.urandom(4096))
    assert read(folder, "other") == []
    for place in range(16, 120, 8):
        (tmp_path / "spoiled").write_bytes(content[:place] + b"\xff" * 8 + content[place + 8 :])
        assert len(read(folder, "spoiled")) <= 3


def test_another_process_sees_whole_numbers_while_they_change(folder: int, tmp_path: Path) -> None:
    writer = """
import os, sys
from otel_ia.prometheus.counter_file import CounterFile
cells = CounterFile(os.open(sys.argv[1], os.O_RDONLY), "x").allot(b"both halves of a number", 2)
print(flush=True)
for number in range(1 << 62):
    cells[1] = (number << 32 | number) & (1 << 63) - 1
"""
    process = subprocess.Popen([sys.executable, "-c", writer, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        before = -1
        for _ in range(20_000):
            ((_, (_, number)),) = read(folder, "x")
            assert number >> 32 == number & (1 << 32) - 1
            assert number >= before
            before = number
        assert before > 0
    finally:
        process.kill()
        process.communicate()


def test_the_file_takes_its_room_on_the_disk_beforehand(folder: int, tmp_path: Path) -> None:
    file = CounterFile(folder, "x")
    assert (tmp_path / "x").stat().st_blocks * 512 >= FIRST_EXTENT
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600
    for _ in range(40_000):
        file.allot(b"d" * 100, 19)
    assert (tmp_path / "x").stat().st_size % LARGEST_EXTENT < LARGEST_EXTENT
    file.close()
