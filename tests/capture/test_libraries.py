"""What is said of the arrays, tables and records of each library, the real ones. Never contents, and quickly."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from capture.telling import STATISTICS, least_seconds, told_of

from otel_ia import monitor, values


@pytest.mark.parametrize(
    ("array", "shape", "dtype", "size", "batch"),
    [
        (np.zeros((2000, 2000)), "(2000, 2000)", "float64", 32_000_000, 2000),
        (np.zeros((4, 3), np.float16)[::2, ::-1], "(2, 3)", "float16", 12, 2),
        (np.array(5), "()", "int64", 8, None),
        (np.zeros(0, "U5"), "(0,)", "str160", 0, 0),
        (np.array([{"secret": "hunter2"}, print]), "(2,)", "object", 16, 2),
        (np.zeros(3, ">f4"), "(3,)", "float32", 12, 3),
        (np.zeros(2, [("a", "f4"), ("password", "U9")]), "(2,)", "void320", 80, 2),
        (np.broadcast_to(np.float64(1), (1 << 20, 1 << 20)), "(1048576, 1048576)", "float64", 1 << 43, 1 << 20),
        (np.datetime64("2026-01-01") + np.arange(3), "(3,)", "datetime64[D]", 24, 3),
        (np.zeros((1,) * 32), f"({', '.join('1' * 32)})", "float64", 8, 1),
    ],
    ids=lambda value: str(getattr(value, "dtype", ""))[:12],
)
def test_numpy(telemetry, array, shape, dtype, size, batch):
    assert told_of(telemetry, array) == (
        {"type": "numpy.ndarray", "shape": shape, "dtype": dtype, "bytes": size},
        batch,
    )


def test_numpy_subclasses_and_numbers(telemetry):
    class Own(np.ndarray):
        shape = dtype = nbytes = property(lambda self: 1 / 0)

    own, _ = told_of(telemetry, np.zeros((3, 2)).view(Own))
    assert own == {"type": values.qualified_name(Own), "shape": "(3, 2)", "dtype": "float64", "bytes": 48}
    masked, batch = told_of(telemetry, np.ma.masked_array([1.0, 2.0], [True, False]))
    assert (masked["type"], masked["shape"], batch) == ("numpy.ma.MaskedArray", "(2,)", 2)
    assert told_of(telemetry, np.float32(1.5)) == ({"type": "numpy.float32"}, None)
    assert told_of(telemetry, np.str_("secret")) == ({"type": "numpy.str_", "length": 6}, None)
    assert told_of(telemetry, np.float64(1.5), capture="values") == ({"value": 1.5}, None)


def test_a_large_array_costs_no_more_than_a_small_one():
    large = np.zeros((2000, 2000))
    assert least_seconds(large) < 1e-3
    assert STATISTICS.describe((large,), {}).keys() == STATISTICS.describe((np.zeros((3, 2))[:0],), {}).keys()


def test_statistics_on_request(telemetry):
    def told(value):
        parts, _ = told_of(telemetry, value, stats=True)
        return {part: parts[part] for part in ("nan", "inf", "min", "mean", "max") if part in parts}

    hole = np.array([1.0, np.nan, 4.0, -np.inf, np.inf])
    assert told(hole) == {"nan": 1, "inf": 2, "min": 1.0, "mean": 2.5, "max": 4.0}
    assert told(np.array([np.nan])) == {"nan": 1, "inf": 0}
    assert told(np.array([[1, 2], [3, 6]], np.uint8)) == {"min": 1, "mean": 3.0, "max": 6}
    assert told(np.array([True, False])) == {"min": False, "mean": 0.5, "max": True}
    large = np.full(4, 2e38, np.float32)  # whose sum is no single float
    assert told(large)["mean"] == told(large)["max"] == pytest.approx(2e38)
    assert told(np.zeros(65_536)).keys() == {"nan", "inf", "min", "mean", "max"}
    elsewhere = np.frombuffer(memoryview(bytearray(64)), np.float64)
    none = [np.zeros(65_537), np.zeros((4, 4))[:, ::2], np.zeros(0), np.array([print]), np.zeros(3, complex)]
    none += [np.zeros(3, ">f8"), np.zeros(8_193, np.float16), np.zeros(3, np.longdouble), elsewhere, [1.0, 2.0], 5]
    assert [told(value) for value in none] == [{}] * len(none)


def test_no_statistics_of_a_file(telemetry, tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(bytes(800))
    mapped = np.memmap(path, np.float64)
    for value in (mapped, np.asarray(mapped), np.asarray(mapped)[:10]):
        parts, batch = told_of(telemetry, value, stats=True)
        assert (set(parts), batch) == ({"type", "shape", "dtype", "bytes"}, len(value))
    del value, mapped  # its file


def test_pandas(telemetry):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame({"age": [1, 2, 3], "name": ["hunter2"] * 3})
    assert told_of(telemetry, frame) == ({"type": "pandas.DataFrame", "shape": "(3, 2)", "columns": "age, name"}, 3)
    series, batch = told_of(telemetry, frame["age"])
    assert (series, batch) == ({"type": "pandas.Series", "shape": "(3,)", "dtype": "int64"}, 3)
    assert told_of(telemetry, frame["age"], stats=True)[0]["mean"] == 2.0
    assert told_of(telemetry, frame.columns)[1] == 2
    wide = pd.DataFrame(np.zeros((1, 1000)), columns=[f"c{number}" for number in range(1000)])
    assert told_of(telemetry, wide)[0]["columns"].endswith("c14, c15, … 984 more")
    pivoted = pd.DataFrame([[1.0, 2.0]], columns=pd.MultiIndex.from_tuples([("a", "hunter2"), ("b", 1)]))
    assert told_of(telemetry, pivoted)[0]["columns"] == "<tuple>, <tuple>"
    sparse = pd.Series(pd.arrays.SparseArray(["a", "b"], fill_value="hunter2"))
    assert told_of(telemetry, sparse)[0]["dtype"] == "Sparse[object]"
    assert told_of(telemetry, pd.Series(pd.Categorical(["hunter2"])))[0]["dtype"] == "category"

    class Own(pd.DataFrame):
        shape = property(lambda self: 1 / 0)

    assert told_of(telemetry, Own({"a": [1]})) == ({"type": values.qualified_name(Own)}, None)


def test_polars(telemetry):
    pl = pytest.importorskip("polars", reason="polars is not installed")
    frame = pl.DataFrame({"age": [1, 2, 3], "name": ["hunter2"] * 3})
    name = "polars.dataframe.frame.DataFrame"
    assert told_of(telemetry, frame) == ({"type": name, "shape": "(3, 2)", "columns": "age, name"}, 3)
    series = {"type": "polars.series.series.Series", "shape": "(3,)", "dtype": "str"}
    assert told_of(telemetry, frame["name"]) == (series, 3)
    assert told_of(telemetry, frame.lazy()) == ({"type": "polars.lazyframe.frame.LazyFrame"}, None)
    for dtype, told in [
        (pl.Float64, "f64"),
        (pl.Boolean, "bool"),
        (pl.Null, "null"),
        (pl.Categorical, "cat"),
        (pl.Enum(["hunter2"]), "enum"),
        (pl.List(pl.Enum(["hunter2"])), "list[enum]"),
        (pl.Struct({"hunter2": pl.Int64}), "struct[1]"),
        (pl.Array(pl.Float32, 3), "array[f32, 3]"),
        (pl.Datetime("us", "UTC"), "datetime[μs, UTC]"),
    ]:
        assert told_of(telemetry, pl.Series("`, got `hunter2`", [], dtype=dtype))[0]["dtype"] == told

    class Own(pl.Series):
        _s = property(lambda self: 1 / 0)

    assert told_of(telemetry, Own.__new__(Own)) == ({"type": values.qualified_name(Own)}, None)


def test_polars_that_ends_the_program_at_an_error_is_given_none():
    pytest.importorskip("polars", reason="polars is not installed")
    program = (
        "import polars as pl, otel_ia\n"
        "from otel_ia.testing import record\n"
        "@otel_ia.monitor('f', capture='summary')\n"
        "def f(x): return None\n"
        "with record() as seen: f(pl.Series(['a']))\n"
        "print(seen.spans[0].attributes['ia.argument.x.dtype'])\n"
    )
    environment = {**os.environ, "POLARS_PANIC_ON_ERR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    assert (done.stderr, done.stdout, done.returncode) == ("", "String\n", 0)


def test_the_columns_of_a_wide_polars_frame(telemetry):
    pl = pytest.importorskip("polars", reason="polars is not installed")
    wide = pl.DataFrame({f"c{number}": [1] for number in range(50_000)})
    assert told_of(telemetry, wide)[0]["columns"].endswith("c14, c15, … 49984 more")


def test_arrow(telemetry):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = pa.table({"age": [1, 2, 3], "name": ["hunter2"] * 3})
    parts, batch = told_of(telemetry, table)
    assert parts == {
        "type": "pyarrow.lib.Table",
        "shape": "(3, 2)",
        "columns": "age, name",
        "bytes": table.nbytes,
    }
    assert batch == 3
    assert told_of(telemetry, table.to_batches()[0])[1] == 3
    column, batch = told_of(telemetry, table["age"])
    assert (column["shape"], column["dtype"], column["bytes"], batch) == ("(3,)", "int64", 24, 3)
    assert told_of(telemetry, pa.array(["hunter2"]))[0]["dtype"] == "string"
    many = pa.chunked_array([[number] for number in range(1000)])
    assert "bytes" not in told_of(telemetry, many)[0]
    names = [f"c{number}" for number in range(20_000)]
    wide, struct = pa.table({name: [1] for name in names}), pa.array([dict.fromkeys(names, 1)])
    assert told_of(telemetry, wide)[0]["columns"].endswith("c14, c15, … 19984 more")
    assert told_of(telemetry, struct)[0]["dtype"] == "struct"
    assert told_of(telemetry, pa.array([["hunter2"]]))[0]["dtype"] == "list<string>"


def test_pillow(telemetry):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    color = {"type": "PIL.Image.Image", "shape": "(3, 4, 3)", "dtype": "RGB"}
    assert told_of(telemetry, image.new("RGB", (4, 3))) == (color, None)
    assert told_of(telemetry, image.new("L", (4, 3)))[0]["shape"] == "(3, 4)"
    assert told_of(telemetry, [image.new("L", (4, 3))] * 5) == ({"type": "list", "length": 5}, 5)


def test_scipy(telemetry):
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    parts, batch = told_of(telemetry, sparse.random(100, 50, 0.1, "csr"))
    assert parts == {"type": "scipy.sparse._csr.csr_matrix", "shape": "(100, 50)", "dtype": "float64", "bytes": 4000}
    assert batch == 100
    assert told_of(telemetry, sparse.dok_array((3, 4)))[0]["shape"] == "(3, 4)"


def test_jax(telemetry):
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    array = jax.numpy.zeros((3, 2))
    parts, batch = told_of(telemetry, array, stats=True)
    assert parts == {
        "type": values.qualified_name(type(array)),
        "shape": "(3, 2)",
        "dtype": "float32",
        "device": str(array.device),
        "bytes": 24,
    }
    assert batch == 3

    @monitor("traced", capture="summary")
    def double(x):
        return 2 * x

    assert jax.jit(double)(array).shape == (3, 2)
    assert telemetry.span("traced").attributes["ia.argument.x.shape"] == "(3, 2)"
    gone = jax.numpy.ones(3)
    gone.delete()
    assert told_of(telemetry, gone)[1] == 3


def test_tensorflow(telemetry, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    tf = _quietly_import("tensorflow")
    parts, batch = told_of(telemetry, tf.zeros((3, 2)), stats=True)
    assert (parts["shape"], parts["dtype"], parts["device"], parts["bytes"]) == ("(3, 2)", "float32", "CPU:0", 24)
    assert parts["type"].endswith("EagerTensor")
    assert batch == 3
    assert told_of(telemetry, tf.Variable(tf.zeros((3, 2))))[0]["shape"] == "(3, 2)"
    assert told_of(telemetry, tf.ragged.constant([[1], [1, 2]]))[0]["shape"] == "(2, None)"
    for unknown in (tf.constant(["hunter2"]), tf.sparse.eye(3)):
        assert "bytes" not in told_of(telemetry, unknown)[0]

    @monitor("traced", capture="summary")
    def double(x):
        return 2 * x

    anything = tf.TensorSpec(None, tf.float32)
    assert tf.function(double, input_signature=[anything], autograph=False)(tf.zeros(3)).shape == (3,)
    assert telemetry.span("traced").attributes["ia.argument.x.dtype"] == "float32"
    assert "ia.argument.x.shape" not in telemetry.span("traced").attributes


def _quietly_import(name):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"{name} is not installed")


DEBIAN = pathlib.Path("/usr/lib/python3/dist-packages")
TORCH = """
import sys, warnings
warnings.simplefilter("ignore")
from otel_ia.testing import record  # with the environment's own libraries
sys.path.insert(0, FOLDER)
import numpy, torch
sys.path.remove(FOLDER)
from otel_ia import monitor

class Own(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        raise RuntimeError("code of the user's ran")

@monitor("f", capture="summary", stats=True)
def f(x): return None

given = [torch.zeros(3, 2), torch.nn.Parameter(torch.zeros(4)), torch.zeros(()), torch.ones(5, device="meta"),
    torch.zeros(2).as_subclass(Own), torch.zeros(2, 2, dtype=torch.bfloat16), torch.zeros(3).to_sparse()]
with record() as seen:
    for value in given:
        f(value)
    f((torch.zeros(7, 2), torch.zeros(7)))
    f({"input_ids": torch.zeros(9, 2)})
    f([torch.zeros(8, 2), torch.zeros(8)])
    f([torch.zeros(3, 2, 2), torch.zeros(3, 2, 2)])
    f(torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]))
for span in seen.spans:
    told = {key[14:]: value for key, value in span.attributes.items() if key.startswith("ia.argument.x.")}
    print(told, span.attributes.get("ia.batch.size"))
"""


def test_pytorch():
    """In a process of its own: Debian's package is used where the environment has none."""
    folder = ""
    try:
        import torch  # noqa: F401
    except ImportError:
        folder = str(DEBIAN)
        if not (DEBIAN / "torch").is_dir() or sys.version_info[:2] != (3, 11):
            pytest.skip(
                "PyTorch is not installed: scripts/pytorch.py installs it, or Debian's python3-torch for Python 3.11"
            )
    program = TORCH.replace("FOLDER", repr(folder))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False, env={**os.environ}
    )
    assert (done.stderr, done.returncode) == ("", 0)
    floats = {"dtype": "float32", "device": "cpu"}
    zeros = {"nan": 0, "inf": 0, "min": 0.0, "mean": 0.0, "max": 0.0}
    own = {"type": "__main__.Own"}
    found = [eval(line) for line in done.stdout.replace("} ", "}, ").splitlines()]
    assert found[:4] == [
        ({"type": "torch.Tensor", "shape": "(3, 2)", **floats, "bytes": 24, **zeros}, 3),
        ({"type": "torch.nn.parameter.Parameter", "shape": "(4,)", **floats, "bytes": 16}, 4),
        ({"type": "torch.Tensor", "shape": "()", **floats, "bytes": 4, **zeros}, None),
        ({"type": "torch.Tensor", "shape": "(5,)", "dtype": "float32", "device": "meta", "bytes": 20}, 5),
    ]
    assert found[4] == (own, None)
    assert found[5][0]["dtype"] == "bfloat16"
    assert (found[6][0]["shape"], "bytes" in found[6][0]) == ("(3,)", False)
    assert found[7:9] == [({"type": "tuple", "length": 2}, 7), ({"type": "dict", "length": 1}, 9)]
    collated, items, nested = found[9:]
    assert collated == ({"type": "list", "length": 2}, 8)
    assert items == ({"type": "list", "length": 2}, 2)
    assert nested[0]["type"] == "torch.Tensor"


def test_pydantic(telemetry):
    pydantic = pytest.importorskip("pydantic", reason="Pydantic is not installed")

    class Request(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="allow")
        texts: list[str]
        password: pydantic.SecretStr
        k: int = 5

        @pydantic.computed_field
        @property
        def danger(self) -> int:
            raise RuntimeError

    request = Request(texts=["a"], password="hunter2", hunter2="hunter2")
    told, batch = told_of(telemetry, request)
    assert told == {
        "type": values.qualified_name(Request),
        "fields": "texts: list, password: pydantic.types.SecretStr, k: int",
    }
    assert batch is None
    told, _ = told_of(telemetry, request, capture="values")
    assert told == {"value": "{'texts': ['a'], 'password': <pydantic.types.SecretStr>, 'k': 5}"}


def test_no_library_is_imported_for_it():
    program = (
        "import sys, otel_ia\n"
        "from otel_ia.testing import record\n"
        "@otel_ia.monitor(capture='summary', stats=True)\n"
        "def f(x): return x\n"
        "before = set(sys.modules)\n"
        "with record():\n"
        "    for value in (1, 'a', [1], object(), {}, 2.5, type('ndarray', (), {'__module__': 'numpy'})()): f(value)\n"
        "found = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "assert not found & {'numpy', 'torch', 'pandas', 'polars', 'pyarrow', 'PIL', 'scipy', 'jax', 'tensorflow'}\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
