"""No two spans have one id: not of two threads, not of parent and forked child."""

import os
import threading

import pytest

from otel_ia import monitor


def identify() -> bytes:
    """The ids of one more span."""
    with monitor("call") as span:
        context = span.get_span_context()
        return context.trace_id.to_bytes(16, "big") + context.span_id.to_bytes(8, "big")


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_takes_none_of_its_parents(telemetry):
    identify()
    children = [in_child(lambda: b"".join(identify() for _ in range(100))) for _ in range(2)]
    given = b"".join([*children, *(identify() for _ in range(100))])
    whole = [given[at : at + 24] for at in range(0, len(given), 24)]
    assert len({one[:16] for one in whole}) == len({one[16:] for one in whole}) == 300


def test_threads_and_finalizers_share_none(telemetry):
    given = []

    class Recording:
        def __del__(self):
            given.append(identify())

    def work():
        for _ in range(500):
            given.append(identify())
            Recording()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one[:16] for one in given}) == len({one[16:] for one in given}) == len(given) == 4_000
