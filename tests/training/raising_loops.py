"""Programs whose loop is left by an exception, each in its own way."""

import asyncio
import contextlib
import sys
import threading

from otel_ia.testing import record

from .training_loops import Broken, bar, batches, delegated, fail, logged, reraised, tracing, wrapped


def raises():
    for _ in batches():
        raise Broken


def raises_in_a_call():
    for _ in batches():
        fail()


def raises_in_an_expression():
    for batch in batches():
        batch / 0


def raises_while_it_unpacks():
    for _, _ in batches():
        pass


def raises_in_its_last_turn():
    for batch in batches():
        if batch == 2:
            raise Broken


def raises_in_a_condition():
    class Ambiguous:
        def __bool__(self):
            raise Broken

    ambiguous = Ambiguous()
    for _ in batches():
        if ambiguous:
            continue


def raises_while_it_stores():
    for batch in batches():
        ()[batch] = 1


def raises_in_a_handler_that_ends_the_body():
    for _ in batches():
        try:
            fail()
        except Broken:
            raise KeyError from None


def raises_again_in_a_handler():
    for _ in batches():
        try:
            fail()
        except Broken as broken:
            str(broken)
            raise


def raises_in_a_handler_inside_a_handler():
    try:
        fail()
    except Broken:
        for _ in batches():
            try:
                fail()
            except Broken:
                fail()


def raises_through_finally():
    for _ in batches():
        try:
            fail()
        finally:
            str(1)


def raises_through_with():
    for _ in batches():
        with contextlib.nullcontext():
            fail()


def raises_in_finally():
    for _ in batches():
        try:
            pass
        finally:
            fail()


def raises_inside_with():
    with contextlib.nullcontext():
        for _ in batches():
            fail()


def raises_and_catches_it_around():
    try:
        for _ in batches():
            fail()
    except Broken:
        pass


def raises_and_goes_on_after_it():
    with contextlib.suppress(Broken):
        for _ in batches():
            fail()
    for _ in range(3):
        str(1)


def raises_in_a_loop_inside():
    for _ in batches():
        for _ in [1, 2]:
            fail()


def raises_in_a_generator_inside():
    def inside():
        yield 1
        raise Broken

    for _ in batches():
        for _ in inside():
            pass


def raises_in_a_comprehension():
    for _ in batches():
        [fail() for _ in range(2)]


if sys.version_info >= (3, 12):  # before that a function of its own keeps the iterator

    def raises_in_a_comprehension_over_it():
        [fail() for _ in batches()]


def raises_after_continue():
    for batch in batches():
        if batch == 0:
            continue
        fail()


def raises_before_else():
    for _ in batches():
        fail()
    str(1)


def raises_on_one_line():
    for _ in batches(): fail()  # fmt: skip  # noqa: E701


def raises_under_enumerate():
    for _, _ in enumerate(batches()):
        fail()


def raises_under_zip():
    for _, _ in zip(batches(), batches(), strict=True):
        fail()


def raises_under_a_generator():
    for _ in wrapped(batches()):
        fail()


def raises_under_generators():
    for _ in wrapped(logged(reraised(delegated(batches())))):
        fail()


def raises_under_yield_from():
    for _ in delegated(batches()):
        fail()


def raises_in_a_generator_around_it():
    def around():
        for batch in batches():
            if batch == 1:
                raise Broken
            yield batch

    for _ in around():
        pass


def raises_in_a_generator_that_somebody_steps():
    def around():
        for batch in batches():
            yield batch
            fail()

    stepped = around()
    next(stepped)
    next(stepped)


def raises_under_tqdm():
    for _ in bar(batches()):
        fail()


def raises_in_code_without_source():
    exec("for _ in batches():\n    fail()", {"batches": batches, "fail": fail})


def raises_in_a_long_body():
    body = "    unused = [1, 2, 3]\n" * 400
    exec(f"for _ in batches():\n{body}    fail()\n{body}", {"batches": batches, "fail": fail})


def raises_in_a_method():
    class Trainer:
        def train(self):
            for self.batch in batches():
                self.fail()

        def fail(self):
            raise Broken

    Trainer().train()


def raises_with_an_iterator_of_its_own():
    class Model:
        def __iter__(self):
            return iter(batches())

    for _ in Model():
        fail()


def raises_under_a_tracer():
    with tracing():
        raises()


def raises_in_a_loop_that_is_warm():
    def train(fails, count):
        for _ in batches(count):
            if fails:
                fail()

    with record():
        for _ in range(20):
            train(False, 10)
    train(True, 10)


def raises_while_another_is_handled():
    try:
        fail()
    except Broken:
        raises()


def recurses_without_end():
    def deeper():
        return deeper()

    for _ in batches():
        deeper()


def raises_in_a_thread():
    def train():
        with contextlib.suppress(Broken):
            raises()

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()


async def raises_in_a_coroutine():
    for _ in batches():
        fail()


async def raises_in_what_it_awaits():
    async def step():
        await asyncio.sleep(0)
        raise Broken

    for _ in batches():
        await step()


async def raises_in_a_pool():
    for _ in batches():
        await asyncio.to_thread(fail)


async def raises_in_a_pool_deeper():
    await raises_in_a_pool()


async def raises_in_a_pool_through_finally():
    for _ in batches():
        try:
            await asyncio.to_thread(fail)
        finally:
            str(1)


async def raises_in_an_async_generator():
    async def around():
        for batch in batches():
            yield batch
            fail()

    async for _ in around():
        pass


PROGRAMS = [value for name, value in list(globals().items()) if name.startswith(("raises", "recurses"))]
