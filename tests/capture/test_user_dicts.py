"""`collections.UserDict` and what is made from it, as tokenizers give their batches, are told as dicts are."""

import collections

import numpy as np
import pytest
from capture.telling import told_of

from otel_ia.training.batches import sample_count

ARRAYS = {"input_ids": np.zeros((4, 7)), "attention_mask": np.ones((4, 7))}


def refuse(*_args, **_kwargs):
    raise RuntimeError("code of the user's ran")


class Refusing(collections.UserDict):
    __len__ = __iter__ = __getitem__ = __contains__ = __repr__ = __getattr__ = values = items = keys = refuse


@pytest.mark.parametrize("kind", [collections.UserDict, Refusing])
def test_as_a_dict_without_running_code_of_it(telemetry, kind):
    value = kind.__new__(kind)
    vars(value)["data"] = ARRAYS
    parts, batch = told_of(telemetry, value)
    assert parts["length"] == 2
    assert parts["type"].endswith(f".{kind.__name__}")
    assert batch == 4
    assert sample_count(value) == 4


def test_one_without_its_dict_goes_by_its_type(telemetry):
    value = Refusing.__new__(Refusing)
    for data in (None, 1, [1]):
        vars(value)["data"] = data
        parts, batch = told_of(telemetry, value)
        assert list(parts) == ["type"]
        assert batch is None


def test_its_values_are_those_of_the_dict(telemetry):
    value = Refusing.__new__(Refusing)
    vars(value)["data"] = {"a": 1}
    assert told_of(telemetry, value, capture="values")[0] == {"value": "{'a': 1}"}


def test_a_batch_of_a_tokenizer(telemetry):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    value = transformers.BatchEncoding(ARRAYS)
    parts, batch = told_of(telemetry, value)
    assert parts["length"] == 2
    assert batch == sample_count(value) == 4
