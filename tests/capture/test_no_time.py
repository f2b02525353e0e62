"""What capturing takes never exceeds a millisecond, however much there is in a frame, column or table."""

import dataclasses
import time
import typing

import numpy as np
import pytest
from capture.telling import VALUES, least_seconds

from otel_ia.capture.choice import Choice
from otel_ia.capture.plan import make_plan

MOST = 1e-3
CATEGORIES = 200_000
FIELDS = [f"f{number}" for number in range(20_000)]


def test_polars():
    pl = pytest.importorskip("polars", reason="polars is not installed")
    enumeration = pl.Enum([f"c{number}" for number in range(CATEGORIES)])
    struct = pl.Struct(dict.fromkeys(FIELDS, pl.Int8))
    heavy = [
        enumeration,
        struct,
        pl.List(enumeration),
        pl.List(struct),
        pl.Array(struct, 2),
        pl.List(pl.List(pl.Struct({"struct": struct, "enumeration": enumeration}))),
    ]
    for dtype in heavy:
        column = pl.Series("column", [], dtype=dtype)
        assert least_seconds(column) < MOST
        assert least_seconds(pl.DataFrame([column.alias(f"column{number}") for number in range(300)])) < MOST
        assert least_seconds((column, column)) < MOST
    chunks = pl.concat([pl.Series([1.5])] * 20_000, rechunk=False)
    wide = pl.DataFrame({name: [1] for name in FIELDS})
    for value in (pl.Series([True]).new_from_index(0, 10_000_000), chunks, wide, wide.lazy()):
        assert least_seconds(value) < MOST


def test_pandas():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    count = len(FIELDS)
    pairs = pd.MultiIndex.from_arrays([FIELDS, range(count)])
    intervals = pd.interval_range(0, count)
    hours = pd.date_range("2020", periods=count, freq="h", tz="UTC")
    row = np.zeros((1, count))
    indexes = [pairs, intervals, hours, pd.CategoricalIndex(FIELDS), pd.Index(FIELDS, dtype=object), pd.Index(FIELDS)]
    for index in indexes:
        # The names are asked for anew each time, as of a frame that nobody has looked at yet.
        assert min(least_seconds(pd.DataFrame(row, columns=index.copy()), 1) for _ in range(10)) < MOST
        assert least_seconds(index) < MOST
        assert least_seconds(pd.Series(1.0, index=index)) < MOST
    for index in indexes[1:]:
        assert least_seconds(pd.Series(index)) < MOST
    categories = pd.Series(pd.Categorical([f"c{number}" for number in range(CATEGORIES)]))
    records = pa.array([{}], pa.struct([(name, pa.int8()) for name in FIELDS]))
    for column in (categories, pd.Series(pd.arrays.ArrowExtensionArray(records))):
        assert least_seconds(column) < MOST
        assert least_seconds(column.to_frame()) < MOST
    assert least_seconds(pd.DataFrame([[1.0]], columns=pd.Index(pd.arrays.ArrowExtensionArray(records)))) < MOST


def test_arrow():
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    struct = pa.struct([(name, pa.int8()) for name in FIELDS])
    record = pa.array([{}], struct)
    union = pa.UnionArray.from_sparse(pa.array([0] * 1_000_000, pa.int8()), [pa.array(range(1_000_000))])
    columns = [
        record,
        pa.array([[]], pa.list_(struct)),
        pa.array([[]], pa.map_(pa.string(), struct)),
        pa.array([{}], pa.struct([("inside", struct)])),
        pa.array(FIELDS).dictionary_encode(),
        pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), record),
        pa.chunked_array([pa.array([[]], pa.list_(struct))] * 60),
        pa.chunked_array([[number] for number in range(20_000)]),
        pa.chunked_array([union[1:]] * 60),
    ]
    for column in columns:
        rows = len(column)
        assert least_seconds(column) < MOST
        assert least_seconds(pa.table({"first": range(rows), "second": column})) < MOST
        assert least_seconds(pa.table({f"column{number}": column for number in range(30)})) < MOST
    assert least_seconds(pa.RecordBatch.from_arrays([record] * 30, FIELDS[:30])) < MOST
    assert least_seconds(pa.table({name: [1] for name in FIELDS})) < MOST


def test_numpy():
    structured = np.zeros(3, [(name, "i1") for name in FIELDS])
    twin = np.zeros(3, [(name, "i1") for name in FIELDS])
    for value in (structured, structured.view(np.recarray), [structured, twin], (structured, 1)):
        assert least_seconds(value, 1) < MOST
        assert least_seconds(value) < MOST


class Pair(typing.NamedTuple):
    first: object
    second: object


def test_records():
    many = dataclasses.make_dataclass("Many", [(name, int, 1) for name in FIELDS[:5_000]])
    nested = 1
    for _ in range(100_000):
        nested = Pair(nested, 1)
    try:
        for value in (many(), nested, Pair(np.zeros(1, [(name, "i1") for name in FIELDS]), 1)):
            assert least_seconds(value) < MOST
    finally:
        while type(nested) is Pair:  # or its end would be a recursion as deep
            nested = nested.first


def test_a_class_of_very_many_classes():
    kind = object
    for _ in range(500):
        kind = type("Kind", (kind,), {})
    assert min(least_seconds(type("Kind", (kind,), {})(), 1) for _ in range(10)) < 5 * MOST


@pytest.mark.parametrize(
    "value",
    [
        "\ud800" * 16_384,
        "\ud83d\ude00" * 9_000,
        b"\xff" * 20_000,
        [["\ud800" * 1_000] * 8] * 128,
        [[1] * 128] * 128,
        [["a"] * 128] * 128,
        [[[]] * 128] * 128,
        [[int] * 128] * 128,
        [[object()] * 128] * 128,
        [{number: number for number in range(128)}] * 128,
        [[np.zeros(3)] * 128] * 128,
        [[np.float32(1)] * 128] * 128,
    ],
    ids=[
        *["surrogates", "pairs of surrogates", "octets", "texts of surrogates", "numbers", "texts", "lists", "classes"],
        *["objects", "mappings", "arrays", "scalars"],
    ],
)
def test_values_themselves(value):
    assert least_seconds(value, plan=VALUES) < MOST


RANDOM = np.random.default_rng(1).bytes(2_000_000)
WITH_NAN = np.full(65_536, np.nan, np.float32)
WITH_NAN[::2] = 1
CALLS = {
    "arrays": ("values", [np.zeros(3)] * 256),
    "octets": ("values", RANDOM),
    "lists": ("values", [[[1] * 128] * 128] * 128),
    "empty lists": ("values", [[[]] * 128] * 128),
    "mappings": ("values", [{number: number for number in range(128)}] * 128),
    "surrogates": ("values", "\ud800" * 16_384),
    "surrogates and question marks": ("values", "\ud800?" * 9_000),
    "texts of surrogates": ("values", ["\ud800" * 1_000] * 128),
    "texts": ("values", ["\u00f1" * 200] * 128),
    "integers": ("values", [1 << 2_000] * 128),
    "answers": ("function", {str(number): "\ud800" * 16_384 for number in range(99)}),
    "half floats": ("stats", np.zeros(8_192, np.float16)),
    "single floats": ("stats", np.zeros(65_536, np.float32)),
    "NaN": ("stats", WITH_NAN),
}
PLANS = {
    "summary": Choice("summary"),
    "values": Choice("values"),
    "stats": Choice("summary", stats=True),
    "function": Choice("values", None, lambda _, value: value),
}


def least_seconds_of_call(mode, value, count):
    """What it takes to describe a call with as many of these arguments that gives one back."""
    plan = make_plan(PLANS[mode], lambda *rest: None)
    found = []
    for _ in range(50):
        began = time.perf_counter()
        plan.describe((value,) * count, {})
        plan.result_attributes(value)
        found.append(time.perf_counter() - began)
    return min(found)


@pytest.mark.parametrize("count", [1, 5, 64])
@pytest.mark.parametrize("case", CALLS)
def test_all_arguments_of_a_call_and_its_result(case, count):
    assert least_seconds_of_call(*CALLS[case], count) < MOST


@pytest.mark.parametrize("count", [1, 5, 64])
def test_all_tables_of_a_call_and_its_result(count):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame = pd.DataFrame({f"column{number}": [1.0] for number in range(300)})
    table = pa.table({f"column{number}": [1.0] for number in range(60)})
    record = dataclasses.make_dataclass("Record", [(name, object) for name in FIELDS[:16]])
    for value in (frame, table, record(*[frame] * 16), record(*[table] * 16)):
        assert least_seconds_of_call("summary", value, count) < MOST


def test_a_value_after_one_that_took_all_is_told_by_type_and_shape():
    told = make_plan(Choice("values"), lambda *rest: None).describe(([["a"] * 128] * 128, "a", np.zeros((3, 2))), {})
    assert "more" in told["ia.argument.rest.0.value"]
    assert told["ia.argument.rest.1.length"] == 1
    assert told["ia.argument.rest.2.shape"] == "(3, 2)"
