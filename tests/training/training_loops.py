"""What runs inside the loops of tests, stands around them, leaves them, and is seen of them."""

import contextlib
import io
import sys

import pytest

from otel_ia import monitor, training


class Broken(Exception):
    """What a loop is left by."""


@monitor
def forward():
    pass


def outcomes(seen):
    return [(span.name, span.outcome) for span in sorted(seen.spans, key=lambda span: span.start)]


def batches(count=3):
    return training.steps(range(count), every=1)


def fail(_=None):
    raise Broken


def wrapped(items):
    for item in items:
        yield item


def delegated(items):
    yield from items


def logged(items):
    for item in items:
        try:
            yield item
        finally:
            str(item)


def reraised(items):
    for item in items:
        try:
            yield item
        except BaseException:
            str(item)
            raise


def bar(items):
    tqdm = pytest.importorskip("tqdm").tqdm

    class Bar(tqdm):
        monitor_interval = 0  # no thread

    return Bar(items, file=io.StringIO())


@contextlib.contextmanager
def tracing():
    before = sys.gettrace()
    sys.settrace(lambda *_: lambda *_: None)
    try:
        yield
    finally:
        sys.settrace(before)
