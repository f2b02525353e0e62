"""A monitored function looks like the function it is."""

import copy
import functools
import inspect
import typing
import weakref
from typing import Annotated
from unittest import mock

import pytest

from otel_ia import monitor


def function(a: int, /, b: "str" = "x", *args: float, c: Annotated[int, "meta"] = 3, **kwargs: bytes) -> list[int]:
    """What it does."""
    return [a, b, args, c, kwargs]


async def coroutine(a: int = 1) -> int:
    return a


def generator(a: int = 1) -> typing.Iterator[int]:
    yield a


async def async_generator(a: int = 1) -> typing.AsyncIterator[int]:
    yield a


function.custom = "kept"
KINDS = [function, coroutine, generator, async_generator]
PREDICATES = [
    inspect.isfunction,
    inspect.ismethod,
    inspect.isroutine,
    inspect.iscoroutinefunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
    inspect.isclass,
    inspect.isbuiltin,
    callable,
]


@pytest.mark.parametrize("plain", KINDS)
def test_names_documentation_defaults_and_annotations(plain):
    made = monitor(plain)
    for name in (
        "__name__",
        "__qualname__",
        "__module__",
        "__doc__",
        "__defaults__",
        "__kwdefaults__",
        "__annotations__",
    ):
        assert getattr(made, name) == getattr(plain, name)
    assert vars(made) == {**vars(plain), "__wrapped__": plain}


@pytest.mark.parametrize("plain", KINDS)
def test_signature_and_type_hints(plain):
    made = monitor(plain)
    assert inspect.signature(made) == inspect.signature(plain)
    assert typing.get_type_hints(made) == typing.get_type_hints(plain)
    assert typing.get_type_hints(made, include_extras=True) == typing.get_type_hints(plain, include_extras=True)
    assert inspect.getsource(made) == inspect.getsource(plain)
    assert inspect.unwrap(made) is plain


@pytest.mark.parametrize("plain", KINDS)
@pytest.mark.parametrize("predicate", PREDICATES, ids=lambda predicate: predicate.__name__)
def test_inspection(plain, predicate):
    assert predicate(monitor(plain)) == predicate(plain)


class Holder:
    def method(self):
        pass

    async def coroutine(self):
        pass

    @classmethod
    def class_method(cls):
        pass


@pytest.mark.parametrize(
    "plain",
    [Holder().method, Holder().coroutine, Holder.class_method, functools.partial(coroutine, a=2), len, str.upper],
)
@pytest.mark.parametrize(
    "predicate", [one for one in PREDICATES if one is not inspect.isroutine], ids=lambda predicate: predicate.__name__
)
def test_inspection_of_callables(plain, predicate):
    assert predicate(monitor(plain)) == predicate(plain)


@pytest.mark.parametrize("plain", [Holder().method, functools.partial(function, 1), len])
def test_signatures_of_callables(plain):
    assert inspect.signature(monitor(plain)) == inspect.signature(plain)


def test_results_and_arguments(telemetry):
    made = monitor(function)
    assert made(1) == function(1)
    assert made(1, "y", 2.0, c=4, d=b"") == function(1, "y", 2.0, c=4, d=b"")
    with pytest.raises(TypeError, match=r"function\(\) missing 1 required positional argument: 'a'"):
        made()


def test_defaults_may_be_looked_at_by_frameworks_that_call_with_keywords():
    made = monitor(coroutine)
    bound = inspect.signature(made).bind(a=5)
    assert bound.arguments == {"a": 5}


def test_copies_and_weak_references():
    made = monitor(function)
    assert copy.copy(made) is made
    assert copy.deepcopy(made) is made
    assert weakref.ref(made)() is made
    assert len({made, made}) == 1


def test_a_mock_with_its_specification(telemetry):
    double = mock.create_autospec(monitor(function))
    double(1, c=2)
    with pytest.raises(TypeError):
        double()
    with mock.patch.object(Holder, "method", monitor(Holder.method)):
        Holder().method()
    assert telemetry.names == ["Holder.method"]


def test_the_descriptor_protocol():
    class Box:
        method = monitor(function)

    assert inspect.ismethod(Box().method)
    assert Box.method.__get__(None, Box) is Box.method
    assert str(inspect.signature(Box().method)).startswith("(b: 'str'")
