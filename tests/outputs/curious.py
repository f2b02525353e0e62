"""Values and keys of every kind, for what is written about them."""

import datetime as dt
import decimal
import logging

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from opentelemetry import _logs
from opentelemetry._logs import SeverityNumber

from otel_ia import bound, monitor
from otel_ia.redaction.keys import rule_of


class Hostile:
    """Everything about it raises."""

    def __repr__(self):
        raise ValueError("no repr")

    __str__ = __len__ = __iter__ = __hash__ = __bool__ = __eq__ = __format__ = __repr__
    __getattr__ = __repr__


class Unhashable(str):
    __slots__ = ()
    __hash__ = None


def cycle():
    made = [1]
    made.append(made)
    return made


def shared(depth):
    made: list = [0]
    for _ in range(depth):
        made = [made] * 100
    return made


CURIOUS = [
    "a\nb\r\nc",
    "\u2028\u2029\x85\x0b\x0c\x1c\x00\x1b[31m",
    "\ud800 lone \udfff",
    "ümläut 🎉",
    float("nan"),
    float("inf"),
    float("-inf"),
    10**400,
    2**63,
    "x" * 10_000_000,
    Hostile(),
    Hostile,
    cycle(),
    {"a": cycle(), 3: {}, ("t",): None},
    b"\xff\x00",
    {1, 2},
    decimal.Decimal("1.5"),
    dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    None,
    True,
    Unhashable("u"),
    lambda: None,
]
values_of_any_kind = st.recursive(
    st.one_of(
        st.integers(0, len(CURIOUS) - 1).map(lambda number: CURIOUS[number]),
        st.text(st.characters(codec=None), max_size=20),
        st.integers(),
        st.floats(),
        st.binary(max_size=8),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
TAKEN = {*logging.LogRecord("", 0, "", 0, "", (), None).__dict__, "message", "asctime"}
keys = st.text(st.characters(codec=None), min_size=1, max_size=12).filter(
    lambda key: key not in TAKEN and not rule_of(key)
)
"""None names a secret, as some words would that Hypothesis finds in our code: the Collector masks their values too."""


def write_curious(logger: logging.Logger, examples: int = 100) -> int:
    """Writes what is curious in each place of a log record that takes something; how many records those are."""
    count = 0

    def log(message, *args, **more):
        nonlocal count
        count += 1
        logger.warning(message, *args, **more)

    log("extra", extra={"value": shared(8)})  # whose text would be of billions
    for value in CURIOUS:
        log(value)
        log("%s", value)
        log("extra", extra={"value": value, "a.b": value, "a_b": [value], " ": value, ".": 1, "..": 2, "a..b": 3})
        try:
            raise ValueError(value)
        except ValueError:
            log("raised", exc_info=True, stack_info=True)
        with bound({"bound": value, "trace.id": value}), monitor("block"):
            log("bound")
        _logs.get_logger("events", "1.0", attributes={"team": "vision"}).emit(
            body=value, attributes={"value": 1.5}, event_name="seen", severity_number=SeverityNumber.INFO
        )
        count += 1

    @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate])
    @given(st.dictionaries(keys, values_of_any_kind, min_size=1, max_size=3))
    def write(extra):
        log("drawn", extra=extra)

    write()
    return count
