"""A monitored generator answers every sequence of steps as the plain one does."""

import inspect
import types

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_ia import monitor
from otel_ia.testing import record


class Unusual(BaseException):
    pass


ERRORS = (ValueError, KeyError, GeneratorExit, StopIteration, StopAsyncIteration, RuntimeError, Unusual)
DRAIN = [("close",)] * 12  # so that none is left to the garbage collector
steps = st.one_of(
    st.just(("next",)),
    st.tuples(st.just("send"), st.sampled_from([None, 1, "a"])),
    st.tuples(st.just("throw"), st.sampled_from(ERRORS), st.booleans()),
    st.just(("close",)),
)
deeds = st.one_of(
    st.tuples(st.just("yield"), st.integers(0, 9)),
    st.tuples(st.just("raise"), st.sampled_from(ERRORS)),
    st.tuples(st.just("return"), st.integers(0, 9)),
    st.tuples(st.just("delegate"), st.integers(0, 3)),
)
answers = st.sampled_from(["pass on", "swallow", "yield", "return", "raise other", "raise from"])
relaxed = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def answer_to(error, answer):
    if answer == "raise other":
        raise LookupError("other")
    if answer == "raise from":
        raise LookupError("from") from error
    if answer == "pass on":
        raise error


def synchronous(deeds, answers, log):
    answers = iter(answers)
    for deed, value in deeds:
        try:
            if deed == "yield":
                log.append(("got", (yield value)))
            elif deed == "raise":
                raise value("raised")
            elif deed == "return":
                return value
            else:
                log.append(("from", (yield from iter(range(value)))))
        except BaseException as error:
            log.append(("caught", type(error)))
            answer = next(answers, "pass on")
            answer_to(error, answer)
            if answer == "yield":
                yield "answer"
            if answer == "return":
                return "answer"
        finally:
            log.append("finally")
    return "end"


async def asynchronous(deeds, answers, log):
    answers = iter(answers)
    for deed, value in deeds:
        try:
            if deed == "yield":
                log.append(("got", (yield value)))
            elif deed == "raise":
                raise value("raised")
            elif deed == "return":
                return
            else:
                log.append(("pause", await pause(value)))
        except BaseException as error:
            log.append(("caught", type(error)))
            answer = next(answers, "pass on")
            answer_to(error, answer)
            if answer == "yield":
                yield "answer"
            if answer == "return":
                return
        finally:
            log.append("finally")


@types.coroutine
def pause(times):
    for i in range(times):
        yield i
    return times


def chain_of(error):
    """Classes and arguments of the exception and of what it came from."""
    chain = []
    while error is not None and len(chain) < 9:
        chain.append((type(error), error.args, error.__suppress_context__, type(error.__cause__)))
        error = error.__context__
    return chain


def drive(generator, steps, log):
    """What each step gave, the exceptions in full."""
    for step in [*steps, *DRAIN]:
        try:
            if step[0] == "next":
                log.append(next(generator))
            elif step[0] == "send":
                log.append(generator.send(step[1]))
            elif step[0] == "throw":
                log.append(generator.throw(step[1]("thrown") if step[2] else step[1]))
            else:
                log.append(generator.close())
        except BaseException as error:
            log.append((chain_of(error), getattr(error, "value", None)))
    return list(log)  # what a stubborn body does when it is collected is not compared


def drive_async(generator, steps, log):
    for step in [*steps, *DRAIN]:
        try:
            if step[0] == "next":
                awaitable = anext(generator)
            elif step[0] == "send":
                awaitable = generator.asend(step[1])
            elif step[0] == "throw":
                awaitable = generator.athrow(step[1]("thrown"))
            else:
                awaitable = generator.aclose()
            iterator = awaitable.__await__()
            for _ in range(20):
                log.append(("pause", next(iterator)))
        except BaseException as error:
            log.append((chain_of(error), getattr(error, "value", None)))
    return list(log)  # what a stubborn body does when it is collected is not compared


def assert_alike(function, drive_it, deeds, answers, steps):
    """Monitored it gives what it gives plain, whether it is recorded or not."""

    def run(function):
        log = []
        return drive_it(function(deeds, answers, log), steps, log)

    plain = run(function)
    with record() as seen:
        assert run(monitor(function)) == plain
        assert len(seen.spans) <= 1
    assert run(monitor(function)) == plain


def own_frames(error):
    trace, names = error.__traceback__, []
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    return names


@relaxed
@given(st.lists(deeds, max_size=5), st.lists(answers, max_size=4), st.lists(steps, max_size=8))
def test_generators(deeds, answers, steps):
    assert_alike(synchronous, drive, deeds, answers, steps)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of plain ones too
@relaxed
@given(st.lists(deeds, max_size=5), st.lists(answers, max_size=4), st.lists(steps, max_size=8))
def test_async_generators(deeds, answers, steps):
    assert_alike(asynchronous, drive_async, deeds, answers, steps)


# no body here that goes on when it is closed: what is collected on the way is closed again, once for each level
obedient = st.sampled_from(["pass on", "return", "raise other", "raise from"])


@relaxed
@given(st.lists(deeds, max_size=4), st.lists(obedient, min_size=4, max_size=4), st.lists(steps, max_size=6))
def test_generators_two_levels_deep(deeds, answers, steps):
    def outer(function, log):
        return (yield from function(deeds, answers, log))

    log, ours = [], []
    plain = drive(outer(synchronous, log), steps, log)
    with record():
        assert drive(monitor(outer)(monitor(synchronous), ours), steps, ours) == plain


def test_a_thrown_exception_has_one_frame_of_ours(telemetry):
    def body():
        yield 1

    stream = monitor(body)()
    next(stream)
    try:
        stream.throw(ValueError("x"))
    except ValueError as error:
        assert own_frames(error) == [inspect.currentframe().f_code.co_name, "monitored", "body"]
