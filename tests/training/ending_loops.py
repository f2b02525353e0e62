"""Programs whose loop is left without an exception, or in a way that leaves it uncertain."""

import asyncio
import contextlib
import gc
import itertools
import threading

from .training_loops import Broken, bar, batches, delegated, fail, logged, reraised, tracing, wrapped


def breaks():
    for _ in batches():
        break


def breaks_later():
    for batch in batches():
        if batch:
            break


def returns():
    for batch in batches():
        return batch
    return None


def returns_an_expression():
    for batch in batches():
        return str(
            batch + 1,
        )
    return None


def breaks_through_finally():
    for _ in batches():
        try:
            break
        finally:
            str(1)


def returns_through_finally():
    try:
        for batch in batches():
            try:
                return batch + 1
            finally:
                str(1)
    finally:
        str(2)


def breaks_out_of_with():
    for _ in batches():
        with contextlib.nullcontext():
            break


def returns_out_of_with():
    for batch in batches():
        with contextlib.nullcontext():
            return batch + 1
    return None


def breaks_in_a_handler():
    for _ in batches():
        try:
            fail()
        except Broken:
            break


def returns_in_a_handler():
    for batch in batches():
        try:
            fail()
        except Broken as broken:
            return str(broken), batch
    return None


def breaks_out_of_two():
    for _ in batches():
        for _ in [1]:
            break
        break


def breaks_past_else():
    for _ in batches():
        break
    else:
        fail()


def breaks_and_raises_after():
    with contextlib.suppress(Broken):
        for _ in batches():
            break
        fail()


def breaks_on_one_line():
    for _ in batches(): break  # fmt: skip  # noqa: E701


def breaks_under_enumerate_and_generators():
    for _, _ in enumerate(wrapped(logged(reraised(delegated(batches()))))):
        break


def breaks_under_tqdm():
    for _ in bar(batches()):
        break


def breaks_in_a_generator_around_it():
    def limited():
        for batch in batches():
            if batch == 1:
                break
            yield batch

    for _ in limited():
        pass


def is_limited_by_islice():
    for _ in itertools.islice(batches(), 2):
        pass


def is_shorter_under_zip():
    for _ in zip(logged(batches()), [1], strict=False):
        pass


def is_prefetched_and_let_go():
    def prefetched(items):
        items = iter(items)
        yield next(items)
        yield next(items)

    for _ in prefetched(batches()):
        pass


def breaks_out_of_a_generator_function():
    def around():
        for batch in batches():
            try:
                yield batch
            finally:
                str(1)

    for _ in around():
        break


def closes_a_generator_function():
    def around():
        for batch in batches():
            try:
                yield batch
            except GeneratorExit:
                str(1)
                raise

    stepped = around()
    next(stepped)
    stepped.close()


def drops_a_generator_function():
    stepped = logged(batches())
    next(stepped)
    del stepped


def closes_its_iterator():
    iterator = iter(batches())
    for _ in iterator:
        iterator.close()


def deletes_its_iterator():
    iterator = iter(batches())
    for _ in iterator:
        del iterator
        break


def keeps_its_iterator_and_drops_it_later():
    class Kept:
        pass

    kept = Kept()
    kept.iterator = iter(batches())
    for _ in kept.iterator:
        break
    kept.iterator = None
    with contextlib.suppress(Broken):
        fail()


def keeps_its_iterator_until_finally():
    iterator = iter(batches())
    try:
        for batch in iterator:
            return batch
    finally:
        del iterator


def keeps_its_iterator_and_raises():
    iterator = iter(batches())
    for _ in iterator:
        fail()


def is_a_generator_expression_that_raises():
    any(fail() for _ in batches())


def is_a_generator_function_that_raises_again():
    def around():
        for batch in batches():
            try:
                yield batch
                fail()
            finally:
                str(1)

    for _ in around():
        pass


def is_under_map_that_raises():
    for _ in map(fail, batches()):
        pass


def keeps_its_iterator_in_a_handler_and_drops_it_later():
    kept = [iter(batches())]
    try:
        fail()
    except Broken:
        for _ in kept[0]:
            break
        kept.clear()


def is_limited_by_islice_in_a_handler():
    try:
        fail()
    except Broken:
        for _ in itertools.islice(batches(), 2):
            pass


def keeps_its_iterator_and_returns():
    iterator = iter(batches())
    for batch in iterator:
        return batch
    return None


def keeps_its_iterator_elsewhere():
    kept = [iter(batches())]
    for _ in kept[0]:
        break
    kept.clear()


def lets_another_thread_drop_it():
    kept = [iter(batches())]
    for _ in kept[0]:
        break
    thread = threading.Thread(target=kept.clear)
    thread.start()
    thread.join()


def leaves_it_to_the_garbage_collector():
    class Cycle:
        pass

    cycle = Cycle()
    cycle.itself, cycle.iterator = cycle, iter(batches())
    for _ in cycle.iterator:
        break
    del cycle
    gc.collect()


def breaks_under_a_tracer():
    with tracing():
        breaks()


async def breaks_in_a_coroutine():
    for _ in batches():
        await asyncio.sleep(0)
        break


async def closes_a_coroutine():
    async def rests():
        for _ in batches():
            try:
                await asyncio.sleep(60)
            finally:
                str(1)

    resting = rests()
    resting.send(None)
    resting.close()


async def closes_a_coroutine_inside_another():
    async def rests():
        for _ in batches():
            await asyncio.sleep(60)

    async def around():
        await rests()

    resting = around()
    resting.send(None)
    resting.close()


async def breaks_out_of_an_async_generator():
    async def around():
        for batch in batches():
            try:
                yield batch
            finally:
                str(1)

    async with contextlib.aclosing(around()) as stream:
        async for _ in stream:
            break


FIRST_WORDS = ("breaks", "returns", "is", "closes", "drops", "deletes", "keeps", "lets", "leaves")
PROGRAMS = [value for name, value in list(globals().items()) if name.partition("_")[0] in FIRST_WORDS]
