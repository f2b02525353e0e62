"""A monitored generator: one span from the first step to the end, current only inside the body."""

import contextlib
import contextvars
import gc
import sys
import threading

import pytest
from opentelemetry import trace

from otel_ia import monitor


def current():
    return trace.get_current_span()


@monitor
def count(n):
    for i in range(n):
        yield i
    return "done"


@monitor
def stubborn():
    while True:
        with contextlib.suppress(GeneratorExit):
            yield 1


def test_the_span_goes_from_the_first_step_to_exhaustion(telemetry):
    stream = count(3)
    assert telemetry.spans == []
    with monitor("before"):
        pass
    with pytest.raises(StopIteration) as stopped:
        while True:
            next(stream)
    assert stopped.value.value == "done"
    assert telemetry.names == ["before", "count"]
    span = telemetry.span("count")
    assert span.outcome == "ok"
    assert span.attributes["ia.stream.items"] == 3
    assert 0 <= span.attributes["ia.stream.time_to_first_item"] <= span.seconds


def test_one_that_never_starts_makes_no_span(telemetry):
    stream = count(3)
    stream.close()
    count(3).close()
    count(3)
    with pytest.raises(ValueError, match="before"):
        count(3).throw(ValueError("before"))
    assert telemetry.spans == []


def test_one_without_items_has_no_time_to_first_item(telemetry):
    assert list(count(0)) == []
    attributes = telemetry.span("count").attributes
    assert attributes["ia.stream.items"] == 0
    assert "ia.stream.time_to_first_item" not in attributes


@pytest.mark.parametrize("how", ["close", "break", "del"])
def test_an_early_end_is_no_error(telemetry, how):
    stream = count(3)
    for _ in stream:
        break
    assert telemetry.spans == []
    if how == "close":
        stream.close()
    del stream
    span = telemetry.span("count")
    assert (span.outcome, span.status, span.exceptions) == ("closed_early", "UNSET", [])
    assert span.attributes["ia.stream.items"] == 1


def test_a_body_that_answers_close_by_returning_was_closed_early(telemetry):
    @monitor
    def polite():
        try:
            yield 1
        except GeneratorExit:
            return 5

    stream = polite()
    next(stream)
    assert stream.close() == (5 if sys.version_info >= (3, 13) else None)
    assert telemetry.span("polite").outcome == "closed_early"


def test_a_body_that_answers_close_by_yielding_fails_as_without_us(telemetry):
    stream = stubborn()
    next(stream)
    with pytest.raises(RuntimeError, match=r"^generator ignored GeneratorExit$"):
        stream.close()
    assert next(stream) == 1
    with pytest.raises(ZeroDivisionError):
        stream.throw(ZeroDivisionError)
    assert telemetry.span("stubborn").outcome == "error"


def test_one_that_survived_close_can_end_well(telemetry):
    @monitor
    def survivor():
        try:
            yield 1
        except GeneratorExit:
            yield 2

    stream = survivor()
    next(stream)
    with pytest.raises(RuntimeError):
        stream.close()
    assert list(stream) == []
    assert telemetry.span("survivor").outcome == "ok"


def test_an_error_in_the_body(telemetry):
    @monitor
    def broken():
        yield 1
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(broken())
    span = telemetry.span("broken")
    assert (span.outcome, span.status, span.message) == ("error", "ERROR", "broken")
    assert len(span.exceptions) == 1


def test_an_exception_thrown_in_and_not_caught_is_recorded(telemetry):
    stream = count(3)
    next(stream)
    error = ValueError("thrown")
    with pytest.raises(ValueError) as raised:
        stream.throw(error)
    assert raised.value is error
    span = telemetry.span("count")
    assert [event["exception.message"] for event in span.exceptions] == ["thrown"]


def test_an_exception_thrown_in_and_answered_goes_on(telemetry):
    @monitor
    def answering():
        got = yield 1
        while True:
            try:
                got = yield got
            except ValueError as error:
                got = str(error)

    stream = answering()
    assert next(stream) == 1
    assert stream.send("sent") == "sent"
    assert stream.throw(ValueError("thrown")) == "thrown"
    stream.close()
    assert telemetry.span("answering").outcome == "closed_early"


def test_stop_iteration_out_of_the_body_is_a_runtime_error(telemetry):
    @monitor
    def stopping():
        yield 1
        raise StopIteration(3)

    with pytest.raises(RuntimeError, match="generator raised StopIteration"):
        list(stopping())
    assert telemetry.span("stopping").attributes["error.type"] == "RuntimeError"


def test_the_span_is_current_in_the_body_only(telemetry):
    inside = []

    @monitor
    def stream():
        for i in range(2):
            inside.append(current())
            with monitor("body"):
                yield i

    with monitor("consumer") as consumer:
        items = stream()
        next(items)
        assert current() is not inside[0]
        items.close()
        assert current() is consumer
    assert current() is trace.INVALID_SPAN


def test_spans_of_the_body_are_children_and_the_consumers_are_not(telemetry):
    @monitor
    def stream():
        for i in range(2):
            with monitor("body"):
                pass
            yield i

    with monitor("consumer"):
        for _ in stream():
            with monitor("item"):
                pass
    assert telemetry.tree == ["consumer", ["stream", ["body", "body"], "item", "item"]]


def test_the_parent_is_the_span_of_the_first_step(telemetry):
    stream = count(2)
    with monitor("first"):
        next(stream)
    with monitor("second"):
        list(stream)
    assert telemetry.tree == ["first", ["count"], "second"]


def test_delegation_to_a_monitored_generator(telemetry):
    @monitor
    def outer():
        got = yield from count(2)
        yield got

    assert list(outer()) == [0, 1, "done"]
    assert telemetry.tree == ["outer", ["count"]]


def test_delegation_passes_send_throw_and_close(telemetry):
    @monitor
    def inner():
        try:
            while True:
                try:
                    got = yield "ready"
                    yield got
                except KeyError:
                    yield "caught"
        finally:
            yield_closed.append(True)

    def outer():
        yield from inner()

    yield_closed = []
    stream = outer()
    next(stream)
    assert (stream.send(5), stream.throw(KeyError())) == (5, "caught")
    stream.close()
    assert yield_closed == [True]
    assert telemetry.span("inner").outcome == "closed_early"


def test_steps_from_many_threads_and_contexts(telemetry, caplog):
    stream = count(6)
    got = [next(stream)]

    def step():
        got.append(next(stream))
        assert current() is trace.INVALID_SPAN

    contextvars.copy_context().run(step)
    for _ in range(2):
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()
    contextvars.Context().run(step)
    got += stream
    assert got == [0, 1, 2, 3, 4, 5]
    assert telemetry.span("count").outcome == "ok"
    assert caplog.records == []


def test_a_context_variable_set_by_the_body_is_the_consumers_too(telemetry):
    variable = contextvars.ContextVar("variable", default=0)

    @monitor
    def stream():
        variable.set(1)
        yield
        variable.set(2)

    for _ in stream():
        assert variable.get() == 1
    assert variable.get() == 2


def test_a_context_manager_made_of_a_monitored_generator(telemetry):
    @contextlib.contextmanager
    @monitor
    def session():
        try:
            yield "open"
        except KeyError:
            with monitor("rollback"):
                pass

    with session() as state, monitor("inside"):
        assert state == "open"
    with session():
        raise KeyError
    error = ValueError("passes")
    with pytest.raises(ValueError) as raised, session():
        raise error
    assert raised.value is error
    assert telemetry.tree == ["session", "inside", "session", ["rollback"], "session"]
    assert [span.outcome for span in telemetry.spans if span.name == "session"] == ["ok", "ok", "error"]


def test_a_monitored_function_that_returns_a_context_manager(telemetry):
    @monitor
    @contextlib.contextmanager
    def session():
        yield "open"

    with session() as state:
        assert state == "open"
    assert telemetry.names == ["session"]


def test_a_generator_left_to_the_collector_ends_its_span(telemetry):
    def leave():
        stream = count(3)
        next(stream)
        circle = [stream]
        circle.append(circle)

    leave()
    gc.collect()
    assert telemetry.span("count").outcome == "closed_early"


def test_it_is_busy_while_it_runs(telemetry):
    @monitor
    def recursive():
        with contextlib.suppress(StopIteration):
            next(me)
        yield

    me = recursive()
    with pytest.raises(ValueError, match="generator already executing"):
        next(me)
    assert telemetry.span("recursive").outcome == "error"


def test_a_value_cannot_be_sent_before_the_start(telemetry):
    with pytest.raises(TypeError, match="can't send non-None value to a just-started generator"):
        count(1).send(1)
    assert telemetry.spans == []


def test_generator_objects_bear_the_functions_name():
    stream = count(1)
    assert (stream.__name__, stream.__qualname__) == ("count", "count")


def test_a_deep_chain_of_generators(telemetry):
    @monitor
    def chain(depth):
        if depth:
            yield from chain(depth - 1)
        yield depth

    assert list(chain(30)) == list(range(31))
    assert len(telemetry.spans) == 31
