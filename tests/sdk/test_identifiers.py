"""Ids that are drawn many at a time are nobody else's."""

import os
import signal

import pytest

from otel_ia import monitor
from otel_ia.sdk.identifiers import SPAN_IDS, TRACE_IDS, Stock

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


def in_child(do) -> bytes:
    """What the function gives in a forked child."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, do())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        given = pipe.read()
    os.waitpid(child, 0)
    return given


def take(stock: Stock) -> bytes:
    try:
        return stock.take()
    except IndexError:
        return stock.refill()


@pytest.mark.parametrize(("stock", "size"), [(TRACE_IDS, 16), (SPAN_IDS, 8)])
def test_ids_have_their_size_and_differ(stock, size):
    taken = [take(stock) for _ in range(500)]
    assert {len(one) for one in taken} == {size}
    assert len(set(taken)) == 500


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_takes_none_of_its_parents(telemetry):
    def identify():
        with monitor("call") as span:
            context = span.get_span_context()
            return context.trace_id.to_bytes(16, "big") + context.span_id.to_bytes(8, "big")

    identify()
    children = [in_child(lambda: b"".join(identify() for _ in range(100))) for _ in range(2)]
    given = b"".join([*children, *(identify() for _ in range(100))])
    whole = [given[at : at + 24] for at in range(0, len(given), 24)]
    assert len({one[:16] for one in whole}) == len({one[16:] for one in whole}) == 300


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_in_the_middle_of_a_refill_shares_none():
    stock, given = Stock(8), []
    os.register_at_fork(after_in_child=stock.begin_in_child)

    def fork(*_):
        reading, writing = os.pipe()
        given.append((os.fork(), reading, writing))

    before = signal.signal(signal.SIGALRM, fork)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        while not given:
            stock.refill()
    finally:
        signal.signal(signal.SIGALRM, before)
    left = [take(stock) for _ in range(100)]
    child, reading, writing = given[0]
    if child == 0:
        os.write(writing, b"".join(left))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        theirs = pipe.read()
    os.waitpid(child, 0)
    assert len(theirs) == 100 * 8
    assert not {theirs[at : at + 8] for at in range(0, len(theirs), 8)} & {*left}
