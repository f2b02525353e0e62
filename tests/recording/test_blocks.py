"""Blocks: each is known by its place, whatever its name and attributes."""

import threading
from contextlib import ExitStack

import pytest

from otel_ia import monitor
from otel_ia.recording.blocks import KNOWN_BLOCKS, BlockSites


def lines_of(telemetry):
    return [span.attributes["code.line.number"] for span in telemetry.spans]


def test_blocks_of_one_name_at_two_places_say_where_each_stands(telemetry):
    for _ in range(3):
        with monitor("step"):
            pass
        with monitor("step"):
            pass
    lines = lines_of(telemetry)
    assert lines == [lines[0], lines[0] + 2] * 3


def test_attributes_that_vary_are_each_spans_own(telemetry):
    for rows in range(3):
        with monitor("load", attributes={"rows": rows}):
            pass
    assert [span.attributes["rows"] for span in telemetry.spans] == [0, 1, 2]


def test_attributes_of_a_block_that_is_entered_again_are_not_shared(telemetry):
    block = monitor("load", attributes={"rows": 1})
    with block as outer, block:
        outer.set_attribute("rows", 2)
    assert [span.attributes["rows"] for span in telemetry.spans] == [1, 2]


def test_blocks_of_generated_code_are_told_apart_and_not_kept_for_ever(telemetry):
    sites: list[BlockSites] = []
    for number in range(KNOWN_BLOCKS + 10):
        block = monitor("generated")
        sites.append(block._given.blocks)
        exec(compile("\n" * number + "with block: pass", "<cell>", "exec"), {"block": block})
    assert lines_of(telemetry) == list(range(1, KNOWN_BLOCKS + 11))
    assert len(set(map(id, sites))) == 1
    assert len(sites[0]._known) <= KNOWN_BLOCKS


def test_blocks_in_one_exit_stack_stand_where_they_are_entered(telemetry):
    with ExitStack() as stack:
        stack.enter_context(monitor("a"))
        stack.enter_context(monitor("a"))
    lines = lines_of(telemetry)
    assert sorted(lines) == [min(lines), min(lines) + 1]


def test_one_block_entered_in_many_threads_ends_in_each_its_own_call(telemetry):
    block = monitor("shared")
    meeting = threading.Barrier(8)

    def run(number: int) -> None:
        for _ in range(50):
            meeting.wait()
            with block as span:
                span.set_attribute("thread", number)
                meeting.wait()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(span.attributes["thread"] for span in telemetry.spans) == sorted(list(range(8)) * 50)
    assert all(span.parent_id is None for span in telemetry.spans)


def test_a_block_left_without_being_entered_is_none_of_ours(telemetry):
    monitor("never").__exit__(None, None, None)
    assert telemetry.spans == []


@pytest.mark.parametrize("options", [{"log": "DEBUG"}, {"slow_after": 60}, {"attributes": {"a": 1}}])
def test_options_make_no_new_call_site_at_each_entry(telemetry, options):
    seen = set()
    for _ in range(3):
        block = monitor("again", **options)
        with block:
            pass
        seen.add(id(block._given.blocks))
        assert len(block._given.blocks._known) <= 3
    assert len(seen) == 1
