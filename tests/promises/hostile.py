"""A program that puts every hostile value into every place that takes one, and says what did not go well.

Its argument is the endpoint. Each place is one span, or one log record, that carries the number of the try at its end.
"""

import asyncio
import collections
import datetime as dt
import decimal
import enum
import itertools
import logging
import pathlib
import re
import sys
import threading
import time
import traceback
import types
import weakref

import numpy as np
from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext, StatusCode

import otel_ia
from otel_ia import monitor


def refuse(*_, **__):
    raise RuntimeError("code of the user's ran")


METHODS = """__bool__ __bytes__ __contains__ __eq__ __float__ __format__ __getattr__ __getitem__ __hash__ __index__
    __int__ __iter__ __len__ __lt__ __ne__ __next__ __reduce_ex__ __repr__ __sizeof__ __str__ items keys values encode
    decode"""
REFUSED = dict.fromkeys(METHODS.split(), refuse)


def refusing(base, *arguments):
    return base.__new__(type("Refusing", (base,), REFUSED), *arguments)


class RefusingKind(type):
    __hash__ = __repr__ = __str__ = __eq__ = __instancecheck__ = __subclasscheck__ = refuse


class Disguised:
    __class__ = property(refuse)
    __dict__ = property(refuse)


class Endless:
    def __getattr__(self, name):
        return self

    def __iter__(self):
        return itertools.count()

    def __len__(self):
        return 2**62


class RefusingMapping(collections.abc.Mapping):
    __len__ = __iter__ = __getitem__ = refuse


class RefusingSequence(collections.abc.Sequence):
    __len__ = __getitem__ = refuse


class Tensor:
    """What pretends to be one, and must not be waited for."""

    __module__ = "torch"
    shape = dtype = device = property(refuse)
    cpu = item = tolist = numpy = __array__ = __str__ = __repr__ = refuse


class Shade(enum.Enum):
    DARK = object()


def dead_proxy():
    class Target:
        pass

    target = Target()
    return weakref.proxy(target)


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


array_of_objects = np.empty(2, dtype=object)
array_of_objects[0] = refusing(object)
circle, mapping = [], {}
circle.append(circle)
mapping["itself"] = [mapping, circle]
MANY = 200_000
VALUES = {
    "nothing": None,
    "empty text": "",
    "lone surrogate": "a\ud800b",
    "surrogates": "\udfff" * MANY,
    "controls": "\0\x1b[31m\r\n\u202e",
    "long text": "x" * 50 * MANY,
    "long text of keys": "password=" * MANY,
    "not a number": float("nan"),
    "infinity": float("-inf"),
    "over 64 bits": 1 << 64,
    "below 64 bits": -(1 << 63) - 1,
    "very many bits": 1 << MANY,
    "complex": 1j,
    "octets": b"\xff\0",
    "long octets": bytearray(10 * MANY),
    "view": memoryview(b"\xff"),
    "mixed list": [1, "a", None, 2.5, b"\xff", [1 << 70]],
    "long list": list(range(MANY)),
    "wide list": [["x" * 1000] * 100] * 100,
    "deep list": nested(100_000),
    "circle": circle,
    "circular mapping": mapping,
    "nested mapping": {"a": {"b": [1, {"c": None}]}, 1: 2, None: 3},
    "long mapping": dict.fromkeys(range(MANY), 0),
    "set": {1, "a"},
    "deque": collections.deque([1]),
    "endless iterator": itertools.count(),
    "generator": (number for number in (1, 2)),
    "range": range(1 << 60),
    "object": object(),
    "class": int,
    "function": refuse,
    "module": types,
    "ellipsis": ...,
    "date": dt.date.min,
    "decimal": decimal.Decimal("sNaN"),
    "enumeration": Shade.DARK,
    "path": pathlib.Path("/a/\udcff"),
    "pattern": re.compile("a"),
    "lock": threading.Lock(),
    "error": ValueError("inner \ud800"),
    "dead proxy": dead_proxy(),
    "refusing": refusing(object),
    "refusing text": refusing(str, "a"),
    "refusing integer": refusing(int, 7),
    "refusing float": refusing(float, 7.5),
    "refusing octets": refusing(bytes, b"a"),
    "refusing list": refusing(list),
    "refusing tuple": refusing(tuple, (1, 2)),
    "refusing mapping": refusing(dict),
    "refusing error": refusing(Exception),
    "list of refusing": [refusing(object), refusing(str, "a")],
    "mapping type": RefusingMapping(),
    "sequence type": RefusingSequence(),
    "refusing class": RefusingKind("Refusing", (), {}),
    "of refusing class": RefusingKind("Refusing", (), {})(),
    "disguised": Disguised(),
    "endless": Endless(),
    "tensor": Tensor(),
    "array": np.zeros((1000, 1000)),
    "array of objects": array_of_objects,
    "number of an array": np.float32(1.5),
}

CONTEXT = SpanContext(1, 2, is_remote=False)
telemetry = otel_ia.configure(service_name="promised", endpoint=sys.argv[1])
tracer = trace.get_tracer("another \ud800")
logger = logging.getLogger("app")
logging.raiseExceptions = False  # the user's own formatting of a refusing value fails in the user's own handlers
logging.root.addHandler(logging.NullHandler())
logging.root.setLevel("INFO")
tries = itertools.count()


def finish(span):
    span.set_attribute("try", next(tries))


def decorated_attributes(value):
    @monitor(attributes={"value": value})
    def call():
        finish(trace.get_current_span())
        return value

    assert call() is value


def argument_and_result(value):
    @monitor
    def call(given, *, named):
        finish(trace.get_current_span())
        return named

    assert call(value, named=value) is value


def captured(value):
    @monitor(capture="summary", stats=True)
    def call(given, *, named):
        finish(trace.get_current_span())
        return named

    assert call(value, named=value) is value


def captured_values(value):
    @monitor(capture="values")
    def call(given, *, named):
        finish(trace.get_current_span())
        return named

    assert call(value, named=value) is value


def captured_by_function(value):
    @monitor(capture=lambda name, given: given)
    def call(given, *rest):
        finish(trace.get_current_span())
        return given

    assert call(value, value) is value


def awaited(value):
    @monitor
    async def call(given):
        finish(trace.get_current_span())
        return given

    assert asyncio.run(call(value)) is value


def yielded(value):
    @monitor
    def items():
        finish(trace.get_current_span())
        yield value
        return value

    (item,) = items()
    assert item is value


def attribute(value):
    with monitor("attribute") as span:
        span.set_attribute("value", value)
        finish(span)


def attributes(value):
    with tracer.start_as_current_span("attributes", attributes={"value": value}) as span:
        span.set_attributes({"value": value, "another": value})
        span.set_attributes(value if type(value) is dict else {})
        finish(span)


def event_attributes(value):
    with monitor("event attributes") as span:
        span.add_event("event", value if type(value) is dict else None)
        finish(span)


def key(value):
    with monitor("key") as span:
        span.set_attribute(value, 1)
        try:
            given = {value: 1, "beside": 2}
        except (TypeError, RuntimeError):
            given = {}
        span.set_attributes(given)
        span.add_event("event", given)
        finish(span)


def event(value):
    with monitor("event") as span:
        span.add_event(value)
        span.add_event("event", {"value": value})
        finish(span)


def link(value):
    with tracer.start_as_current_span("link", links=[Link(CONTEXT, {"value": value})]) as span:
        span.add_link(CONTEXT, {"value": value})
        finish(span)


def status(value):
    with monitor("status") as span:
        span.set_status(value)
        span.set_status(StatusCode.ERROR, value)
        finish(span)


def name(value):
    with tracer.start_as_current_span(value) as span:
        finish(span)
    with monitor("name") as span:
        span.update_name(value)
        finish(span)
    if type(value) is str:
        with monitor(value) as span:
            finish(span)


def exception(value):
    class Told(Exception):
        pass

    error = Told(value)
    error.__notes__ = value
    error.__cause__ = value if type(value) is ValueError else error
    error.detail = value

    @monitor
    def call():
        finish(trace.get_current_span())
        raise error

    try:
        call()
    except Told as caught:
        assert caught is error
        assert caught.args[0] is value
    else:
        raise AssertionError("it did not come through")


def exception_group(value):
    group = ExceptionGroup("\ud800", [ValueError(value), OSError(5, value, value)])
    try:
        with monitor("group") as span:
            finish(span)
            raise group
    except ExceptionGroup as caught:
        assert caught is group


def refusing_exception(value):
    class Refusing(Exception):
        __str__ = __repr__ = __eq__ = __hash__ = __getattribute__ = refuse

    error = Refusing(value)
    try:
        with monitor("refusing exception") as span:
            finish(span)
            raise error
    except Refusing as caught:
        assert caught is error


def recorded_exception(value):
    with monitor("recorded exception") as span:
        span.record_exception(ValueError(value), {"value": value})
        finish(span)


def log(value):
    logger.info("first of %d", number := next(tries), extra={"value": value})
    logger.info("number %d has %s", number, value)
    logger.info(value)


PLACES = [
    decorated_attributes, argument_and_result, captured, captured_values, captured_by_function, awaited, yielded,
    attribute, attributes, event_attributes, key, event, link, status, name, exception, exception_group,
    refusing_exception, recorded_exception, log,
]  # fmt: skip
PATIENCE = 5

for title, value in VALUES.items():
    for place in PLACES:
        began = time.monotonic()
        try:
            place(value)
        except BaseException as error:
            print(f"{title} as {place.__name__}: {type(error).__name__}")
            traceback.print_tb(error.__traceback__, file=sys.stdout)
        if time.monotonic() - began > PATIENCE:
            print(f"{title} as {place.__name__}: {time.monotonic() - began:.1f} s")
assert trace.get_current_span() is trace.INVALID_SPAN
assert telemetry.flush(60)
stats = telemetry.stats()
print(len(VALUES), next(tries), stats.dropped, stats.refused)
