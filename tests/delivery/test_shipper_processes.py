"""Processes that fork, are killed or come after one that was: nothing is lost, and at most one batch comes twice."""

import threading
import time
from collections import Counter
from contextlib import ExitStack

import pytest

from otel_ia.delivery.shipping.pace import Pace
from otel_ia.delivery.spooling import recovery

from .collectors import Reply, closed_port, collecting, collecting_grpc
from .scripts import deliver_the_rest, run
from .shipping import append_spans, segments, shipping, spooling


def test_a_process_that_ends_delivers_what_it_has(tmp_path):
    with collecting() as collector:
        errors = run(
            """
with shipping(directory, endpoint, is_started=False) as (spool, shipper):
    append_spans(spool, *map(str, range(3000)))
    assert shipper.stop()
""",
            tmp_path,
            collector.endpoint,
        )
        assert collector.spans == [str(number) for number in range(3000)]
    assert errors == ""
    assert segments(tmp_path) == []


@pytest.mark.parametrize("is_started", [True, False])
def test_a_process_that_stops_while_the_interpreter_exits_delivers_too(tmp_path, is_started):
    with collecting() as collector:
        errors = run(
            f"""
import atexit
manager = shipping(directory, endpoint, is_started={is_started})
spool, shipper = manager.__enter__()
atexit.register(manager.__exit__, None, None, None)
atexit.register(lambda: (append_spans(spool, "last"), shipper.stop()))
append_spans(spool, "first")
""",
            tmp_path,
            collector.endpoint,
        )
        assert collector.spans == ["first", "last"]
    assert errors == ""


def test_a_killed_process_leaves_its_spans_to_the_next(tmp_path):
    names = [str(number) for number in range(1000)]
    run(
        """
with shipping(directory, endpoint) as (spool, shipper):
    append_spans(spool, *map(str, range(1000)))
    spool.append(START, span("held open", is_open=True, number=7))
    spool.append(START, span("1001", is_open=True, number=8))
    spool.append(SPAN, span("1001", number=8))
    os.kill(os.getpid(), signal.SIGKILL)
""",
        tmp_path,
        f"http://localhost:{closed_port()}",
        code=-9,
    )
    with collecting() as collector:
        deliver_the_rest(tmp_path, collector.endpoint, lambda: len(collector.spans) == 1002)
        assert sorted(collector.spans) == sorted([*names, "1001", "held open"])
        spans = [span for request in collector.taken for span in decoded(request)]
    (abandoned,) = [span for span in spans if span.name == "held open"]
    assert {pair.key: pair.value.string_value for pair in abandoned.attributes} == {"ia.outcome": "abandoned"}
    assert abandoned.status.code == 2
    assert abandoned.end_time_unix_nano >= abandoned.start_time_unix_nano > 0


def test_what_is_adopted_keeps_the_identity_of_who_recorded_it(tmp_path):
    run(
        """
other = encode_resource(Resource({"service.name": "dead"}))
with shipping(directory, endpoint, spool_options={"identity": lambda: other}) as (spool, shipper):
    append_spans(spool, "before")
    os._exit(0)
""",
        tmp_path,
        f"http://localhost:{closed_port()}",
    )
    with collecting() as collector, shipping(tmp_path, collector.endpoint) as (spool, _):
        append_spans(spool, "live")
        collector.wait_for(lambda: len(collector.spans) == 2)
        assert {name: service for request in collector.taken for service, name in services(request)} == {
            "before": "dead",
            "live": "tested",
        }


def test_death_between_the_answer_and_its_acknowledgement_brings_one_batch_twice(tmp_path):
    with collecting() as collector:
        run(
            """
class Killing:
    def __init__(self, transport):
        self.transport, self.address, self.close = transport, transport.address, transport.close
        self.is_answered = False
        self.requests = 0
    def send(self, body, timeout):
        answer = self.transport.send(body, timeout)
        self.requests += 1
        if self.requests == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

with spooling(directory) as spool:
    append_spans(spool, *map(str, range(10_000)))
    shipper = Shipper(spool, {"traces": Killing(make_transport("traces", destination(endpoint + "/v1/traces")))})
    shipper.flush(60)
""",
            tmp_path,
            collector.endpoint,
            code=-9,
        )
        assert len(collector.taken) == 3
        twice = set(collector.taken[-1].spans)
        deliver_the_rest(tmp_path, collector.endpoint, lambda: len(set(collector.spans)) == 10_000)
        counts = Counter(collector.spans)
    assert {name for name, count in counts.items() if count == 2} == twice
    assert max(counts.values()) == 2


def test_a_child_forked_with_a_live_connection_has_its_own_and_sends_nothing_of_its_parents(tmp_path):
    with collecting() as collector:
        run(
            """
with shipping(directory, endpoint, pace=Pace(linger=0.2)) as (spool, shipper):
    append_spans(spool, "connected")
    assert shipper.flush(10)
    for round in range(20):
        append_spans(spool, f"before {round}")
        child = os.fork()
        if not child:
            assert not shipper.is_running
            assert shipper.counters.requests == 0
            append_spans(spool, f"child {round}")
            assert shipper.start()
            assert shipper.flush(10)
            assert shipper.counters.delivered["traces"] == 1
            os._exit(0)
        append_spans(spool, f"after {round}")
        assert os.waitpid(child, 0)[1] == 0
    assert shipper.flush(10)
""",
            tmp_path,
            collector.endpoint,
        )
        expected = [f"{when} {number}" for when in ("before", "child", "after") for number in range(20)]
        assert sorted(collector.spans) == sorted(["connected", *expected])
        of_children = {
            request.connection for request in collector.taken if any("child" in name for name in request.spans)
        }
        of_parent = {request.connection for request in collector.taken if "connected" in request.spans}
    assert len(of_children) == 20
    assert not of_children & of_parent


def test_forking_while_a_request_is_under_way_hangs_no_child(tmp_path):
    with collecting() as collector:
        run(
            """
with shipping(directory, endpoint) as (spool, shipper):
    stop = threading.Event()
    sent = []
    def load():
        while not stop.is_set():
            sent.append(f"parent {len(sent)}")
            append_spans(spool, sent[-1])
    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    for round in range(50):
        child = os.fork()
        if not child:
            append_spans(spool, f"child {round}")
            if round % 2:
                done = shipper.stop(10)
                spool.close()
                os._exit(0 if done else 1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    stop.set()
    thread.join()
    assert shipper.flush(20)
    Path(directory, "sent").write_text("\\n".join(sent))
""",
            tmp_path,
            collector.endpoint,
        )
        sent = (tmp_path / "sent").read_text().splitlines()
        deliver_the_rest(tmp_path, collector.endpoint, lambda: len(collector.spans) >= len(sent) + 50)
    assert sorted(collector.spans) == sorted([*sent, *(f"child {number}" for number in range(50))])


def test_a_child_of_a_process_that_uses_grpc_warns_and_makes_its_own_channel(tmp_path):
    with collecting_grpc() as collector:
        errors = run(
            """
import logging
logging.basicConfig(format="%(message)s")
with shipping(directory, endpoint, protocol="grpc") as (spool, shipper):
    append_spans(spool, "parent")
    assert shipper.flush(10)
    child = os.fork()
    if not child:
        append_spans(spool, "child")
        shipper.flush(3)
        append_spans(spool, "child again")
        shipper.flush(3)
        os._exit(0)
    end = time.monotonic() + 20
    while os.waitpid(child, os.WNOHANG) == (0, 0) and time.monotonic() < end:
        time.sleep(0.01)
    assert time.monotonic() < end
    append_spans(spool, "parent again")
    assert shipper.flush(10)
""",
            tmp_path,
            collector.endpoint,
        )
        assert {"parent", "parent again"} <= set(collector.spans)
    assert errors.count("OTEL_EXPORTER_OTLP_PROTOCOL") == 1


def test_a_living_sibling_takes_what_a_dead_one_left(tmp_path):
    with collecting() as collector, shipping(tmp_path, collector.endpoint) as (spool, shipper):
        append_spans(spool, "alive")
        assert shipper.flush(10)
        run(
            """
with spooling(directory) as spool:
    append_spans(spool, "left behind")
    os._exit(0)
""",
            tmp_path,
            collector.endpoint,
        )
        collector.wait_for(lambda: sorted(collector.spans) == ["alive", "left behind"])


def test_what_dead_processes_dropped_is_counted_and_not_sent(tmp_path):
    run(
        """
with spooling(directory) as spool:
    append_spans(spool, "kept")
    spool.counters.drop("memory", 7)
    spool.prepare()
    os._exit(0)
""",
        tmp_path,
        "http://localhost:1",
    )
    with collecting() as collector, shipping(tmp_path, collector.endpoint) as (spool, _):
        collector.wait_for(lambda: collector.spans == ["kept"])
        assert spool.counters.dropped_earlier == {"memory": 7}


def test_an_adopted_batch_that_fails_is_tried_again_from_where_it_stood(tmp_path):
    run(
        """
with spooling(directory) as spool:
    append_spans(spool, *map(str, range(5000)))
    os._exit(0)
""",
        tmp_path,
        "http://localhost:1",
    )
    answers = iter([200, 503, 503, 200, 503])
    with collecting(lambda _: Reply(next(answers, 200))) as collector:
        deliver_the_rest(tmp_path, collector.endpoint, lambda: len(collector.spans) >= 5000)
        assert collector.spans == [str(number) for number in range(5000)]


def test_stopping_waits_for_the_answer_under_way_so_that_nothing_comes_twice(tmp_path):
    run(
        """
with spooling(directory) as spool:
    append_spans(spool, "adopted")
    os._exit(0)
""",
        tmp_path,
        "http://localhost:1",
    )
    is_asked, may_answer = threading.Event(), threading.Event()

    def respond(_):
        is_asked.set()
        return Reply(200 if may_answer.wait(10) else 500)

    with collecting(respond) as collector:
        with shipping(tmp_path, collector.endpoint) as (_, shipper):
            assert is_asked.wait(10)
            threading.Timer(0.2, may_answer.set).start()
            assert shipper.stop(5)
        assert segments(tmp_path) == []
        assert collector.spans == ["adopted"]


def decoded(request):
    """The spans of a request."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    message = ExportTraceServiceRequest.FromString(request.body)
    return [span for process in message.resource_spans for scope in process.scope_spans for span in scope.spans]


def services(request):
    """Service and name of each span of a request."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    for process in ExportTraceServiceRequest.FromString(request.body).resource_spans:
        for scope in process.scope_spans:
            for span in scope.spans:
                yield process.resource.attributes[0].value.string_value, span.name


def test_several_shippers_that_look_at_once_all_find_what_is_theirs_soon(tmp_path, monkeypatch):
    adopt_all = recovery._adopt_all

    def adopt_slowly(*arguments):
        time.sleep(0.02)
        return adopt_all(*arguments)

    monkeypatch.setattr(recovery, "_adopt_all", adopt_slowly)
    for number in range(8):
        with spooling(tmp_path, fingerprint=b"%d" % number) as spool:
            append_spans(spool, str(number))
    with collecting() as collector, ExitStack() as opened:
        pace = Pace(linger=0.01, first_retry=0.05)  # the next look would be half a minute later
        for number in range(8):
            options = {"fingerprint": b"%d" % number}
            opened.enter_context(shipping(tmp_path, collector.endpoint, spool_options=options, pace=pace))
        collector.wait_for(lambda: len(collector.spans) == 8)
