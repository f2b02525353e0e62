"""After a call nothing of it is kept: a retry after an out-of-memory error finds its tensors freed."""

import asyncio
import contextlib
import gc
import sys
import weakref

import pytest

from otel_ia import monitor


class Tensor:
    pass


seen = []


def allocate():
    tensor = Tensor()
    seen.append(weakref.ref(tensor))
    raise MemoryError("CUDA out of memory")


@monitor(log="INFO", slow_after=0)
def function():
    allocate()


@monitor
async def coroutine():
    await asyncio.sleep(0)
    allocate()


@monitor
def generator():
    yield 1
    allocate()


@monitor
async def async_generator():
    yield 1
    allocate()


def block():
    with monitor("outer"), monitor("block"):
        allocate()


@monitor
def nested():
    with monitor("middle"):
        function()


async def consume():
    async for _ in async_generator():
        pass


@pytest.fixture
def without_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collector", "telemetry")
@pytest.mark.parametrize(
    "call",
    [function, block, nested, lambda: list(generator()), monitor(lambda: block())],
    ids=["function", "block", "nested", "generator", "lambda"],
)
def test_frames_are_freed_with_the_exception(call, caplog):
    seen.clear()
    with contextlib.suppress(MemoryError):
        call()
    caplog.clear()
    assert seen[0]() is None
    assert sys.exc_info() == (None, None, None)


@pytest.mark.usefixtures("without_collector", "telemetry")
@pytest.mark.parametrize("make", [coroutine, consume], ids=["coroutine", "async generator"])
def test_frames_of_coroutines_are_freed(make):
    async def main():
        with contextlib.suppress(MemoryError):
            await make()
        return seen[0]() is None

    seen.clear()
    assert asyncio.run(main())


@pytest.mark.usefixtures("without_collector", "telemetry")
def test_a_retry_in_the_handler_finds_the_memory_freed():
    seen.clear()
    for _ in range(3):
        try:
            nested()
        except MemoryError as error:
            error.__traceback__ = None
        assert [reference() for reference in seen] == [None] * len(seen)


@pytest.mark.usefixtures("without_collector", "telemetry")
def test_results_and_arguments_are_freed():
    @monitor
    def passing(argument):
        return Tensor()

    argument = Tensor()
    kept = [weakref.ref(argument), weakref.ref(passing(argument))]
    del argument
    assert [reference() for reference in kept] == [None, None]


@pytest.mark.usefixtures("without_collector", "telemetry")
def test_a_coroutine_may_free_its_arguments():
    @monitor
    async def freeing(argument):
        reference = weakref.ref(argument)
        del argument
        await asyncio.sleep(0)
        return reference()

    freed = asyncio.run(freeing(Tensor()))
    assert freed is None


@pytest.mark.usefixtures("without_collector")
def test_monitored_functions_can_be_collected():
    def make():
        def inner():
            return inner

        return weakref.ref(monitor(inner))

    reference = make()
    gc.collect()
    assert reference() is None


@pytest.mark.usefixtures("without_collector", "telemetry")
def test_items_of_a_generator_are_not_kept_alive():
    @monitor
    def stream():
        yield Tensor()
        yield Tensor()

    items = stream()
    kept = [weakref.ref(next(items)), weakref.ref(next(items))]
    assert [reference() for reference in kept] == [None, None]


@pytest.mark.usefixtures("without_collector", "telemetry")
def test_sent_values_and_arguments_are_not_kept_alive():
    @monitor
    def stream(argument):
        del argument
        while True:
            yield

    first, second = Tensor(), Tensor()
    kept = weakref.ref(first), weakref.ref(second)
    items = stream(first)
    next(items)
    items.send(second)
    del first, second
    assert [reference() for reference in kept] == [None, None]


@pytest.mark.usefixtures("without_collector", "telemetry")
def test_thrown_exceptions_are_not_kept_alive():
    class Mine(Exception):
        pass

    @monitor
    def stream():
        while True:
            with contextlib.suppress(Mine):
                yield

    items = stream()
    next(items)
    error = Mine()
    thrown = weakref.ref(error)
    items.throw(error)
    del error
    assert thrown() is None
