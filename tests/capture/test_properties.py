"""Whatever is handed over: what is told is legal, short and soon there, and nothing of a planted list survives."""

import collections
import concurrent.futures
import datetime as dt
import threading
import time
import typing
import weakref
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threads import meanwhile

from otel_ia import monitor, values
from otel_ia.capture.choice import Choice
from otel_ia.capture.plan import make_plan
from otel_ia.testing import record

PLANTED = ["hunter2-in-a-text", b"hunter2-in-bytes", 918_273_645_546, 9182.73645, 918_273_645j]
SUMMARY = make_plan(Choice("summary"), lambda first, *rest, named=None, **more: None)
STATISTICS = make_plan(Choice("summary", stats=True), lambda first, *rest, named=None, **more: None)
VALUES = make_plan(Choice("values", stats=True), lambda first, *rest, named=None, **more: None)


def assert_told(told, most_text=values.TEXT_LIMIT):
    """Legal attributes, few and short."""
    assert len(told) <= 98
    for key, value in told.items():
        assert type(key) is str
        assert key.startswith(("ia.argument.", "ia.result.", "ia.batch.size", "ia.capture.omitted"))
        assert len(key) < 256
        key.encode()
        for item in value if type(value) is tuple else (value,):
            assert type(item) in (str, int, float, bool)
            if type(item) is str:
                assert len(item) <= most_text
                item.encode()
            if type(item) is int:
                assert -(1 << 63) <= item < 1 << 63


planted = st.sampled_from(PLANTED)
hashable = planted | st.none() | st.booleans() | st.integers() | st.text(st.characters())
leaves = (
    planted
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters(), max_size=30)
    | st.binary()
    | st.datetimes()
    | st.decimals()
    | st.uuids()
    | st.sampled_from([object(), object, len, Ellipsis, range(1 << 80), slice(1), mock.MagicMock(), memoryview(b"a")])
    | planted.map(lambda value: np.array([value] * 3))
    | planted.map(lambda value: np.array([value], object))
)


class Pair(typing.NamedTuple):
    first: object
    second: object


def wrapped(inner):
    return (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.tuples(inner, inner).map(lambda both: Pair(*both))
        | st.dictionaries(hashable, inner)
        | st.sets(hashable)
        | st.lists(inner).map(collections.deque)
        | st.lists(inner).map(lambda items: np.fromiter(items, object, len(items)))
    )


anything = st.recursive(leaves, wrapped, max_leaves=20)


@settings(max_examples=200, deadline=None)
@given(st.lists(anything, max_size=4), st.dictionaries(st.text(st.characters()), anything, max_size=4))
def test_no_value_survives_a_summary(args, kwargs):
    told = SUMMARY.describe(tuple(args), kwargs)
    assert_told(told, 16 * 200)
    shown = repr([part for key, part in told.items() if key not in kwargs])
    assert "hunter2" not in shown
    assert "918273645" not in shown
    assert "9182.7" not in shown


@settings(max_examples=100, deadline=None)
@given(anything, st.dictionaries(st.text(st.characters()), anything, max_size=3))
def test_values_and_statistics_are_legal_and_bounded(value, kwargs):
    assert_told(VALUES.describe((value,), kwargs))
    assert_told(STATISTICS.describe((value,), kwargs))


@settings(max_examples=100, deadline=None)
@given(st.lists(anything, max_size=3), st.dictionaries(st.text(st.characters()), anything, max_size=3))
def test_the_size_of_the_batch_alone_is_that_of_the_summary(args, kwargs):
    told = SUMMARY.describe(tuple(args), kwargs)
    assert SUMMARY.batch_size(tuple(args), kwargs) == told.get("ia.batch.size")


@settings(max_examples=100, deadline=None)
@given(st.lists(anything, max_size=4), st.lists(anything, max_size=4))
def test_what_a_call_tells_does_not_depend_on_others(args, others):
    for plan in (SUMMARY, STATISTICS, VALUES):
        alone = plan.describe(tuple(args), {}), plan.result_attributes(args)
        plan.describe(tuple(others), {})
        plan.result_attributes(others)
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            again = thread.submit(plan.describe, tuple(args), {}), thread.submit(plan.result_attributes, args)
        assert repr([told.result() for told in again]) == repr(list(alone))


def refuse(*_args, **_kwargs):
    raise RuntimeError("code of the user's ran")


def hang(*_args, **_kwargs):
    threading.Event().wait(60)
    raise AssertionError("it would hang")


MAGIC = [
    "__bool__", "__bytes__", "__contains__", "__dir__", "__eq__", "__float__", "__format__", "__getattr__",
    "__getattribute__", "__getitem__", "__hash__", "__index__", "__int__", "__iter__", "__len__", "__next__",
    "__reduce_ex__", "__repr__", "__sizeof__", "__str__", "__array__", "__array_interface__", "__dlpack__",
]  # fmt: skip
ASKED = ["shape", "dtype", "device", "nbytes", "size", "columns", "data", "item", "__class__", "__dict__", "_fields"]
BASES = [object, str, int, float, bytes, list, tuple, set, dict, Exception, dt.date, np.ndarray, collections.deque]


class RefusingKind(type):
    __hash__ = __repr__ = __str__ = __eq__ = __getattribute__ = __instancecheck__ = __subclasscheck__ = refuse


class Endless:
    def __getattr__(self, name):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return 1

    def __len__(self):
        return 1 << 62


def hostile(base, do, module, name):
    members = {**dict.fromkeys(MAGIC, do), **dict.fromkeys(ASKED, property(do))}
    if base is tuple:
        del members["_fields"]
    kind = type("Hostile", (base,), {**members, "__module__": module, "__qualname__": name})
    arguments = {dt.date: (2026, 1, 2), np.ndarray: ((3, 2),)}.get(base, ())
    return base.__new__(kind, *arguments)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("do", [refuse, hang])
@pytest.mark.parametrize(
    ("module", "name"), [("own", "Own"), ("numpy", "ndarray"), ("torch", "Tensor"), ("jax", "Array"), ("dask", "Array")]
)
def test_no_code_of_an_object_runs(base, do, module, name):
    value = hostile(base, do, module, name)
    for plan in (SUMMARY, STATISTICS):
        began = time.perf_counter()
        told = plan.describe((value, [value], (value,), {1: value}), {"named": Pair(value, value)})
        assert time.perf_counter() - began < 1
        assert_told(told)
        assert told["ia.argument.first.type"] == f"{module}.{name}"


@pytest.mark.parametrize("base", [object, list, set])
def test_no_code_of_a_metaclass_runs(base):
    kind = type.__new__(RefusingKind, "Hostile", (base,), {})
    value = base.__new__(kind)
    told = SUMMARY.describe((value, kind, [value]), {"named": Pair(value, kind)})
    assert told["ia.argument.first.type"] == f"{__name__}.Hostile"


def test_what_never_ends_is_left_alone():
    lock = threading.Lock()

    class Locked:
        shape = property(lambda self: lock.acquire())

        def __len__(self):
            with lock:
                return 1

    circle = []
    circle.append(circle)
    released = memoryview(b"abc")
    released.release()
    odd = [
        Endless(),
        Locked(),
        circle,
        {"a": circle},
        released,
        range(1 << 90),
        weakref.proxy(Locked),
        mock.MagicMock(),
    ]
    with lock:
        began = time.perf_counter()
        for value in odd:
            assert_told(SUMMARY.describe((value,), {}))
            assert_told(STATISTICS.describe((value,), {}))
        assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    "value",
    [
        [0] * 10_000_000,
        "x" * 50_000_000,
        {number: number for number in range(1_000_000)},
        np.zeros(50_000_000, np.uint8),
        1 << 1_000_000,
        tuple([[]] * 1_000_000),
    ],
    ids=["list", "text", "dict", "array", "int", "tuple"],
)
def test_what_is_large_takes_no_longer(value):
    told = []
    for _ in range(20):
        began = time.perf_counter()
        STATISTICS.describe((value,), {})
        told.append(time.perf_counter() - began)
    assert min(told) < 1e-3


@pytest.mark.parametrize("mode", ["summary", "values"])
def test_calls_with_hostile_arguments_are_untouched(mode):
    given = [hostile(base, refuse, "torch", "Tensor") for base in BASES]
    given += [Endless(), object.__new__(type.__new__(RefusingKind, "Hostile", (), {}))]
    with record() as seen:

        @monitor("f", capture=mode, stats=mode == "summary")
        def f(x, /, *rest, k, **more):
            return k

        for value in given:
            assert f(value, value, k=value, z=value) is value
    assert len(seen.spans) == len(given)
    assert {span.outcome for span in seen.spans} == {"ok"}


def test_arguments_that_another_thread_changes():
    changing, listed = {}, []

    def change(number):
        changing[number % 50] = number
        changing.pop((number * 7) % 50, None)
        listed.append(number)
        if len(listed) > 10:
            listed.clear()

    with meanwhile(change):
        for _ in range(2_000):
            assert_told(SUMMARY.describe((changing, listed), {"named": Pair(listed, changing)}))


def test_near_the_recursion_limit_the_call_goes_on():
    with record() as seen:

        @monitor("f", capture="summary")
        def down(depth, x):
            return depth if depth == 0 else down(depth - 1, [x])

        @monitor("g", capture="summary")
        def endless(x):
            return endless([x])

        assert down(50, 1) == 0
        with pytest.raises(RecursionError):
            endless(1)
    assert seen.spans


def test_types_live_no_longer_than_without_us():
    import gc
    import weakref

    @monitor(capture="summary")
    def f(x):
        pass

    with record() as seen:
        for _ in range(50):
            kind = type("Passing", (), {})
            alive = weakref.ref(kind)
            f(kind())
            del kind
            gc.collect()
            assert alive() is None
    assert {span.attributes["ia.argument.x.type"] for span in seen.spans} == {f"{__name__}.Passing"}
