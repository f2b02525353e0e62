"""What is said of built-in types and records: lengths, names of fields, types; never a value."""

import collections
import dataclasses
import decimal
import enum
import pathlib
import typing

import numpy as np
import pytest
from capture.telling import told_of


class Colour(enum.Enum):
    RED = "hunter2"


class Point(typing.NamedTuple):
    images: object
    label: str


@dataclasses.dataclass(slots=True)
class Slotted:
    images: object
    password: str = "hunter2"
    unset: int = dataclasses.field(init=False)


@dataclasses.dataclass
class Outer:
    inner: object
    images: object

    @property
    def danger(self):
        raise RuntimeError


IMAGES = np.zeros((32, 3), np.float32)


@pytest.mark.parametrize(
    ("value", "told", "batch"),
    [
        (None, {"type": "NoneType"}, None),
        (True, {"type": "bool"}, None),
        (12345, {"type": "int"}, None),
        (1 << 10_000, {"type": "int"}, None),
        (0.5, {"type": "float"}, None),
        ("hunter2", {"type": "str", "length": 7}, None),
        (b"hunter2", {"type": "bytes", "length": 7}, None),
        ([], {"type": "list", "length": 0}, None),
        ([1, 2, 3], {"type": "list", "length": 3}, None),
        ([np.float32(1)], {"type": "list", "length": 1}, None),
        (["hunter2", "b"], {"type": "list", "length": 2}, 2),
        ([[1, 2], [3, 4], [5, 6]], {"type": "list", "length": 3}, 3),
        ([IMAGES, np.zeros(32)], {"type": "list", "length": 2}, 32),
        ([IMAGES, np.zeros(31)], {"type": "list", "length": 2}, 2),
        ([IMAGES, IMAGES, IMAGES], {"type": "list", "length": 3}, 3),
        ((224, 224), {"type": "tuple", "length": 2}, None),
        ((IMAGES, [1] * 32), {"type": "tuple", "length": 2}, 32),
        ({"images": IMAGES}, {"type": "dict", "length": 1}, 32),
        ({"hunter2": "hunter2"}, {"type": "dict", "length": 1}, None),
        ({1, 2}, {"type": "set", "length": 2}, None),
        (collections.deque(["a"]), {"type": "collections.deque", "length": 1}, None),
        (range(1 << 40), {"type": "range", "length": 1 << 40}, None),
        (pathlib.PurePosixPath("/home/hunter2"), {"type": f"{pathlib.PurePosixPath.__module__}.PurePosixPath"}, None),
        (decimal.Decimal("1.5"), {"type": "decimal.Decimal"}, None),
        (print, {"type": "builtin_function_or_method"}, None),
        (int, {"type": "type"}, None),
        (Colour.RED, {"type": "test_libraries.Colour"}, None),
        (
            Point(IMAGES, "hunter2"),
            {"type": "test_libraries.Point", "fields": "images: numpy.ndarray float32 (32, 3), label: str"},
            32,
        ),
        (
            Slotted(IMAGES),
            {"type": "test_libraries.Slotted", "fields": "images: numpy.ndarray float32 (32, 3), password: str"},
            32,
        ),
        (
            Outer(Point(IMAGES, "hunter2"), IMAGES),
            {
                "type": "test_libraries.Outer",
                "fields": "inner: test_libraries.Point, images: numpy.ndarray float32 (32, 3)",
            },
            None,
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_built_in_types_and_records(telemetry, value, told, batch):
    told = {key: part.replace("test_libraries", __name__) if key != "length" else part for key, part in told.items()}
    assert told_of(telemetry, value) == (told, batch)
