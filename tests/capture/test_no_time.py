"""What capturing takes never exceeds a millisecond, however much there is in a frame, column or table."""

import dataclasses
import typing

import numpy as np
import pytest
from capture.telling import VALUES, least_seconds

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
