"""The end of a shipper: in time whatever the collectors do, with every answer acknowledged and every loss told."""

import itertools
import logging
import re
import socket
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager

import pytest

from otel_ia.delivery.shipping.shipper import stop_all
from otel_ia.delivery.shipping.telling import Teller

from .collectors import HANG, Reply, collecting, collecting_grpc, seconds
from .scripts import deliver_the_rest, run
from .shipping import append_spans, segments, shipping, wait_until

PROTOCOLS = ("http/protobuf", "grpc")
CLOSING = 0.25
LOAD = 0.2  # what a busy machine may add


@contextmanager
def hanging(protocol):
    """A collector that takes a request and never answers."""
    if protocol == "http/protobuf":
        with collecting(lambda _: HANG) as collector:
            yield collector.endpoint
        return
    is_over = threading.Event()

    def respond(_request, _call):
        is_over.wait()
        return b""

    with collecting_grpc(respond) as collector:
        try:
            yield collector.endpoint
        finally:
            is_over.set()


@contextmanager
def unreachable():
    """An endpoint that neither takes nor refuses a connection."""
    with socket.socket() as listening, ExitStack() as waiting:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(3):
            queued = waiting.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


SEVERAL = """
from contextlib import ExitStack
from delivery.collectors import seconds
from otel_ia.delivery.shipping.shipper import stop_all
with ExitStack() as opened:
    shippers = []
    for signal in ("traces", "logs", "metrics"):
        options = {"signals": (signal,), "protocol": sys.argv[3], "is_started": bool(sys.argv[4])}
        spool, shipper = opened.enter_context(shipping(directory / signal, endpoint, **options))
        append_all(spool, "a")
        shippers.append(shipper)
    if sys.argv[4]:
        wait_until(lambda: all(shipper.counters.requests for shipper in shippers))
    took = seconds(lambda: stop_all(shippers, 0.5))
    assert 0.5 <= took < float(sys.argv[5]), took
"""


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("is_met_before", ["met before", ""])
@pytest.mark.parametrize("fault", ["hanging", "unreachable"])
def test_several_signals_that_hang_share_one_deadline(tmp_path, protocol, is_met_before, fault):
    with hanging(protocol) if fault == "hanging" else unreachable() as endpoint:
        run(SEVERAL, tmp_path, endpoint, protocol, is_met_before, str(0.5 + CLOSING + LOAD))


HELD = """
import ctypes
with shipping(directory, endpoint, protocol=sys.argv[3]) as (spool, shipper):
    append_spans(spool, "answered")
    while not Path(directory, "asked").exists():
        time.sleep(0.001)
    sys.setswitchinterval(100)
    Path(directory, "held").touch()
    ctypes.PyDLL(None).usleep(500_000)  # with the interpreter's lock: no other thread runs meanwhile
    assert shipper.stop(0)
"""


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_answer_that_came_before_the_deadline_is_acknowledged_however_late_it_is_seen(tmp_path, protocol):
    def answer(*_):
        (tmp_path / "asked").touch()
        wait_until((tmp_path / "held").exists)
        time.sleep(0.1)
        return Reply() if protocol != "grpc" else b""

    with collecting(answer) if protocol != "grpc" else collecting_grpc(answer) as collector:
        run(HELD, tmp_path, collector.endpoint, protocol)
    assert collector.spans == ["answered"]
    assert segments(tmp_path) == []


@pytest.mark.parametrize("timeout", [0.8, 1.0, 1.2])
def test_a_deadline_in_the_middle_of_a_backlog_brings_nothing_twice(tmp_path, timeout):
    ends = []
    too_late = []

    def respond(request):
        time.sleep(0.05)
        if ends and ends[0] < time.monotonic():
            too_late.extend(request.spans)
        return Reply()

    with collecting(respond) as collector:
        with shipping(tmp_path, collector.endpoint, is_started=False) as (spool, shipper):
            sent = append_spans(spool, *(str(number).rjust(2000) for number in range(12_000)))
            ends.append(time.monotonic() + timeout)
            took = seconds(lambda: shipper.stop(timeout))
            ends.clear()
            left = list(too_late)
            assert 0.8 * timeout < took < timeout + CLOSING + LOAD
        deliver_the_rest(tmp_path, collector.endpoint, lambda: len(set(collector.spans)) >= len(sent))
    assert set(collector.spans) == set(sent)
    twice = [name for name, count in Counter(collector.spans).items() if count > 1]
    assert set(twice) <= set(left), "only what this busy machine had not answered by the deadline"


def test_what_was_accepted_of_a_batch_that_is_cut_off_does_not_come_twice(tmp_path):
    answers = itertools.chain([Reply(413), Reply(413), Reply(), Reply()], itertools.repeat(HANG))

    def respond(request):
        return next(answers) if request.body and not is_back.is_set() else Reply()

    is_back = threading.Event()
    with collecting(respond) as collector:
        with shipping(tmp_path, collector.endpoint, is_started=False) as (spool, shipper):
            names = append_spans(spool, *map(str, range(100)))
            assert not shipper.stop(0.5)
        assert collector.spans == names[:50]
        is_back.set()
        deliver_the_rest(tmp_path, collector.endpoint, lambda: len(collector.spans) >= 100)
    assert collector.spans == names


def test_an_earlier_process_holds_up_no_end_when_the_collector_is_known_to_hang(tmp_path):
    with hanging("http/protobuf") as endpoint:
        with shipping(tmp_path, endpoint, is_started=False) as (spool, _):
            append_spans(spool, "left")
        with shipping(tmp_path, endpoint, timeout=1.5) as (_, shipper):
            wait_until(lambda: shipper.counters.retried > 0)
            wait_until(lambda: shipper.counters.requests > 1)
            assert seconds(lambda: shipper.stop(5)) < 1


def losses_in(caplog, reason):
    """How many losses for this reason each warning tells."""
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    return [int(count) for line in lines for count in re.findall(rf"(\d+) dropped \({reason}\)", line)]


def test_the_end_tells_once_what_was_lost_since_the_last_warning(tmp_path, caplog):
    with collecting() as collector, shipping(tmp_path, collector.endpoint) as (spool, shipper):
        spool.counters.drop("memory", 3)
        append_spans(spool, "a")
        wait_until(lambda: losses_in(caplog, "memory") == [3])
        spool.counters.drop("memory", 4)
        append_spans(spool, "b")
        assert shipper.flush(5)
        spool.counters.drop("memory", 5)
        assert losses_in(caplog, "memory") == [3]
        shipper.stop()
        assert losses_in(caplog, "memory") == [3, 9]
        shipper.stop()
    assert losses_in(caplog, "memory") == [3, 9]


def test_the_end_of_several_shippers_is_told_in_one_line(tmp_path, caplog):
    with collecting() as collector, ExitStack() as opened:
        teller = Teller()
        shippers = []
        for name in "abc":
            spool, shipper = opened.enter_context(shipping(tmp_path / name, collector.endpoint, teller=teller))
            shippers.append(shipper)
            spool.counters.drop("size", 10)
            append_spans(spool, name)
            assert shipper.flush(5)
            spool.counters.drop("size", 1)
        assert len(caplog.records) == 1
        stop_all(shippers)
        first, last = losses_in(caplog, "size")
        assert len(caplog.records) == 2
        assert first + last == 33


def test_a_trouble_that_was_told_is_not_told_again_at_the_end(tmp_path, caplog):
    with (
        collecting(lambda _: Reply(503)) as collector,
        shipping(tmp_path, collector.endpoint) as (spool, shipper),
    ):
        append_spans(spool, "a")
        wait_until(lambda: shipper.counters.retried > 0)
        spool.counters.drop("memory", 2)
        shipper.stop()
    first, last = (record.getMessage() for record in caplog.records)
    assert "not delivered since" in first
    assert last == "2 dropped (memory)"


def test_however_many_reasons_a_server_gives_the_line_is_short(caplog):
    teller = Teller()
    for number in range(1000):
        teller.loss(f"rejected by the server: {number}", 1)
    teller.tell_rest()
    first, last = (record.getMessage() for record in caplog.records)
    assert len(first) + len(last) < 600
    assert sum(int(part.split()[0]) for line in (first, last) for part in line.split("; ")) == 1000
