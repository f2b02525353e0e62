"""One monitored function or block, many calls at once."""

import asyncio
import concurrent.futures
import contextvars
import sys
import threading

import pytest
from opentelemetry import trace

from otel_ia import monitor


def test_recursion(telemetry):
    @monitor
    def factorial(n):
        return n * factorial(n - 1) if n else 1

    assert factorial(3) == 6
    assert telemetry.tree == ["factorial", ["factorial", ["factorial", ["factorial"]]]]


def test_threads_have_trees_of_their_own(telemetry):
    barrier = threading.Barrier(8)

    @monitor
    def inner():
        barrier.wait()

    @monitor
    def outer():
        inner()

    with monitor("main"), concurrent.futures.ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(outer) for _ in range(8)]:
            future.result()
    assert sorted(map(str, telemetry.tree)) == sorted(map(str, ["main", *["outer", ["inner"]] * 8]))
    assert len({span.trace_id for span in telemetry.spans}) == 9


def test_one_block_object_in_nested_blocks(telemetry):
    block = monitor("block")
    with block as first, block as second:
        assert first is not second
        with pytest.raises(ValueError), block:
            raise ValueError
    assert telemetry.tree == ["block", ["block", ["block"]]]
    assert [span.outcome for span in telemetry.spans] == ["error", "ok", "ok"]


def test_one_block_object_in_threads_and_tasks_at_the_same_time(telemetry):
    block = monitor("block")
    barrier = threading.Barrier(4)

    async def task(number):
        with block as span:
            span.set_attribute("number", number)
            await asyncio.sleep(0.001 * (number % 3))
            with monitor(f"inner {number}"):
                await asyncio.sleep(0)
            assert trace.get_current_span() is span

    async def main(start):
        await asyncio.gather(*(task(start + number) for number in range(5)))

    def thread(number):
        barrier.wait()
        with block as span:
            asyncio.run(main(number * 10))
            assert trace.get_current_span() is span

    threads = [threading.Thread(target=thread, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    spans = {span.span_id: span for span in telemetry.spans}
    assert len(spans) == 4 + 4 * 5 * 2
    for span in spans.values():
        if span.name.startswith("inner"):
            assert f"inner {spans[span.parent_id].attributes['number']}" == span.name
        elif "number" in span.attributes:
            assert "number" not in spans[span.parent_id].attributes


def test_a_block_left_in_another_order_than_entered(telemetry):
    block = monitor("block")

    def crossing():
        one = part()
        next(one)
        with block as span:
            span.set_attribute("part", "outside")
            one.close()

    def part():
        with block as span:
            span.set_attribute("part", "generator")
            yield

    contextvars.copy_context().run(crossing)  # as with OpenTelemetry's own blocks, what is current is not restored
    assert {span.attributes["part"]: span.outcome for span in telemetry.spans} == {
        "generator": "closed_early",
        "outside": "ok",
    }


def test_parents_in_gather_and_task_groups(telemetry):
    @monitor
    async def child():
        await asyncio.sleep(0)

    @monitor
    async def gathering():
        await asyncio.gather(child(), child())

    @monitor
    async def grouping():
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            group.create_task(child())

    async def main():
        await asyncio.gather(gathering(), grouping())

    asyncio.run(main())
    assert telemetry.tree == ["gathering", ["child", "child"], "grouping", ["child", "child"]]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="since Python 3.12")
def test_eager_tasks(telemetry):
    @monitor
    async def child(pause):
        if pause:
            await asyncio.sleep(0)

    @monitor
    async def outer():
        tasks = [asyncio.create_task(child(pause)) for pause in (False, True)]
        assert trace.get_current_span().name == "test_eager_tasks.<locals>.outer".rpartition(".")[2]
        await asyncio.gather(*tasks)

    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        await outer()
        assert trace.get_current_span() is trace.INVALID_SPAN

    asyncio.run(main())
    assert telemetry.tree == ["outer", ["child", "child"]]


def test_context_variables_set_inside_are_visible_after(telemetry):
    variable = contextvars.ContextVar("variable", default=0)

    @monitor
    def function():
        variable.set(1)

    @monitor
    async def coroutine():
        variable.set(2)

    async def main():
        await coroutine()
        return variable.get()

    def run():
        function()
        with monitor("block"):
            assert variable.get() == 1
            variable.set(3)
        assert variable.get() == 3
        assert asyncio.run(main()) == 2

    contextvars.copy_context().run(run)


def test_a_thousand_tasks_at_once(telemetry):
    @monitor
    async def work(number):
        await asyncio.sleep(0)
        return number

    async def main():
        return await asyncio.gather(*map(work, range(1_000)))

    assert asyncio.run(main()) == list(range(1_000))
    assert len({span.span_id for span in telemetry.spans}) == 1_000


def test_a_coroutine_stepped_in_two_contexts_logs_nothing(telemetry, caplog):
    @monitor
    async def work():
        await asyncio.sleep(0)

    coroutine = work()
    contextvars.copy_context().run(coroutine.send, None)
    with pytest.raises(StopIteration):
        contextvars.copy_context().run(coroutine.send, None)
    assert telemetry.names == ["work"]
    assert caplog.records == []
