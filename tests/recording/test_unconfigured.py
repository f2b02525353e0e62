"""Nothing configured, or switched off: the program runs as it would without us, and nearly as fast."""

import timeit

from otel_ia import monitor


def test_importing_loads_no_sdk_and_says_nothing(run_program):
    done = run_program(
        """
import sys
import otel_ia
from otel_ia import monitor, log_execution, monitor_decorator, monitor_context
@monitor
def f():
    with monitor("block"):
        return 1
assert f() == 1
heavy = ("opentelemetry.sdk", "opentelemetry.exporter", "rich", "urllib3", "google")
loaded = {name for name in sys.modules if name.startswith(heavy)}
assert not loaded, loaded
"""
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_every_form_works_without_configuration(run_program):
    done = run_program(
        """
import asyncio
from opentelemetry import trace
from otel_ia import monitor

@monitor
def function(): return 1
@monitor
async def coroutine(): return 2
@monitor
def stream():
    got = yield 3
    return got
@monitor
async def astream():
    yield 4
@monitor
class Model:
    def predict(self): return 5
with monitor("block") as span:
    span.set_attribute("a", 1)
    assert isinstance(span, trace.Span) and not span.is_recording()
    assert function() == 1
async def main():
    assert await coroutine() == 2
    assert [i async for i in astream()] == [4]
asyncio.run(main())
items = stream()
assert next(items) == 3
try:
    items.send(6)
except StopIteration as stop:
    assert stop.value == 6
assert Model().predict() == 5
"""
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_functions_decorated_before_configuration_are_recorded(run_program):
    run_program(
        """
from otel_ia import monitor

@monitor
def early():
    with monitor("block"):
        pass
early()
from otel_ia.testing import record
for _ in range(2):
    with record() as seen:
        early()
    assert seen.tree == ["early", ["block"]]
early()
assert len(seen.spans) == 2
"""
    )


def test_disabled_by_environment_the_function_itself_comes_back(run_program):
    done = run_program(
        """
from otel_ia import monitor
def plain(): return 1
class Model: pass
assert monitor(plain) is plain
assert monitor("name")(plain) is plain
assert monitor(len) is len
assert monitor(Model) is Model
with monitor("block") as span:
    assert not span.is_recording()
assert monitor(log="INFO")(plain)() == 1
""",
        OTEL_SDK_DISABLED="TRUE",
    )
    assert "plain started" in done.stderr


def test_a_recording_of_a_test_sees_calls_although_they_are_disabled(run_program):
    run_program(
        """
import otel_ia
from otel_ia import monitor
from otel_ia.testing import record

@monitor
def predict(): pass
otel_ia.configure(disabled=True)
predict()
with record() as seen:
    predict()
assert seen.tree == ["predict"]
predict()
assert len(seen.spans) == 1
"""
    )


def test_an_unconfigured_call_costs_a_few_microseconds():
    def plain():
        pass

    monitored = monitor(plain)
    number = 2_000
    best = min(timeit.repeat(monitored, number=number, repeat=7)) / number
    assert best < 50e-6  # about 2 µs on an idle machine


def test_disabled_means_no_span_whatever_provider_is_installed_until_it_is_taken_back(run_program):
    assert run_program(
        """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
import otel_ia
from otel_ia import monitor

@monitor
def predict():
    return trace.get_current_span().is_recording()

with otel_ia.configure(disabled=True):
    print(predict())
trace.set_tracer_provider(TracerProvider())
print(predict())
with otel_ia.configure(disabled=True):
    print(predict())
    with monitor("block") as span:
        print(span.is_recording())
print(predict())
"""
    ).stdout.split() == ["False", "True", "False", "False", "True"]
