"""A monitored async generator: as the synchronous one, in one task, in many, and left behind by a loop."""

import asyncio
import contextlib
import contextvars
import gc
import sys
import weakref

import pytest
from opentelemetry import trace

from otel_ia import monitor


@monitor
async def count(n, pause=0):
    for i in range(n):
        await asyncio.sleep(pause)
        yield i


class Thing:
    pass


def test_exhaustion(telemetry):
    async def main():
        return [item async for item in count(3)]

    assert asyncio.run(main()) == [0, 1, 2]
    span = telemetry.span("count")
    assert (span.outcome, span.attributes["ia.stream.items"]) == ("ok", 3)
    assert 0 <= span.attributes["ia.stream.time_to_first_item"] <= span.seconds


def test_one_that_never_starts_makes_no_span(telemetry):
    async def main():
        await count(3).aclose()
        count(3)

    asyncio.run(main())
    assert telemetry.spans == []


def test_aclose_break_and_collection_are_no_errors(telemetry):
    async def main():
        stream = count(3)
        await anext(stream)
        await stream.aclose()
        stream = count(3)
        async for _ in stream:
            break
        del stream
        gc.collect()
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert [span.outcome for span in telemetry.spans] == ["closed_early"] * 2
    assert [span.status for span in telemetry.spans] == ["UNSET"] * 2


def test_asend_and_athrow_reach_the_body(telemetry):
    @monitor
    async def answering():
        got = None
        while True:
            try:
                got = yield got
            except ValueError as error:
                got = str(error)

    async def main():
        stream = answering()
        await anext(stream)
        assert await stream.asend(5) == 5
        assert await stream.athrow(ValueError("thrown")) == "thrown"
        with pytest.raises(KeyError) as raised:
            await stream.athrow(error)
        assert raised.value is error

    error = KeyError("out")
    asyncio.run(main())
    span = telemetry.span("answering")
    assert (span.outcome, len(span.exceptions)) == ("error", 1)


def test_a_body_that_answers_aclose_by_yielding_fails_as_without_us(telemetry):
    @monitor
    async def stubborn():
        try:
            yield 1
        except GeneratorExit:
            yield 2

    async def main():
        stream = stubborn()
        await anext(stream)
        with pytest.raises(RuntimeError, match=r"^async generator ignored GeneratorExit$"):
            await stream.aclose()
        assert [item async for item in stream] == []

    asyncio.run(main())
    assert telemetry.span("stubborn").outcome in ("ok", "closed_early")


def test_a_body_may_await_while_it_is_closed(telemetry):
    @monitor
    async def careful():
        try:
            yield 1
        finally:
            await asyncio.sleep(0.001)
            with monitor("cleanup"):
                pass

    async def main():
        stream = careful()
        await anext(stream)
        await stream.aclose()

    asyncio.run(main())
    assert telemetry.tree == ["careful", ["cleanup"]]
    assert telemetry.span("careful").outcome == "closed_early"


def test_the_span_is_current_in_the_body_only(telemetry):
    @monitor
    async def stream():
        for i in range(2):
            with monitor("body"):
                await asyncio.sleep(0)
            yield i

    async def main():
        with monitor("consumer") as consumer:
            async for _ in stream():
                assert trace.get_current_span() is consumer
                with monitor("item"):
                    await asyncio.sleep(0)

    asyncio.run(main())
    assert telemetry.tree == ["consumer", ["stream", ["body", "body"], "item", "item"]]


def test_steps_from_many_tasks(telemetry, caplog):
    async def main():
        stream = count(5, 0.001)
        got = [await asyncio.create_task(anext(stream)) for _ in range(3)]
        async with asyncio.timeout(10):
            got += [item async for item in stream]
        assert trace.get_current_span() is trace.INVALID_SPAN
        return got

    if sys.version_info < (3, 12):
        original, asyncio.create_task = asyncio.create_task, asyncio.ensure_future  # takes any awaitable
        try:
            got = asyncio.run(main())
        finally:
            asyncio.create_task = original
    else:

        async def step(stream):
            return await anext(stream)

        async def main():
            stream = count(5, 0.001)
            return [await asyncio.create_task(step(stream)) for _ in range(5)]

        got = asyncio.run(main())
    assert got == [0, 1, 2, 3, 4]
    assert telemetry.span("count").attributes["ia.stream.items"] == 5
    assert caplog.records == []


def test_cancellation_of_a_step(telemetry):
    async def main():
        stream = count(3, 10)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(stream)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    asyncio.run(main())
    span = telemetry.span("count")
    assert (span.outcome, span.status, span.exceptions) == ("cancelled", "UNSET", [])


def test_generators_left_when_the_loop_ends(telemetry, caplog, capfd):
    @monitor
    async def careful(done):
        try:
            while True:
                yield 1
        finally:
            await asyncio.sleep(0)
            done.append(True)

    kept = []

    async def main():
        for _ in range(3):
            stream = careful(done)
            await anext(stream)
            kept.append(stream)

    done = []
    asyncio.run(main())
    assert done == [True] * 3
    assert [span.outcome for span in telemetry.spans] == ["closed_early"] * 3
    assert caplog.records == []
    assert capfd.readouterr().err == ""


def test_one_stepped_without_a_loop_and_collected(telemetry):
    @monitor
    async def stream():
        yield 1
        yield 2

    items = stream()
    with pytest.raises(StopIteration) as stepped:
        anext(items).send(None)
    assert stepped.value.value == 1
    del items
    gc.collect()
    assert telemetry.span("stream").outcome == "closed_early"


def test_the_loops_hooks_stay_set(telemetry):
    async def main():
        before = sys.get_asyncgen_hooks()
        async for _ in count(2):
            assert sys.get_asyncgen_hooks() == before

    asyncio.run(main())


def test_an_async_context_manager_made_of_a_monitored_generator(telemetry):
    @contextlib.asynccontextmanager
    @monitor
    async def session():
        try:
            yield "open"
        except KeyError:
            await asyncio.sleep(0)

    async def main():
        async with session() as state:
            assert state == "open"
        async with session():
            raise KeyError
        with pytest.raises(ValueError) as raised:
            async with session():
                raise error
        assert raised.value is error

    error = ValueError("passes")
    asyncio.run(main())
    assert [span.outcome for span in telemetry.spans] == ["ok", "ok", "error"]


def test_a_context_variable_set_by_the_body_is_the_consumers_too(telemetry):
    variable = contextvars.ContextVar("variable", default=0)

    @monitor
    async def stream():
        variable.set(1)
        yield
        variable.set(2)

    async def main():
        async for _ in stream():
            assert variable.get() == 1
        assert variable.get() == 2

    asyncio.run(main())


def test_nothing_that_passes_is_kept_alive(telemetry):
    @monitor
    async def stream(argument):
        del argument
        while True:
            yield Thing()

    async def main():
        argument, sent = Thing(), Thing()
        items = stream(argument)
        seen = [weakref.ref(argument), weakref.ref(sent), weakref.ref(await anext(items))]
        seen.append(weakref.ref(await items.asend(sent)))
        del argument, sent
        assert [reference() for reference in seen] == [None] * 4
        await items.aclose()

    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()


def test_two_at_once_in_one_task_and_in_many(telemetry):
    async def consume(name):
        with monitor(name):
            async for _ in count(2):
                await asyncio.sleep(0)

    async def main():
        await asyncio.gather(consume("a"), consume("b"))
        left, right = count(2), count(2)
        async for _ in left:
            await anext(right)
        await right.aclose()

    asyncio.run(main())
    assert telemetry.tree == ["a", ["count"], "b", ["count"], "count", "count"]
