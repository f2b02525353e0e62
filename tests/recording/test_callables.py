"""Callables that are no functions: everything but the call stays the original's."""

import asyncio
import copy
import functools
import inspect
import math
import operator
import pickle
from unittest import mock

import pytest

from otel_ia import monitor


class Model:
    """A model."""

    def __init__(self, scale=2):
        self.scale = scale

    def __call__(self, x):
        return x * self.scale

    def predict(self, x):
        """Predicts."""
        return x * self.scale

    async def apredict(self, x):
        return x * self.scale


class AsyncModel:
    async def __call__(self, x):
        await asyncio.sleep(0)
        return x + 1


class StreamingModel:
    def __call__(self, n):
        yield from range(n)


class AsyncStreamingModel:
    async def __call__(self, n):
        for i in range(n):
            yield i


def test_a_bound_method(telemetry):
    model = Model()
    predict = monitor(model.predict)
    assert predict(3) == predict(x=3) == 6
    assert telemetry.names == ["Model.predict"] * 2
    assert inspect.ismethod(predict)
    assert predict.__self__ is model
    assert (predict.__name__, predict.__doc__, predict.__module__) == ("predict", "Predicts.", __name__)
    assert inspect.signature(predict) == inspect.signature(model.predict)


def test_a_bound_coroutine_method(telemetry):
    predict = monitor(Model().apredict)
    assert inspect.iscoroutinefunction(predict)
    assert asyncio.run(predict(2)) == 4
    assert telemetry.names == ["Model.apredict"]


def test_a_bound_method_kept_on_a_class_is_not_bound_again(telemetry):
    class Service:
        predict = monitor(Model().predict)

    assert Service().predict(3) == 6
    assert telemetry.names == ["Model.predict"]


def test_an_object(telemetry):
    model = monitor(Model())
    assert model(3) == 6
    assert isinstance(model, Model)
    model.scale = 5
    assert (model(3), model.scale, model.__wrapped__.scale) == (15, 5, 5)
    del model.scale
    with pytest.raises(AttributeError):
        _ = model.scale
    assert model.__doc__ == "A model."
    assert telemetry.names == ["Model"] * 2
    assert telemetry.spans[0].attributes["code.function.name"] == f"{__name__}.Model"
    assert telemetry.spans[0].attributes["code.line.number"] == Model.__call__.__code__.co_firstlineno


def test_objects_whose_call_is_a_coroutine_or_a_generator(telemetry):
    async def collect():
        return [item async for item in monitor(AsyncStreamingModel())(3)]

    assert asyncio.run(monitor(AsyncModel())(1)) == 2
    assert asyncio.run(monitor(monitor(AsyncModel()))(1)) == 2
    assert list(monitor(StreamingModel())(3)) == [0, 1, 2]
    assert asyncio.run(collect()) == [0, 1, 2]
    assert telemetry.tree == ["AsyncModel", "AsyncModel", ["AsyncModel"], "StreamingModel", "AsyncStreamingModel"]
    assert [span.attributes.get("ia.stream.items") for span in telemetry.spans] == [None, None, None, 3, 3]


def test_partials(telemetry):
    async def double(x, factor=2):
        return x * factor

    power = monitor(functools.partial(pow, 2))
    triple = monitor(functools.partial(double, factor=3))
    assert power(3) == 8
    assert inspect.iscoroutinefunction(triple)
    assert asyncio.run(triple(2)) == 6
    assert telemetry.names == ["pow", "double"]
    assert triple.keywords == {"factor": 3}
    assert functools.partial(monitor(pow), 2)(4) == 16


@pytest.mark.parametrize(
    ("function", "args", "name"),
    [
        (math.sqrt, (16,), "sqrt"),
        (len, ("abcd",), "len"),
        (operator.itemgetter(3), ("0124",), "itemgetter"),
        ("4".strip, (), "str.strip"),
        (str.strip, (" 4 ",), "str.strip"),
        (dict.fromkeys, ("4",), "dict.fromkeys"),
    ],
)
def test_functions_written_in_c(telemetry, function, args, name):
    assert monitor(function)(*args) == function(*args)
    assert telemetry.names == [name]


def test_a_method_written_in_c_binds_as_before(telemetry):
    class Text(str):
        __slots__ = ()
        shout = monitor(str.upper)
        size = monitor(len)

    assert Text("a").shout() == "A"
    assert Text("a").size("abc") == 3  # a built-in function does not bind
    assert telemetry.names == ["str.upper", "len"]


def test_a_cache_stays_reachable(telemetry):
    @monitor
    @functools.lru_cache
    def double(x):
        return x * 2

    assert (double(2), double(2)) == (4, 4)
    assert double.cache_info().hits == 1
    double.cache_clear()
    assert double.cache_info().currsize == 0
    assert len(telemetry.spans) == 2


def test_a_cached_method_binds(telemetry):
    class Box:
        @monitor
        @functools.lru_cache  # noqa: B019
        def size(self, x):
            return x

    assert Box().size(3) == 3
    assert Box.size(Box(), 4) == 4


def test_a_cache_on_top_runs_the_span_once(telemetry):
    double = functools.lru_cache(monitor(lambda x: x * 2))
    assert (double(2), double(2)) == (4, 4)
    assert len(telemetry.spans) == 1


def test_single_dispatch_stays_reachable(telemetry):
    @monitor
    @functools.singledispatch
    def kind(x):
        return "any"

    @kind.register
    def _(x: int):
        return "int"

    assert (kind("a"), kind(1)) == ("any", "int")
    assert kind.dispatch(int)(1) == "int"
    assert len(telemetry.spans) == 2


def test_single_dispatch_on_top(telemetry):
    @functools.singledispatch
    @monitor
    def kind(x):
        return "any"

    @kind.register
    @monitor
    def of_int(x: int):
        return "int"

    assert (kind("a"), kind(1)) == ("any", "int")
    assert telemetry.names == ["kind", "of_int"]


def test_an_object_of_which_every_attribute_is_another_object(telemetry):
    class Remote:
        """As in `xmlrpc.client` and actor handles."""

        def __getattr__(self, name):
            return Remote()

        def __call__(self, *args):
            return args

    assert monitor(Remote().system.methods)(1, 2) == (1, 2)
    assert telemetry.names == ["Remote"]


def test_mocks(telemetry):
    double = monitor(mock.MagicMock(return_value=3))
    assert double(1, x=2) == 3
    double.assert_called_once_with(1, x=2)
    assert asyncio.run(monitor(mock.AsyncMock(return_value=4))()) == 4
    assert telemetry.names == ["MagicMock", "AsyncMock"]


def test_arguments_may_have_any_name(telemetry):
    def plain(**given):
        return given

    class Sink:
        def __call__(self, /, **given):
            return given

    given = dict.fromkeys(["self", "name", "attributes", "log", "function", "args", "kwargs", "call", "target"], 1)
    assert monitor(plain)(**given) == monitor(Sink())(**given) == monitor(functools.partial(plain))(**given) == given


def test_copies_are_monitored_and_apart(telemetry):
    model = monitor("m")(Model(2))
    shallow, deep = copy.copy(model), copy.deepcopy(model)
    deep.scale = 10
    assert (model(1), shallow(1), deep(1)) == (2, 2, 10)
    assert deep.__wrapped__ is not model.__wrapped__
    assert telemetry.names == ["m"] * 3


def test_pickled_objects_and_bound_methods_stay_monitored(telemetry):
    model = pickle.loads(pickle.dumps(monitor("object", attributes={"a": 1})(Model(4))))
    predict = pickle.loads(pickle.dumps(monitor("method")(Model(5).predict)))
    partial = pickle.loads(pickle.dumps(monitor("partial")(functools.partial(pow, 2))))
    assert (model(1), predict(1), partial(3)) == (4, 5, 8)
    assert telemetry.names == ["object", "method", "partial"]
    assert telemetry.span("object").attributes["a"] == 1


def test_its_text_says_that_it_is_monitored():
    assert repr(monitor(len)) == "<monitored <built-in function len>>"
