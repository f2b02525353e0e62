"""What capturing takes never exceeds a millisecond, however much there is in a frame, column or table."""

import pytest
from capture.telling import least_seconds

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
