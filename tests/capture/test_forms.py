"""What `capture` takes, and on what: every kind of callable, the default of the settings, and what is refused."""

import asyncio
import functools
import logging

import cloudpickle
import numpy as np
import pytest

from otel_ia import SettingError, monitor
from otel_ia.testing import record

ARRAY = np.zeros((32, 7), np.float32)
OF_THE_ARRAY = {"type": "numpy.ndarray", "shape": "(32, 7)", "dtype": "float32", "bytes": 896}


def captured(span):
    """The captured attributes, without what stands before them."""
    return {
        key.removeprefix("ia.").removeprefix("argument."): value
        for key, value in span.attributes.items()
        if key.startswith(("ia.argument.", "ia.result.", "ia.capture."))
    }


def of(name, parts):
    return {f"{name}.{part}": value for part, value in parts.items()}


def test_nothing_is_captured_unless_asked(telemetry):
    @monitor
    def predict(x):
        return x

    predict(ARRAY)
    assert set(telemetry.span(telemetry.names[0]).attributes) == {
        "code.function.name",
        "code.file.path",
        "code.line.number",
    }


def test_a_summary_tells_of_arguments_and_result(telemetry):
    @monitor("predict", capture="summary")
    def predict(x, k=1, *, flag=True):
        return [x]

    assert predict(ARRAY, 5) == [ARRAY]
    assert captured(telemetry.span("predict")) == {
        **of("x", OF_THE_ARRAY),
        "k.type": "int",
        "result.type": "list",
        "result.length": 1,
    }
    assert telemetry.span("predict").attributes["ia.batch.size"] == 32


def test_names_choose(telemetry):
    @monitor("f", capture=("x", "return"))
    def f(k, x):
        return "text"

    f(1, x=ARRAY)
    assert captured(telemetry.span("f")) == {**of("x", OF_THE_ARRAY), "result.type": "str", "result.length": 4}


def test_without_return_among_the_names_the_result_is_not_told(telemetry):
    @monitor("f", capture=["k"])
    def f(k, x):
        return x

    f(1, ARRAY)
    assert captured(telemetry.span("f")) == {"k.type": "int"}


def test_values_are_told_but_of_arrays_the_summary(telemetry):
    @monitor("f", capture="values")
    def f(x, k, text, options, nothing):
        return {"label": 3}

    f(ARRAY, 5, "cat", [1, 2], None)
    assert captured(telemetry.span("f")) == {
        **of("x", OF_THE_ARRAY),
        "k.value": 5,
        "text.value": "cat",
        "options.value": (1, 2),
        "nothing.type": "NoneType",
        "result.value": "{'label': 3}",
    }


def test_a_function_decides_what_is_recorded(telemetry):
    def shown(name, value):
        return {"norm": 1.5, "name": name} if name == "x" else len(value) if name == "return" else None

    @monitor("f", capture=shown)
    def f(x, secret):
        return [1, 2, 3]

    f(ARRAY, "s")
    assert captured(telemetry.span("f")) == {"x.norm": 1.5, "x.name": "x", "result.value": 3}
    assert telemetry.span("f").attributes["ia.batch.size"] == 32


def test_a_function_that_calls_what_it_captures_is_not_asked_of_that_call(telemetry):
    asked = []

    def shown(name, value):
        asked.append(name)
        return f(value)

    @monitor("f", capture=shown)
    def f(x):
        return x + 1

    assert f(1) == 2
    assert asked == ["x", "return"]
    assert captured(telemetry.spans[-1]) == {"x.value": 2, "result.value": 3}


def test_a_function_that_raises_costs_only_what_it_would_have_told(telemetry, caplog):
    def shown(name, value):
        raise RuntimeError(name)

    @monitor("f", capture=shown)
    def f(x):
        return x + 1

    with caplog.at_level(logging.WARNING, "otel_ia"):
        assert [f(1), f(2)] == [2, 3]
    assert [captured(span) for span in telemetry.spans] == [{}, {}]
    (line,) = [line.getMessage() for line in caplog.records]
    place = f"{__file__}:{shown.__code__.co_firstlineno}"
    assert f"shown at {place} raised RuntimeError: nothing is captured of ia.argument.x" in line


def test_each_function_that_raises_is_told_of_whatever_its_name(telemetry, caplog):
    for shown in (lambda name, value: value.missing), (lambda name, value: {}[name]):
        for _ in range(2):
            monitor("f", capture=shown)(abs)(1)
    raised = [entry.getMessage().partition(" raised ")[2].split(":")[0] for entry in caplog.records]
    assert raised == ["AttributeError", "KeyError"]


@pytest.mark.parametrize("takes_what_it_likes", [print, dict, functools.partial(print, 1), lambda *both: None])
def test_a_function_whose_signature_says_nothing_against_it_is_taken(takes_what_it_likes):
    assert monitor("f", capture=takes_what_it_likes)(abs)(-1) == 1


def test_a_function_is_judged_by_what_is_called_and_not_by_what_it_wraps(telemetry):
    def of_the_value(value):
        return {"doubled": value * 2}

    @functools.wraps(of_the_value)
    def shown(name, value):
        return of_the_value(value)

    monitor("f", capture=shown)(abs)(-1)
    assert captured(telemetry.span("f"))["result.doubled"] == 2


def test_the_result_is_told_only_of_calls_that_end_well(telemetry):
    @monitor("f", capture="summary")
    def f(x):
        if x:
            raise ValueError
        return x

    f(0)
    with pytest.raises(ValueError):
        f(1)
    assert [captured(span) for span in telemetry.spans] == [{"x.type": "int", "result.type": "int"}, {"x.type": "int"}]


def test_a_result_of_none_is_no_news(telemetry):
    monitor("f", capture="summary")(lambda: None)()
    assert captured(telemetry.span("f")) == {}


def test_coroutines(telemetry):
    @monitor("f", capture="summary")
    async def f(x):
        await asyncio.sleep(0)
        return x

    assert asyncio.run(f(ARRAY)) is ARRAY
    assert captured(telemetry.span("f")) == {**of("x", OF_THE_ARRAY), **of("result", OF_THE_ARRAY)}


def test_of_generators_the_arguments_and_never_the_items(telemetry):
    @monitor("g", capture="summary")
    def g(x):
        yield x
        return x

    @monitor("a", capture="values")
    async def a(k):
        yield k

    async def consume():
        return [item async for item in a(7)]

    assert list(g(ARRAY)) == [ARRAY]
    assert asyncio.run(consume()) == [7]
    assert captured(telemetry.span("g")) == of("x", OF_THE_ARRAY)
    assert captured(telemetry.span("a")) == {"k.value": 7}


class Model:
    @monitor("method", capture="summary")
    def method(self, x):
        return 1

    @classmethod
    @monitor("classmethod", capture="summary")
    def make(cls, x):
        return 1

    @monitor("above", capture="summary")
    @classmethod
    def make_above(cls, x):
        return 1

    @staticmethod
    @monitor("staticmethod", capture="summary")
    def check(x):
        return 1

    @property
    @monitor("property", capture="summary")
    def size(self):
        return 1


def test_methods_without_the_object_itself(telemetry):
    model = Model()
    model.method(2)
    model.make(2)
    model.make_above(2)
    model.check(2)
    assert model.size == 1
    both = {"x.type": "int", "result.type": "int"}
    assert [captured(span) for span in telemetry.spans] == [both] * 4 + [{"result.type": "int"}]


def test_every_public_method_of_a_class(telemetry):
    @monitor("model", capture=("x",))
    class Model:
        def predict(self, x):
            return self.score(x, 1)

        def score(self, x, y):
            return y

        def describe(self, depth):
            return depth

    Model().predict(ARRAY)
    Model().describe(1)
    assert captured(telemetry.span("model.predict")) == of("x", OF_THE_ARRAY)
    assert captured(telemetry.span("model.score")) == of("x", OF_THE_ARRAY)
    assert captured(telemetry.span("model.describe")) == {}


def test_partials_bound_methods_objects_and_functions_of_c(telemetry):
    class Callable:
        def __call__(self, x, k=0):
            """Returns nothing, of which nothing is told."""

    class Plain:
        def predict(self, x):
            """The same."""

    summary = monitor("f", capture="summary")
    summary(functools.partial(lambda k, x: None, 5))(3.5)
    summary(functools.partial(lambda k, x: None, k=5))(x="a")
    summary(Plain().predict)(2)
    summary(Callable())(2, k=3)
    summary({"a": 1}.get)("b")
    monitor("f", capture="summary")(max)(2, 3, key=None)
    assert [captured(span) for span in telemetry.spans] == [
        {"x.type": "float"},
        {"x.type": "str", "x.length": 1},
        {"x.type": "int"},
        {"x.type": "int", "k.type": "int"},
        {"key.type": "str", "key.length": 1},
        {"0.type": "int", "1.type": "int", "key.type": "NoneType", "result.type": "int"},
    ]


def test_further_arguments_go_by_number_and_name(telemetry):
    @monitor("f", capture="summary")
    def f(first, *rest, **more):
        pass

    f(1, "a", 2.5, temperature=0.5)
    assert captured(telemetry.span("f")) == {
        "first.type": "int",
        "rest.0.type": "str",
        "rest.0.length": 1,
        "rest.1.type": "float",
        "temperature.type": "float",
    }


def test_a_stacked_decorator_keeps_names_and_the_function_its_signature(telemetry):
    @monitor("outer", capture="summary")
    @monitor("inner")
    def f(x: int, k: str = "a") -> int:
        return x

    assert f(1, k="b") == 1
    assert captured(telemetry.span("outer")) == {
        "x.type": "int",
        "k.type": "str",
        "k.length": 1,
        "result.type": "int",
    }
    assert captured(telemetry.span("inner")) == {}
    assert f.__defaults__ == ("a",)


def test_wrong_arguments_raise_what_they_would(telemetry):
    @monitor("f", capture="summary")
    def f(x):
        pass

    with pytest.raises(TypeError, match="unexpected keyword"):
        f(1, y=2)
    assert telemetry.span("f").outcome == "error"


def test_cloudpickle_takes_the_plan_along(telemetry):
    def shown(name, value):
        return name

    for capture in ("summary", ("x",), shown):
        function = monitor("f", capture=capture)(lambda x: x)
        assert cloudpickle.loads(cloudpickle.dumps(function))(1) == 1
    assert [captured(span) for span in telemetry.spans] == [
        {"x.type": "int", "result.type": "int"},
        {"x.type": "int"},
        {"x.value": "x", "result.value": "return"},
    ]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"capture": "x"}, "for one argument write ('x',)"),
        ({"capture": "everything!"}, "'none', 'summary', 'values'"),
        ({"capture": 5}, "capture = 5 is not 'none'"),
        ({"capture": ()}, "capture = ()"),
        ({"capture": (1,)}, "capture = (1,)"),
        ({"capture": ("y",)}, "capture = 'y' is not one of x, k, return"),
        ({"capture": lambda value: value}, "capture = <function"),
        ({"capture": len}, "capture = <built-in function len> is not a function of a name and a value"),
        ({"stats": 1}, "stats = 1 is not true or false"),
        ({"capture": "none", "stats": True}, "stats = True"),
        ({"capture": print, "stats": True}, "stats = True"),
        ({"stage": 1}, "stage = 1 is not text"),
        ({"model": b"m"}, "model = b'm' is not text"),
        ({"model_version": 3}, "model_version = 3 is not text"),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_written(options, told):
    with pytest.raises(SettingError) as caught:

        @monitor(**options)
        def f(x, k=1):
            pass

    assert told in str(caught.value)


def test_a_block_has_nothing_to_capture():
    told = pytest.raises(SettingError, match="a block has neither arguments nor a result")
    with told, monitor("block", capture="summary"):
        pass
    with pytest.raises(SettingError, match="a block has neither"), monitor("block", stats=True):
        pass
    with monitor("block", capture="none"):
        pass


def test_stage_and_model_are_attributes_from_the_start_and_of_the_metrics(telemetry):
    @monitor("f", stage="inference", model="resnet50", model_version="3", attributes={"ia.stage": "other", "a": 1})
    def f():
        pass

    f()
    with monitor("block", stage="postprocess"):
        pass
    said = {"ia.stage": "inference", "ia.model.name": "resnet50", "ia.model.version": "3"}
    assert said.items() <= telemetry.span("f").attributes.items()
    assert telemetry.span("f").attributes["a"] == 1
    assert telemetry.span("block").attributes["ia.stage"] == "postprocess"
    assert said.items() <= telemetry.metric("ia.call.duration", {"ia.operation": "f"}).attributes.items()


def test_arguments_live_no_longer_than_the_call():
    import gc
    import weakref

    class Thing:
        pass

    @monitor(capture="summary")
    def f(x):
        pass

    with record():
        thing = Thing()
        alive = weakref.ref(thing)
        f(thing)
        del thing
        assert alive() is None
    f(Thing())
    gc.collect()
