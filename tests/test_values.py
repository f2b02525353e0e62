"""Any object becomes a legal, bounded attribute value, quickly, and no code of it runs."""

import collections
import datetime as dt
import decimal
import enum
import math
import pathlib
import time
import types
import uuid
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, TraceFlags
from threads import meanwhile

from otel_ia import monitor, values
from otel_ia.values.dtypes import short_dtype_text

CONTEXT = SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(1))


def assert_legal(value):
    """Bounded, of exact built-in types, and as the official encoder takes it."""
    kinds = {type(value)} if type(value) is not tuple else {type(item) for item in value}
    assert len(kinds) <= 1
    assert kinds <= {str, bool, int, float}
    if type(value) is tuple:
        assert len(value) <= values.ITEM_LIMIT
    for item in value if type(value) is tuple else (value,):
        if type(item) is str:
            assert len(item) <= values.TEXT_LIMIT
        if type(item) is int:
            assert -(2**63) <= item < 2**63
    encode_spans([ReadableSpan("span", CONTEXT, attributes={"value": value})]).SerializeToString()


def assert_quick(value, seconds=0.5):
    began = time.perf_counter()
    result = values.legal(value)
    assert time.perf_counter() - began < seconds
    if result is not None:
        assert_legal(result)
    return result


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters(), max_size=30)
    | st.text(st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010, categories=["Cs", "Lo", "Co"]))
    | st.binary()
    | st.binary().map(bytearray)
    | st.datetimes()
    | st.decimals()
    | st.uuids()
    | st.fractions()
    | st.sampled_from([object(), object, len, print, lambda: 1, Ellipsis, NotImplemented, math, range(9), slice(1)])
)
hashable = st.none() | st.booleans() | st.integers() | st.text(st.characters()) | st.binary() | st.tuples(st.text())
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(hashable, inner)
        | st.sets(hashable)
        | st.frozensets(hashable)
        | st.lists(inner).map(collections.deque)
    ),
    max_leaves=30,
)


@settings(max_examples=200, deadline=None)
@given(anything)
def test_anything_becomes_legal(value):
    result = values.legal(value)
    assert (result is None) == (value is None)
    if result is not None:
        assert_legal(result)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(hashable, scalars | st.lists(scalars, max_size=3), max_size=5))
def test_any_mapping_becomes_attributes(mapping):
    result = values.attributes(mapping)
    for key, value in result.items():
        assert type(key) is str
        assert 0 < len(key) <= values.KEY_LIMIT
        key.encode()
        assert_legal(value)
    assert len(result) <= len(mapping)


edges = st.sampled_from([2**63, 2**63 - 1, -(2**63), -(2**63) - 1, "a" * 16_384, "a" * 16_385, "é" * 16_384, "\ud800"])
edge_keys = st.sampled_from(["", "k" * 256, "k" * 257, "é", "\ud800", 5])


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=3) | edge_keys, scalars | edges | st.lists(scalars, max_size=2), max_size=3))
@example({"a": 2**63})
@example({"a": "\ud800"})
@example({"a": "a" * 16_385})
def test_a_dict_is_rendered_as_any_other_mapping_is(mapping):
    rendered = values.attributes(mapping)
    assert repr(rendered) == repr(values.attributes(types.MappingProxyType(mapping)))
    assert rendered is not mapping


@settings(deadline=None)
@given(st.text() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False))
def test_what_is_legal_stays_itself(value):
    assert values.legal(value) == value
    assert type(values.legal(value)) is type(value)


@given(
    st.one_of(
        *(
            st.lists(kind, min_size=1)
            for kind in (st.text(), st.booleans(), st.integers(-9, 9), st.floats(allow_nan=False))
        )
    )
)
def test_lists_of_one_legal_type_stay_themselves(items):
    if len(items) <= values.ITEM_LIMIT:
        assert values.legal(items) == tuple(items)


class Colour(enum.Enum):
    RED = object()


class Level(enum.IntEnum):
    HIGH = 3


class Word(enum.StrEnum):
    YES = "yes"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\ud800b", "a\ufffdb"),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, str(2**63)),
        (1 << 5_000, "<int of 5001 bits>"),
        (b"ab\xff", "ab\\xff"),
        (Colour.RED, "Colour.RED"),
        (Level.HIGH, 3),
        (Word.YES, "yes"),
        ([1, 2.5], (1.0, 2.5)),
        ([-(2**63)], (-(2**63),)),
        ([], ()),
        ([1, "a", None], "[1, 'a', None]"),
        ({"a": [1, {"b": None}]}, "{'a': [1, {'b': None}]}"),
        ((2**63,), f"({2**63})"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (decimal.Decimal("1.5"), "1.5"),
        (uuid.UUID(int=1), str(uuid.UUID(int=1))),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (range(3), "range(0, 3)"),
        (1 + 2j, "(1+2j)"),
        (object(), "<object>"),
        (dict, "dict"),
        (len, "builtins.len"),
        (mock.MagicMock(), "<unittest.mock.MagicMock>"),
        (np.zeros((32, 784), np.float32), "ndarray(shape=(32, 784), dtype=float32, device=cpu)"),
        (np.float32(1.5), 1.5),
        (np.float64(1.5), 1.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.longdouble(1), "<numpy.longdouble>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_examples(value, expected):
    if isinstance(value, np.ndarray) and not hasattr(value, "device"):
        expected = expected.replace(", device=cpu", "")
    result = values.legal(value)
    assert result == expected
    assert type(result) is type(expected)
    assert_legal(result)


def refuse(*_args, **_kwargs):
    raise RuntimeError("code of the user's ran")


MAGIC = [
    "__bool__", "__bytes__", "__contains__", "__dir__", "__eq__", "__float__", "__format__", "__ge__", "__getattr__",
    "__getattribute__", "__getitem__", "__gt__", "__hash__", "__index__", "__instancecheck__", "__int__", "__iter__",
    "__le__", "__len__", "__lt__", "__missing__", "__ne__", "__next__", "__reduce_ex__", "__repr__", "__sizeof__",
    "__str__",
]  # fmt: skip
BASES = [object, str, int, float, bytes, bytearray, list, tuple, set, frozenset, dict, Exception, dt.date]


def hostile_class(base, metaclass=type):
    overridden = {
        **dict.fromkeys(MAGIC, refuse),
        **dict.fromkeys(["items", "keys", "values", "decode", "encode", "isascii", "bit_length"], refuse),
        "__class__": property(refuse),
        "__module__": "torch",
    }
    return metaclass("Hostile", (base,), overridden)


class HostileMeta(type):  # noqa: PLW1641 - its hash is below
    def __instancecheck__(cls, other):
        refuse()

    def __subclasscheck__(cls, other):
        refuse()

    def __getattribute__(cls, name):
        refuse()

    def __eq__(cls, other):
        refuse()

    __hash__ = __repr__ = __str__ = __iter__ = refuse


@pytest.mark.parametrize("base", BASES)
def test_objects_that_refuse_everything(base):
    kind = hostile_class(base)
    arguments = (2026, 1, 2) if base is dt.date else ()
    value = base.__new__(kind, *arguments)
    assert_quick(value)
    assert_quick([value, {1: value}, (value,)])
    if base is not dict:
        assert_quick({"a": value})


@pytest.mark.parametrize("base", [object, str, list])
def test_classes_whose_metaclass_refuses_everything(base):
    kind = type.__new__(HostileMeta, "Hostile", (base,), {})
    value = base.__new__(kind)
    assert_quick(value)
    assert_quick([value, value])
    assert_quick(kind)
    assert values.qualified_name(kind) == f"{__name__}.Hostile"


def test_a_class_without_a_module():
    scope = {"__builtins__": {"type": type}}
    exec("Bare = type('Bare', (), {})", scope)
    assert not hasattr(scope["Bare"], "__module__")
    assert values.legal(scope["Bare"]()) == "<Bare>"


@pytest.mark.parametrize("module", ["uuid", "torch", "numpy", "datetime", "pathlib"])
def test_classes_that_pretend_to_be_known_ones(module):
    for name in ("UUID", "Tensor", "generic", "ndarray", "date", "PosixPath"):
        members = {
            "__module__": module,
            "__qualname__": name,
            "__str__": refuse,
            "item": refuse,
            "shape": property(refuse),
        }
        assert assert_quick(type(name, (), members)()) == f"<{module}.{name}>"


def test_attributes_that_never_end():
    class Endless:
        def __getattr__(self, name):
            return Endless()

        def __iter__(self):
            return iter(lambda: 1, 2)

        def __len__(self):
            return 2**62

    assert assert_quick(Endless()).endswith("Endless>")


def test_cycles_and_depth():
    circle = []
    circle.extend([circle] * 200)
    assert_quick(circle)
    both = {}
    both["self"] = [both, circle]
    assert_quick(both)
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert assert_quick(deep) == "[[[[[[[…]]]]]]]"
    while deep:
        deep = deep[0]


@pytest.mark.parametrize(
    "value",
    [
        [0] * 10_000_000,
        "x" * 50_000_000,
        "\ud800" * 1_000_000,
        b"\xff" * 50_000_000,
        {number: number for number in range(1_000_000)},
        1 << 1_000_000,
        [["x" * 100_000] * 1_000] * 1_000,
        [[[[[[]] * 1_000] * 1_000] * 1_000] * 1_000] * 1_000,
    ],
    ids=["list", "text", "surrogates", "bytes", "dict", "int", "lists of texts", "lists of lists"],
)
def test_huge_values_are_cut_quickly(value):
    assert_quick(value)


def test_containers_that_another_thread_changes():
    changing, listed, gathered = {}, [], set()

    def change(number):
        changing[number % 500] = number
        changing.pop((number * 7) % 500, None)
        gathered.symmetric_difference_update({number % 300})
        listed.append(number)
        if len(listed) > 100:
            listed.clear()

    with meanwhile(change):
        for _ in range(100):
            for value in (changing, listed, gathered, [changing], {"a": gathered}):
                assert_legal(values.legal(value))
            values.attributes(changing)


def test_keys():
    class Key(str):
        __slots__ = ()
        __str__ = __repr__ = refuse

    got = values.attributes(
        {"": 1, 5: 2, None: 3, Key("own"): 4, "k" * 500: 5, "a\ud800": 6, ("t", 1): 7, "none": None}
    )
    assert {"_": 1, "5": 2, "None": 3, "own": 4, "a\ufffd": 6, "('t', 1)": 7}.items() <= got.items()
    assert "none" not in got
    assert max(map(len, got)) == values.KEY_LIMIT
    assert {type(key) for key in got} == {str}
    assert len(values.attributes({str(number): number for number in range(5_000)})) == values.ATTRIBUTE_LIMIT


def test_the_verb_takes_any_attributes(telemetry):
    given = {
        "array": np.zeros(3),
        "hostile": object.__new__(hostile_class(object)),
        "surrogate": "\udc80",
        "huge": 10**400,
        "nested": {"a": [1, None]},
        "nothing": None,
        7: "seven",
    }
    with monitor("x", attributes=given):
        pass
    seen = telemetry.span("x").attributes
    assert seen["array"].startswith("ndarray(shape=(3,)")
    assert (seen["surrogate"], seen["nested"], seen["7"]) == ("\ufffd", "{'a': [1, None]}", "seven")
    assert "nothing" not in seen


def test_what_a_dtype_holds_is_not_told():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    sparse = pd.Series(pd.arrays.SparseArray(["a", "b"], fill_value="hunter2"))
    assert values.legal(sparse) == "Series(shape=(2,), dtype=Sparse[object])"
    record = pd.Series(pd.arrays.ArrowExtensionArray(pa.array([{"hunter2": 1}])))
    assert values.legal(record) == "Series(shape=(1,), dtype=struct[pyarrow])"
    assert values.legal(np.zeros(2, [("hunter2", "U9")])).startswith("ndarray(shape=(2,), dtype=void288")
    for shown in (short_dtype_text(sparse.dtype), short_dtype_text(record.dtype)):  # as of arrays of other libraries
        assert "hunter2" not in shown


def test_what_a_dtype_of_polars_holds_is_not_told():
    pl = pytest.importorskip("polars", reason="polars is not installed")
    for dtype, told in [
        (pl.Enum(["hunter2"]), "enum"),
        (pl.List(pl.Enum(["hunter2"])), "list[enum]"),
        (pl.Struct({"hunter2": pl.Int8}), "struct[1]"),
    ]:
        assert values.legal(pl.Series("hunter2", [], dtype=dtype)) == f"Series(shape=(0,), dtype={told})"


@given(st.binary(max_size=4) | st.text(max_size=4).map(str.encode), st.integers(1, 6_000))
def test_octets_are_told_as_if_decoded_at_once(part, times):
    octets = part * times
    assert values.legal(octets) == values.text(octets.decode("utf-8", "backslashreplace"))


def test_octets_are_told_quickly():
    for octets in (b"\xff" * 100_000, bytes(range(256)) * 100, "é".encode() * 50_000):
        assert min(seconds_for(octets) for _ in range(20)) < 1e-3


def test_large_dtypes_are_told_quickly():
    pl = pytest.importorskip("polars", reason="polars is not installed")
    fields = [f"f{number}" for number in range(20_000)]
    large = [
        np.zeros(1, [(name, "i1") for name in fields]),
        pl.Series([], dtype=pl.List(pl.Struct(dict.fromkeys(fields, pl.Int8)))),
        pl.Series([], dtype=pl.Enum([f"c{number}" for number in range(200_000)])),
    ]
    for value in large:
        assert min(seconds_for([value, 1]) for _ in range(20)) < 1e-3


def seconds_for(value):
    began = time.perf_counter()
    values.legal(value)
    return time.perf_counter() - began


@given(st.text(st.sampled_from("a?é\ud83d\ude42\udc00\U0001f642"), max_size=40))
def test_pairs_of_surrogates_are_characters_and_lone_ones_are_replaced(written):
    expected = written.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert values.text(written) == expected
