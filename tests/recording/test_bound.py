"""`bound`: fields on every span and log record inside a block or call, and on nothing outside."""

import asyncio
import contextlib
import contextvars
import gc
import inspect
import logging
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, propagate, trace
from opentelemetry._logs import LogRecord, get_logger
from opentelemetry.context import attach, detach, set_value

import otel_ia
from otel_ia import SettingError, bound
from otel_ia.recording.current import get_current
from otel_ia.recording.fields import bound_in
from otel_ia.testing import record

LOGGER = logging.getLogger("bound")


def here():
    """What is bound where this is called."""
    return dict(bound_in(get_current()) or {})


def leaf(name="leaf", **attributes):
    """A span as another library's instrumentation makes it."""
    with trace.get_tracer("another.library").start_as_current_span(name, attributes=attributes or None):
        pass


@bound(kind="function")
def function():
    return here()


@bound(kind="generator")
def generator():
    got = yield here()
    yield here(), got


def test_spans_of_any_tracer_inside_have_the_fields(telemetry):
    with bound(session_id="s-1", user_id=7):
        leaf()
        trace.get_tracer("another").start_span("not current").end()
    leaf("outside")
    assert dict(telemetry.span("leaf").attributes) == {"session_id": "s-1", "user_id": 7}
    assert dict(telemetry.span("not current").attributes) == {"session_id": "s-1", "user_id": 7}
    assert dict(telemetry.span("outside").attributes) == {}


def test_a_span_started_in_a_context_has_the_fields_of_that_one(telemetry):
    with bound(where="there"):
        there = get_current()
    with bound(where="here"):
        trace.get_tracer("another").start_span("span", context=there).end()
    assert telemetry.span("span").attributes["where"] == "there"


def test_what_a_span_says_itself_wins(telemetry):
    with bound(a="bound", b="bound"):
        leaf(a="own")
    assert dict(telemetry.span("leaf").attributes) == {"a": "own", "b": "bound"}


def test_log_records_inside_have_the_fields_whoever_writes_them(telemetry, caplog):
    with bound({"session.id": "s-1"}, user_id=7):
        LOGGER.warning("stdlib", extra={"user_id": 8})
        get_logger("api").emit(LogRecord(body="api", attributes={"own": 1}))
    LOGGER.warning("outside")
    seen = {log.body: log.attributes for log in telemetry.logs}
    assert (seen["stdlib"]["session.id"], seen["stdlib"]["user_id"]) == ("s-1", 8)
    assert seen["api"] == {"own": 1, "session.id": "s-1", "user_id": 7}
    assert "session.id" not in seen["outside"]


def test_a_record_emitted_in_a_context_has_the_fields_of_that_one(telemetry):
    with bound(where="there"):
        there = get_current()
    get_logger("api").emit(LogRecord(body="api", context=there))
    assert telemetry.logs[0].attributes["where"] == "there"


def test_formatters_of_the_standard_library_can_use_the_fields(telemetry, caplog):
    formatter = logging.Formatter("%(message)s [%(session_id)s]", defaults={"session_id": "-"})
    LOGGER.warning("outside")
    with bound(session_id="s-1"):
        LOGGER.warning("inside")
        LOGGER.warning("said", extra={"session_id": "s-2"})
    assert [formatter.format(written) for written in caplog.records] == ["outside [-]", "inside [s-1]", "said [s-2]"]


def test_what_every_record_has_is_not_covered_and_extra_may_not_cover_it_either(telemetry, caplog):
    with bound(name="mine", msg="mine", args="mine", trace_id="mine", lineno="mine"):
        LOGGER.warning("written %d", 1)
        with pytest.raises(KeyError):
            LOGGER.warning("refused", extra={"lineno": 1})  # noqa: G101 - that it clashes is the subject
    (written,) = caplog.records
    assert (written.name, written.getMessage(), written.trace_id) == ("bound", "written 1", "")
    assert isinstance(written.lineno, int)
    assert telemetry.logs[0].attributes["msg"] == "mine"


def test_a_record_made_inside_is_pickled_with_the_fields(telemetry, caplog):
    with bound(session_id="s-1"):
        LOGGER.warning("inside")
    assert logging.makeLogRecord(pickle.loads(pickle.dumps(caplog.records[0].__dict__))).session_id == "s-1"


def test_blocks_nest_and_restore():
    with bound(a=1, b=1):
        with bound(b=2, c=2):
            assert here() == {"a": 1, "b": 2, "c": 2}
        assert here() == {"a": 1, "b": 1}
    assert here() == {}


def test_an_error_restores_too():
    with pytest.raises(ValueError, match="mine"), bound(a=1):
        raise ValueError("mine")
    assert here() == {}


def test_one_object_may_be_entered_again_while_it_is_open():
    again = bound(a=1)
    with again:
        with bound(b=2), again:
            assert here() == {"a": 1, "b": 2}
        assert here() == {"a": 1}
    assert here() == {}


def test_one_object_serves_threads_at_the_same_time():
    shared, wrong = bound(a=1), []

    def work(number):
        for _ in range(300):
            with bound(number=number):
                with shared:
                    if here() != {"a": 1, "number": number}:
                        wrong.append(here())
                if here() != {"number": number}:
                    wrong.append(here())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_context_that_something_inside_left_attached_is_taken_back_with_the_block():
    block = bound(a=1)
    with block:
        attach(set_value("left", "behind"))
    assert here() == {}


def test_values_are_made_legal_and_none_is_left_out():
    with bound({"array": np.zeros((2, 3), dtype="i1"), 1: "one", "gone": None, "text": "\ud800"}, many=["a", "b"]):
        inside = here()
        assert inside.pop("array").startswith("ndarray(shape=(2, 3), dtype=int8")
        assert inside == {
            "1": "one",
            "text": "�",
            "many": ("a", "b"),
        }


@given(st.lists(st.dictionaries(st.text(min_size=1), st.integers() | st.text(), max_size=4), max_size=5))
def test_at_any_depth_the_inner_value_of_a_name_wins(layers):
    expected = {}
    with contextlib.ExitStack() as blocks:
        for layer in layers:
            blocks.enter_context(bound(layer))
            expected.update(otel_ia.values.attributes(layer))
            assert here() == expected
    assert here() == {}


@pytest.mark.parametrize("wrong", ["text", 7, [("a", 1)]])
def test_what_is_no_mapping_is_refused(wrong):
    with pytest.raises(SettingError, match="fields"):
        bound(wrong)


def test_fields_last_across_await_and_go_to_new_tasks():
    async def child():
        await asyncio.sleep(0)
        return here()

    async def request(number):
        with bound(number=number):
            task = asyncio.create_task(child())
            await asyncio.sleep(0)
            return here(), await child(), await task

    async def main():
        return await asyncio.gather(*map(request, range(5)))

    assert asyncio.run(main()) == [({"number": number},) * 3 for number in range(5)]


def test_one_object_serves_tasks_at_the_same_time():
    shared = bound(a=1)

    async def request(number):
        with bound(number=number):
            with shared:
                await asyncio.sleep(0.002 * number)
                inside = here()
            return inside, here()

    async def main():
        return await asyncio.gather(*map(request, range(5)))

    assert asyncio.run(main()) == [({"a": 1, "number": number}, {"number": number}) for number in range(5)]


def test_a_decorated_function_keeps_its_kind():
    assert function() == {"kind": "function"}
    assert here() == {}
    assert (function.__name__, function.__doc__) == ("function", None)
    assert pickle.loads(pickle.dumps(function)) is function


def test_a_decorated_coroutine_function_keeps_its_kind():
    @bound(a=1)
    async def coroutine():
        await asyncio.sleep(0)
        return here()

    assert inspect.iscoroutinefunction(coroutine)
    assert asyncio.run(coroutine()) == {"a": 1}


def test_a_decorated_generator_has_the_fields_in_its_body_and_never_in_its_consumer(telemetry):
    assert inspect.isgeneratorfunction(generator)
    stream = generator()
    with bound(consumer=1):
        assert next(stream) == {"consumer": 1, "kind": "generator"}
        assert here() == {"consumer": 1}
    assert stream.send("sent") == ({"consumer": 1, "kind": "generator"}, "sent")
    assert here() == {}
    stream.close()
    left = generator()
    next(left)
    del left
    gc.collect()
    assert here() == {}
    assert telemetry.spans == []


def test_a_decorated_async_generator_has_them_in_its_body_alone(telemetry):
    @bound(a=1)
    async def stream():
        for _ in range(2):
            await asyncio.sleep(0)
            yield here()

    async def main():
        return [(inside, here()) async for inside in stream()]

    assert inspect.isasyncgenfunction(stream)
    assert asyncio.run(main()) == [({"a": 1}, {})] * 2
    assert telemetry.spans == []


def test_methods_and_other_callables_are_decorated_as_monitor_does():
    class Model:
        @bound(a=1)
        def method(self):
            return here()

        @bound(a=2)
        @classmethod
        def of_class(cls):
            return here()

        @property
        @bound(a=3)
        def read(self):
            return here()

    assert (Model().method(), Model.of_class(), Model().read) == ({"a": 1}, {"a": 2}, {"a": 3})
    assert bound(a=4)(Model().method)() == {"a": 1}
    assert bound(b=4)(Model().method)() == {"a": 1, "b": 4}


@pytest.mark.parametrize("wrong", [int, 42, "name"])
def test_only_functions_and_methods_are_decorated(wrong):
    with pytest.raises(TypeError):
        bound(a=1)(wrong)


def test_a_method_that_only_binds_is_monitored_with_its_class(telemetry):
    @otel_ia.monitor
    class Model:
        @bound(a=1)
        def predict(self):
            leaf()

        @bound(a=1)
        @otel_ia.monitor("own name")
        def monitored(self):
            pass

    Model().predict()
    Model().monitored()
    assert [name.rpartition(".")[2] for name in telemetry.names] == ["predict", "leaf", "own name"]


def test_only_what_is_propagated_travels_as_baggage():
    with bound(secret="no"), bound({"session.id": "ä=1, 2"}, propagate=True):
        carrier = {}
        propagate.inject(carrier)
        assert baggage.get_all() == {"session.id": "ä=1, 2"}
    assert baggage.get_all() == {}
    received = propagate.extract(carrier)
    assert baggage.get_all(received) == {"session.id": "ä=1, 2"}
    assert bound_in(received) is None


def test_what_arrives_as_baggage_is_bound_only_by_hand(telemetry):
    token = attach(baggage.set_baggage("session.id", "s-1"))
    try:
        leaf("untouched")
        with bound({"session.id": baggage.get_baggage("session.id"), "absent": baggage.get_baggage("absent")}):
            leaf("trusting")
    finally:
        detach(token)
    assert dict(telemetry.span("untouched").attributes) == {}
    assert dict(telemetry.span("trusting").attributes) == {"session.id": "s-1"}


def test_new_threads_begin_without_and_a_copied_context_brings_them_along():
    found = []
    with bound(a=1):
        copied = contextvars.copy_context()
        for target in (here, lambda: copied.run(here)):
            thread = threading.Thread(target=lambda target=target: found.append(target()))
            thread.start()
            thread.join()
    assert found == [{}, {"a": 1}]


def test_a_sampler_is_asked_with_the_fields(telemetry):
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

    from otel_ia.sdk.home import TracingState
    from otel_ia.sdk.provider import install_tracing

    asked = []

    class Asking(Sampler):
        def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None):
            asked.append(dict(attributes or {}))
            return SamplingResult(Decision.DROP)

        def get_description(self):
            return "asking"

    state = TracingState([], resource=Resource.get_empty(), sampler=Asking())
    with install_tracing(state, above_all=True), bound(tenant="a"):
        leaf()
    assert asked == [{"tenant": "a"}]


def test_attributes_that_cannot_be_read_leave_the_span_with_what_it_had(telemetry):
    with bound(a=1):
        trace.get_tracer("another").start_span("odd", attributes=Unreadable()).end()
    assert "odd" in telemetry.names


class Unreadable(dict):
    def keys(self):
        raise RuntimeError("mine")


def test_without_a_configuration_it_binds_all_the_same():
    with bound(a=1):
        assert here() == {"a": 1}
    assert here() == {}


def test_recordings_inside_a_block_have_its_fields():
    with bound(a=1), record() as seen:
        leaf()
    assert seen.span("leaf").attributes["a"] == 1


def test_what_is_decorated_in_the_main_program_can_be_sent_to_a_worker(run_program):
    pytest.importorskip("cloudpickle")
    run_program(
        """
import cloudpickle, pickle
from otel_ia import bound
from otel_ia.recording import current, fields

@bound(a=1)
def function():
    return dict(fields.bound_in(current.get_current()) or {})

assert pickle.loads(cloudpickle.dumps(function))() == {"a": 1}
"""
    )


def test_spans_of_another_librarys_provider_have_the_fields(run_program):
    run_program(
        """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import otel_ia

theirs = InMemorySpanExporter()
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(theirs))
with otel_ia.bound(a="bound", b="bound"):
    trace.get_tracer("x").start_span("not configured").end()
    telemetry = otel_ia.configure(console=True)
    trace.get_tracer("x").start_span("configured", attributes={"a": "own"}).end()
    with otel_ia.monitor("monitored"):
        pass
    telemetry.shutdown()
    trace.get_tracer("x").start_span("shut down").end()
found = {span.name: dict(span.attributes) for span in theirs.get_finished_spans()}
assert found["configured"] == {"a": "own", "b": "bound"}, found
assert found["monitored"]["a"] == "bound"
assert found["not configured"] == found["shut down"] == {}
"""
    )
