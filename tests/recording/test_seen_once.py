"""An exception is told on the span where it was first seen, and not again on each parent."""

import asyncio
import concurrent.futures
import contextlib
import contextvars

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, sampling

from otel_ia import monitor
from otel_ia.sdk.home import TracingState
from otel_ia.sdk.provider import install_tracing


@monitor
def fail(message="x"):
    raise ValueError(message)


def told(telemetry):
    """Names of the spans with the messages of their exception events, in the order they ended."""
    return [(span.name, [event["exception.message"] for event in span.exceptions]) for span in telemetry.spans]


def run(function, *args):
    with contextlib.suppress(ValueError, ExceptionGroup):
        return function(*args)


def test_through_functions(telemetry):
    @monitor
    def middle():
        fail()

    @monitor
    def outer():
        middle()

    run(outer)
    assert told(telemetry) == [("fail", ["x"]), ("middle", []), ("outer", [])]
    assert {span.status for span in telemetry.spans} == {"ERROR"}


def test_through_blocks(telemetry):
    with contextlib.suppress(ValueError), monitor("outer"), monitor("middle"), monitor("inner"):
        raise ValueError("x")
    assert told(telemetry) == [("inner", ["x"]), ("middle", []), ("outer", [])]


def test_through_functions_and_blocks_by_turns(telemetry):
    @monitor
    def middle():
        with monitor("block"):
            fail()

    @monitor
    def outer():
        with monitor("upper"):
            middle()

    run(outer)
    assert [messages for _, messages in told(telemetry)] == [["x"], [], [], [], []]


def test_from_a_block_through_a_function(telemetry):
    @monitor
    def outer():
        with monitor("block"):
            raise ValueError("x")

    run(outer)
    assert told(telemetry) == [("block", ["x"]), ("outer", [])]


def test_through_coroutines_and_task_groups(telemetry):
    @monitor
    async def inner():
        await asyncio.sleep(0)
        fail()

    @monitor
    async def outer():
        await asyncio.gather(inner())

    @monitor
    async def grouped():
        async with asyncio.TaskGroup() as group:
            group.create_task(inner())

    run(asyncio.run, outer())
    assert told(telemetry) == [("fail", ["x"]), ("inner", []), ("outer", [])]
    telemetry.clear()
    run(asyncio.run, grouped())
    assert told(telemetry)[:2] == [("fail", ["x"]), ("inner", [])]
    assert "unhandled errors in a TaskGroup" in told(telemetry)[2][1][0]  # a new exception, first seen here


def test_through_blocks_of_tasks_that_fail_at_the_same_time(telemetry):
    async def work(number):
        with monitor(f"block {number}"):
            await asyncio.sleep(0.001)
            raise ValueError(str(number))

    @monitor
    async def outer():
        await asyncio.gather(*map(work, range(4)))

    run(asyncio.run, outer())
    assert dict(told(telemetry))["outer"] == []


def test_through_generators(telemetry):
    @monitor
    def inner():
        yield 1
        fail()

    @monitor
    def outer():
        yield from inner()

    @monitor
    def consumer():
        list(outer())

    run(consumer)
    assert told(telemetry) == [("fail", ["x"]), ("inner", []), ("outer", []), ("consumer", [])]


def test_through_a_thread_and_its_future(telemetry):
    @monitor
    def outer(pool):
        pool.submit(contextvars.copy_context().run, fail).result()

    @monitor
    def with_block(pool):
        pool.submit(contextvars.copy_context().run, block).result()

    def block():
        with monitor("block"):
            raise ValueError("y")

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        run(outer, pool)
        run(with_block, pool)
    assert told(telemetry) == [("fail", ["x"]), ("outer", []), ("block", ["y"]), ("with_block", [])]


def test_an_exception_raised_again_is_not_told_again(telemetry):
    @monitor
    def again():
        try:
            fail()
        except ValueError as error:
            kept = error
        raise kept

    run(again)
    assert told(telemetry) == [("fail", ["x"]), ("again", [])]


def test_one_raised_from_another_is_told(telemetry):
    @monitor
    def outer():
        try:
            fail("first")
        except ValueError as error:
            raise ValueError("second") from error

    run(outer)
    assert told(telemetry) == [("fail", ["first"]), ("outer", ["second"])]


def test_a_new_exception_at_the_place_of_a_swallowed_one_is_told(telemetry):
    @monitor
    def outer():
        for attempt in range(50):
            run(fail, str(attempt))
            try:
                with monitor("block"):
                    raise ValueError(str(attempt))
            except ValueError:
                pass
        raise ValueError("new")

    run(outer)
    assert told(telemetry)[-1] == ("outer", ["new"])
    assert all(len(messages) == 1 for _, messages in told(telemetry))


def test_an_exception_that_leaves_a_block_in_a_loop(telemetry):
    @monitor
    def outer():
        for attempt in range(3):
            with monitor("block"):
                if attempt == 2:
                    raise ValueError("out")

    run(outer)
    assert told(telemetry) == [("block", []), ("block", []), ("block", ["out"]), ("outer", [])]


def test_an_exception_swallowed_by_a_stack_of_blocks(telemetry):
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(ValueError))
        stack.enter_context(monitor("outer"))
        stack.enter_context(monitor("inner"))
        raise ValueError("x")
    assert told(telemetry) == [("inner", ["x"]), ("outer", [])]


def test_one_that_an_unrecorded_call_let_pass_is_told_above(telemetry):
    class WithoutFail(sampling.Sampler):
        def should_sample(self, parent_context, trace_id, name, *args, **kwargs):
            sampler = sampling.ALWAYS_OFF if name in ("fail", "block") else sampling.ALWAYS_ON
            return sampler.should_sample(parent_context, trace_id, name, *args, **kwargs)

        def get_description(self):
            return "without fail"

    class Memory(SpanProcessor):
        def on_end(self, span):
            events[span.name] = [event.name for event in span.events]

    @monitor
    def outer():
        with monitor("block"):
            fail()

    events = {}
    with (
        install_tracing(TracingState([Memory()], resource=Resource.get_empty(), sampler=WithoutFail()), above_all=True),
        pytest.raises(ValueError),
    ):
        outer()
    assert events == {"outer": ["exception"]}
