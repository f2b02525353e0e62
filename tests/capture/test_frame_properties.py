"""Frames, columns and tables of the real libraries, whatever is in them: no value of a planted list survives."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_ia.capture.choice import Choice
from otel_ia.capture.plan import make_plan

TEXT, NUMBER, REAL = "hunter2-in-a-text", 918_273_645_546, 9182.73645
SUMMARY = make_plan(Choice("summary"), lambda value, other=None: None)
SIZES = st.integers(0, 5)


def assert_nothing_survives(value: Any) -> None:
    told = SUMMARY.describe((value,), {"other": [value]})
    assert "ia.argument.value.type" in told
    assert len(told) <= 98
    for key, said in told.items():
        key.encode()
        assert type(said) in (str, int, float, bool, tuple)
    shown = repr(told)
    assert "hunter2" not in shown
    assert "918273645" not in shown
    assert "9182.7" not in shown


def columns_of(kinds: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some columns of one length, each made by one of these."""
    chosen = st.lists(st.sampled_from(sorted(kinds)), max_size=6)
    return st.tuples(SIZES, chosen).map(
        lambda pair: {f"column{number}": kinds[kind](pair[0]) for number, kind in enumerate(pair[1])}
    )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_pandas(data: st.DataObject) -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    kinds = {
        "object": lambda size: pd.Series([TEXT, NUMBER, REAL, None, b"hunter2"][:size], dtype=object),
        "string": lambda size: pd.Series([TEXT] * size, dtype="string"),
        "category": lambda size: pd.Series(pd.Categorical([TEXT] * size, categories=[TEXT, NUMBER, REAL])),
        "sparse": lambda size: pd.Series(pd.arrays.SparseArray([REAL] * size, fill_value=REAL)),
        "interval": lambda size: pd.Series(pd.arrays.IntervalArray.from_breaks([REAL + at for at in range(size + 1)])),
        "number": lambda size: pd.Series([NUMBER] * size),
    }
    columns = data.draw(columns_of(kinds))
    frame = pd.DataFrame(columns)
    assert_nothing_survives(frame)
    assert_nothing_survives(frame.set_index(frame.columns[:1].tolist()) if len(frame.columns) else frame)
    assert_nothing_survives(frame.groupby([TEXT] * len(frame)))
    for column in columns.values():
        assert_nothing_survives(column)
        assert_nothing_survives(pd.Index(column))
        assert_nothing_survives(column.array)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_polars(data: st.DataObject) -> None:
    pl = pytest.importorskip("polars", reason="polars is not installed")
    enumeration = pl.Enum([TEXT, "other", f"`{TEXT}`"])
    kinds = {
        "text": lambda size: pl.Series([TEXT] * size, dtype=pl.String),
        "enum": lambda size: pl.Series([TEXT] * size, dtype=enumeration),
        "list": lambda size: pl.Series([[TEXT]] * size, dtype=pl.List(enumeration)),
        "array": lambda size: pl.Series([[TEXT]] * size, dtype=pl.Array(enumeration, 1)),
        "struct": lambda size: pl.Series([{"a": TEXT}] * size, dtype=pl.Struct({"a": enumeration})),
        "category": lambda size: pl.Series([TEXT] * size, dtype=pl.Categorical),
        "object": lambda size: pl.Series([TEXT] * size, dtype=pl.Object),
        "fields": lambda size: pl.Series([{TEXT: 1, f"`{TEXT}`": True}] * size, dtype=fields),
        "lists": lambda size: pl.Series([[{TEXT: 1}]] * size, dtype=pl.List(fields)),
        "mask": lambda size: pl.Series([True] * size, dtype=pl.Boolean),
        "nothing": lambda size: pl.Series([None] * size),
        "number": lambda size: pl.Series([NUMBER] * size),
        "real": lambda size: pl.Series([REAL] * size, dtype=pl.Float64),
    }
    fields = pl.Struct({TEXT: pl.Int8, f"`{TEXT}`": pl.Boolean})
    columns = data.draw(columns_of(kinds))
    frame = pl.DataFrame(columns)
    assert_nothing_survives(frame)
    assert_nothing_survives(frame.lazy().filter(pl.lit(TEXT) == TEXT))
    name = data.draw(st.sampled_from([TEXT, f"`{TEXT}`", f"x`] got `{TEXT}`", f"expected `Boolean`, got `{TEXT}`"]))
    for column in columns.values():
        assert_nothing_survives(column)
        assert_nothing_survives(column.alias(name))
    assert_nothing_survives(pl.lit(TEXT))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_arrow(data: st.DataObject) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    kinds = {
        "text": lambda size: pa.array([TEXT] * size, pa.string()),
        "dictionary": lambda size: pa.array([TEXT] * size, pa.string()).dictionary_encode(),
        "list": lambda size: pa.array([[TEXT, None]] * size, pa.list_(pa.string())),
        "struct": lambda size: pa.array([{"a": REAL}] * size, pa.struct([("a", pa.float64())])),
        "map": lambda size: pa.array([[(TEXT, NUMBER)]] * size, pa.map_(pa.string(), pa.int64())),
        "chunks": lambda size: pa.chunked_array([[NUMBER] * size, []], pa.int64()),
    }
    columns = data.draw(columns_of(kinds))
    table = pa.table(columns, metadata=None)
    assert_nothing_survives(table)
    assert_nothing_survives(table.replace_schema_metadata({"note": TEXT}))
    assert_nothing_survives(table.schema)
    for column in columns.values():
        assert_nothing_survives(column)
        if len(column):
            assert_nothing_survives(column[0])
    for batch in table.to_batches():
        assert_nothing_survives(batch)
