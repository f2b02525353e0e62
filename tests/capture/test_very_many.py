"""Of very many arguments the first are told of, and what is left out is counted."""

import time

import numpy as np
import pytest

from otel_ia import monitor
from otel_ia.capture.choice import Choice
from otel_ia.capture.plan import make_plan

ARRAY = np.zeros((32, 7), np.float32)


def own_attributes(span):
    return {key: told for key, told in span.attributes.items() if key.startswith("ia.")}


def taking(parameters):
    scope = {}
    exec(f"def f({parameters}): pass", scope)
    return scope["f"]


def test_very_many_arguments_are_cut_and_counted(telemetry):
    @monitor("f", capture="summary")
    def f(*rest, **more):
        pass

    f(*[ARRAY] * 10_000, **{f"k{number}": ARRAY for number in range(1_000)})
    told = own_attributes(telemetry.span("f"))
    assert len(told) == 96
    assert told["ia.capture.omitted"] == 64 * 4 - 94 + 11_000 - 64
    assert told["ia.batch.size"] == 32


@pytest.mark.parametrize(
    ("parameters", "args", "kwargs"),
    [
        ("*rest", 70, 0),
        ("first, second, *rest", 70, 0),
        ("**more", 0, 70),
        ("first, *rest, **more", 60, 10),
        ("self, *rest", 70, 0),
        (", ".join(f"k{number}" for number in range(70)), 70, 0),
        (", ".join(f"k{number}" for number in range(70)), 0, 70),
        (", ".join(f"p{number}" for number in range(66)) + ", **more", 66, 4),
    ],
    ids=["rest", "rest-after-names", "more", "rest-and-more", "method", "positional", "by-name", "positional-and-more"],
)
def test_each_argument_beyond_the_64th_is_counted(telemetry, parameters, args, kwargs):
    f = monitor("f", capture="summary")(taking(parameters))
    f(*[1.5] * args, **{f"k{number}": 1.5 for number in range(kwargs)})
    told = own_attributes(telemetry.span("f"))
    assert told.pop("ia.capture.omitted") == 6
    assert len(told) == 64 - (parameters == "self, *rest")


def test_64_arguments_are_all_told_of(telemetry):
    f = monitor("f", capture="summary")(taking("*rest, **more"))
    f(*[1.5] * 60, a=1, b=1, c=1, d=1)
    told = own_attributes(telemetry.span("f"))
    assert len(told) == 64
    assert "ia.capture.omitted" not in told


@pytest.mark.parametrize(
    ("parameters", "chosen", "args", "kwargs", "omitted"),
    [
        ("first, *rest", ("first",), 70, 0, None),
        ("first, *rest", ("rest",), 70, 0, 6),
        ("*rest, **more", ("k0", "k9"), 60, 10, 1),
        ("*rest, **more", ("k3", "unknown", "return"), 60, 10, None),
        (", ".join(f"p{number}" for number in range(70)), ("p0", "p65", "p69"), 70, 0, 2),
        (", ".join(f"p{number}" for number in range(66)) + ", *rest", ("p65", "rest"), 80, 0, 15),
    ],
)
def test_only_those_are_counted_that_were_asked_for(telemetry, parameters, chosen, args, kwargs, omitted):
    f = monitor("f", capture=chosen)(taking(parameters))
    f(*[1.5] * args, **{f"k{number}": 1.5 for number in range(kwargs)})
    assert own_attributes(telemetry.span("f")).get("ia.capture.omitted") == omitted


def test_no_number_of_arguments_makes_counting_longer():
    plan = make_plan(Choice("summary", frozenset(["rest", "k99999"])), lambda *rest, **more: None)
    args, kwargs = (1.5,) * 100_000, {f"k{number}": 1.5 for number in range(100_000)}
    took = []
    for _ in range(20):
        began = time.perf_counter()
        told = plan.describe(args, kwargs)
        took.append(time.perf_counter() - began)
    assert told["ia.capture.omitted"] == 100_000 - 64 + 1
    assert min(took) < 1e-3
