"""Every kind of function and method, in both orders with its decorator."""

import asyncio
import functools
import inspect
import types

import pytest

from otel_ia import monitor


async def collect(asynchronous):
    return [item async for item in asynchronous]


def test_a_function(telemetry):
    assert monitor(lambda x: x * 2)(4) == 8
    assert telemetry.names == ["<lambda>"]


def test_a_coroutine_function(telemetry):
    @monitor
    async def predict(x):
        await asyncio.sleep(0)
        return x * 2

    assert asyncio.run(predict(4)) == 8
    assert telemetry.names == ["predict"]
    assert inspect.iscoroutinefunction(predict)


def test_a_generator_function(telemetry):
    @monitor
    def stream():
        yield 1
        yield 2

    assert list(stream()) == [1, 2]
    assert telemetry.span("stream").attributes["ia.stream.items"] == 2
    assert inspect.isgeneratorfunction(stream)


def test_an_async_generator_function(telemetry):
    @monitor
    async def stream():
        yield 1
        yield 2

    assert asyncio.run(collect(stream())) == [1, 2]
    assert telemetry.span("stream").attributes["ia.stream.items"] == 2
    assert inspect.isasyncgenfunction(stream)


def test_a_nested_function_is_a_child(telemetry):
    @monitor
    def outer():
        @monitor
        def inner():
            return 1

        return inner() + inner()

    assert outer() == 2
    assert telemetry.tree == ["outer", ["outer.<locals>.inner".rpartition(".")[2]] * 2]


class Methods:
    @monitor
    def plain(self, x):
        return self, x

    @staticmethod
    @monitor
    def static_above(x):
        return x

    @monitor
    @staticmethod
    def static_below(x):
        return x

    @classmethod
    @monitor
    def class_above(cls, x):
        return cls, x

    @monitor
    @classmethod
    def class_below(cls, x):
        return cls, x

    @property
    @monitor
    def property_above(self):
        return self

    @monitor
    @property
    def property_below(self):
        """What it says."""
        return self

    @property_below.setter
    def property_below(self, value):
        self.was_set = value

    @functools.cached_property
    @monitor
    def cached_above(self):
        return object()

    @monitor
    @functools.cached_property
    def cached_below(self):
        return object()

    @monitor
    async def coroutine(self):
        return self

    @monitor
    def generator(self):
        yield self

    @classmethod
    @monitor
    async def class_coroutine(cls):
        return cls

    def _power(self, exponent):
        return 2**exponent

    cube = monitor(functools.partialmethod(_power, 3))
    square = functools.partialmethod(monitor(_power), 2)

    @functools.singledispatchmethod
    @monitor
    def dispatched(self, x):
        return "any"

    @dispatched.register
    @monitor("for int")
    def _(self, x: int):
        return "int"


@pytest.fixture
def methods():
    return Methods()


def test_methods(telemetry, methods):
    assert methods.plain(1) == (methods, 1)
    assert Methods.plain(methods, x=2) == (methods, 2)
    assert telemetry.names == ["Methods.plain"] * 2


def test_static_methods_in_both_orders(telemetry, methods):
    assert [methods.static_above(1), Methods.static_above(2), methods.static_below(3), Methods.static_below(4)] == [
        1,
        2,
        3,
        4,
    ]
    assert telemetry.names == ["Methods.static_above"] * 2 + ["Methods.static_below"] * 2


def test_class_methods_in_both_orders(telemetry, methods):
    assert methods.class_above(1) == (Methods, 1)
    assert Methods.class_below(2) == (Methods, 2)
    assert telemetry.names == ["Methods.class_above", "Methods.class_below"]


def test_properties_in_both_orders(telemetry, methods):
    assert methods.property_above is methods
    assert methods.property_below is methods
    methods.property_below = 5
    assert methods.was_set == 5
    assert Methods.property_below.__doc__ == "What it says."
    assert telemetry.names == ["Methods.property_above", "Methods.property_below"]


def test_cached_properties_in_both_orders_run_once(telemetry, methods):
    assert methods.cached_above is methods.cached_above
    assert methods.cached_below is methods.cached_below
    assert telemetry.names == ["Methods.cached_above", "Methods.cached_below"]


def test_a_cached_property_is_monitored_after_its_class_was_made(telemetry):
    class Late:
        @functools.cached_property
        def value(self):
            return 1

    Late.value = monitor(vars(Late)["value"])
    assert Late().value == 1
    assert telemetry.names == ["Late.value"]


def test_coroutine_and_generator_methods(telemetry, methods):
    assert asyncio.run(methods.coroutine()) is methods
    assert asyncio.run(Methods.class_coroutine()) is Methods
    assert list(methods.generator()) == [methods]
    assert inspect.iscoroutinefunction(methods.coroutine)
    assert inspect.isgeneratorfunction(methods.generator)
    assert telemetry.names == ["Methods.coroutine", "Methods.class_coroutine", "Methods.generator"]


def test_partial_methods_in_both_orders(telemetry, methods):
    assert (methods.cube(), methods.square()) == (8, 4)
    assert telemetry.names == ["Methods._power"] * 2


def test_single_dispatch_methods(telemetry, methods):
    assert (methods.dispatched("x"), methods.dispatched(1)) == ("any", "int")
    assert telemetry.names == ["Methods.dispatched", "for int"]


def test_a_function_decorated_twice_has_two_spans(telemetry):
    @monitor("outer")
    @monitor("inner")
    def predict():
        return 1

    assert predict() == 1
    assert telemetry.tree == ["outer", ["inner"]]


def test_a_generator_function_decorated_twice_has_two_spans(telemetry):
    @monitor("outer")
    @monitor("inner")
    def stream():
        yield 1

    assert list(stream()) == [1]
    assert telemetry.tree == ["outer", ["inner"]]


def test_a_coroutine_made_of_a_generator_stays_awaitable(telemetry):
    @types.coroutine
    def pause():
        yield
        return 7

    monitored = monitor(pause)

    async def main():
        return await monitored()

    assert asyncio.run(main()) == 7
    assert telemetry.names == ["pause"]


def test_a_function_that_says_it_is_a_coroutine_function_is_one(telemetry):
    if not hasattr(inspect, "markcoroutinefunction"):
        pytest.skip("since Python 3.12")

    async def work():
        return 3

    @monitor
    @inspect.markcoroutinefunction
    def marked():
        return work()

    assert inspect.iscoroutinefunction(marked)
    assert asyncio.run(marked()) == 3
    assert telemetry.names == ["marked"]
