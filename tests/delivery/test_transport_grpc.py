"""One request over gRPC: what each status, or none, is taken for."""

import subprocess
import sys
import threading

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse

from otel_ia.delivery.shipping.answers import accepted
from otel_ia.delivery.shipping.transport import make_transport

from .collectors import closed_port, collecting_grpc, destination, seconds

SIGNALS = ("traces", "logs", "metrics")


@pytest.fixture
def sending():
    """Makes transports, closed at the end."""
    made = []

    def make(endpoint, signal="traces", **changes):
        transport = make_transport(signal, destination(endpoint, protocol="grpc", **changes))
        made.append(transport)
        return transport

    yield make
    for transport in made:
        transport.close()


def aborting(code, details="", trailing=()):
    def respond(_request, call):
        call.set_trailing_metadata(trailing)
        call.abort(code, details)

    return respond


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_body_and_headers_arrive_at_the_service_of_the_signal(sending, signal, compression):
    with collecting_grpc() as collector:
        transport = sending(collector.endpoint, signal, headers={"X-Tenant": "a"}, compression=compression)
        assert transport.send(b"\x00" * 10_000, 5) == accepted()
        assert transport.send(b"", 5) == accepted()
    assert [(request.path, request.body) for request in collector.taken] == [(signal, b"\x00" * 10_000), (signal, b"")]
    assert collector.taken[0].headers["x-tenant"] == "a"
    assert collector.taken[0].headers["user-agent"].startswith("otel_ia")


def test_an_address_without_a_scheme_is_taken_as_it_is(sending):
    with collecting_grpc() as collector:
        address = collector.endpoint.removeprefix("http://")
        assert sending(address, insecure=True).send(b"", 5) == accepted()


def test_partial_success_is_counted_with_the_words_of_the_server(sending):
    response = ExportLogsServiceResponse(
        partial_success=ExportLogsPartialSuccess(rejected_log_records=2, error_message="too long")
    )
    with collecting_grpc(lambda *_: response.SerializeToString()) as collector:
        assert sending(collector.endpoint, "logs").send(b"", 5) == accepted(2, "too long")


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("INVALID_ARGUMENT", "refused"),
        ("UNAUTHENTICATED", "blocked"),
        ("PERMISSION_DENIED", "blocked"),
        ("UNIMPLEMENTED", "blocked"),
        ("NOT_FOUND", "blocked"),
        ("UNAVAILABLE", "retry"),
        ("DEADLINE_EXCEEDED", "retry"),
        ("RESOURCE_EXHAUSTED", "retry"),
        ("CANCELLED", "retry"),
        ("ABORTED", "retry"),
        ("OUT_OF_RANGE", "retry"),
        ("DATA_LOSS", "retry"),
        ("INTERNAL", "retry"),
        ("UNKNOWN", "retry"),
    ],
)
def test_each_status_has_its_meaning(sending, code, outcome):
    respond = aborting(grpc.StatusCode[code], "token s3cret")
    with collecting_grpc(respond) as collector:
        answer = sending(collector.endpoint, headers={"authorization": "Bearer s3cret"}).send(b"", 5)
    assert answer.outcome == outcome
    assert code in answer.reason
    assert "s3cret" not in answer.reason
    assert outcome != "blocked" or "OTEL_EXPORTER_OTLP_" in answer.reason


def test_the_delay_of_a_retry_info_is_honoured(sending):
    info = RetryInfo(retry_delay=Duration(seconds=7, nanos=500_000_000))
    packed = Any()
    packed.Pack(info)
    status = Status(code=8, message="slow down", details=[packed])
    trailing = (("grpc-status-details-bin", status.SerializeToString()),)
    with collecting_grpc(aborting(grpc.StatusCode.RESOURCE_EXHAUSTED, "slow down", trailing)) as collector:
        answer = sending(collector.endpoint).send(b"", 5)
    assert (answer.outcome, answer.retry_after) == ("retry", 7.5)


def test_a_message_that_is_too_large_is_refused_so_that_its_halves_are_tried(sending):
    with collecting_grpc() as collector:
        assert sending(collector.endpoint).send(bytes(5 << 20), 5).outcome == "refused"


def test_nobody_there_and_a_later_start_are_a_matter_of_time(sending):
    port = closed_port()
    transport = sending(f"http://localhost:{port}")
    assert transport.send(b"", 5).outcome == "retry"
    assert transport.send(b"", 5).outcome == "retry"
    with collecting_grpc(port=port):
        assert transport.send(b"", 5) == accepted()
    assert transport.send(b"", 5).outcome == "retry"
    with collecting_grpc(port=port):
        assert transport.send(b"", 5) == accepted()


def test_a_signal_that_is_silent_does_not_delay_the_return_of_another(sending):
    port = closed_port()
    busy, silent = sending(f"http://localhost:{port}"), sending(f"http://localhost:{port}", "logs")
    with collecting_grpc(port=port):
        assert busy.send(b"", 5) == silent.send(b"", 5) == accepted()
    for _ in range(3):
        assert busy.send(b"", 5).outcome == "retry"
    with collecting_grpc(port=port):
        assert busy.send(b"", 5) == accepted()


def test_a_hanging_server_is_waited_for_no_longer_than_allowed(sending):
    closing = threading.Event()
    with collecting_grpc(lambda *_: b"x"[closing.wait(10) :]) as collector:
        transport = sending(collector.endpoint)
        answers = []
        took = seconds(lambda: answers.append(transport.send(b"", 0.2)))
        closing.set()
    assert 0.15 < took < 2
    assert answers[-1].outcome == "retry"
    assert "DEADLINE_EXCEEDED" in answers[-1].reason


def test_closing_ends_a_request_that_waits(sending):
    closing = threading.Event()
    with collecting_grpc(lambda *_: b"x"[closing.wait(10) :]) as collector:
        transport = sending(collector.endpoint)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(transport.send(b"", 10)))
        thread.start()
        collector.wait_for(lambda: len(collector.requests) == 1)
        assert seconds(transport.close) < 1
        thread.join(2)
        assert not thread.is_alive()
        closing.set()
    assert answers[-1].outcome == "retry"
    assert transport.send(b"", 5).outcome == "retry"


def test_a_header_that_cannot_be_sent_is_not_shown(sending):
    with collecting_grpc() as collector:
        answer = sending(collector.endpoint, headers={"bad name": "s3cret"}).send(b"", 5)
    assert answer.outcome == "blocked"
    assert "s3cret" not in answer.reason


def test_grpc_is_loaded_only_when_it_is_asked_for():
    script = """
import sys
from types import SimpleNamespace
import otel_ia.delivery.shipping.shipper
from otel_ia.delivery.shipping.transport import make_transport
make_transport("logs", SimpleNamespace(
    endpoint="http://localhost:1", protocol="http/protobuf", headers={}, timeout=1, compression="none", proxy=None))
assert "grpc" not in sys.modules
assert not [name for name in sys.modules if name.startswith("google.protobuf")]
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
