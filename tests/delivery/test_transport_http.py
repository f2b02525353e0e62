"""One request over HTTP: what each answer, or none, is taken for."""

import base64
import os
import time
from email.utils import formatdate

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from otel_ia.delivery.shipping.answers import accepted
from otel_ia.delivery.shipping.transport import make_transport

from .collectors import DROP, HANG, PROTOBUF, Reply, closed_port, collecting, destination, seconds


@pytest.fixture
def sending():
    """Makes transports, closed at the end."""
    made = []

    def make(endpoint, **changes):
        transport = make_transport("traces", destination(endpoint, **changes))
        made.append(transport)
        return transport

    yield make
    for transport in made:
        transport.close()


def test_what_is_taken_is_accepted_on_one_connection(sending):
    with collecting() as collector:
        transport = sending(f"{collector.endpoint}/v1/traces")
        assert [transport.send(b"", 5) for _ in range(3)] == [accepted()] * 3
    assert [request.path for request in collector.requests] == ["/v1/traces"] * 3
    assert collector.connections == 1
    assert collector.requests[0].headers["content-type"] == "application/x-protobuf"
    assert collector.requests[0].headers["user-agent"].startswith("otel_ia")


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_body_and_headers_arrive_as_they_are(sending, compression):
    with collecting() as collector:
        transport = sending(f"{collector.endpoint}/some/path?key=1", headers={"X-Tenant": "a"}, compression=compression)
        assert transport.send(b"\x00" * 100_000, 5) == accepted()
    (request,) = collector.requests
    assert request.body == b"\x00" * 100_000
    assert request.path == "/some/path?key=1"
    assert request.headers["x-tenant"] == "a"
    if compression == "gzip":
        assert int(request.headers["content-length"]) < 1000


def test_a_user_in_the_url_becomes_a_header_and_is_never_shown(sending):
    with collecting() as collector:
        transport = sending(collector.endpoint.replace("://", "://me:p%40ss@"))
        assert transport.send(b"", 5) == accepted()
    login = base64.b64encode(b"me:p@ss").decode()
    assert collector.requests[0].headers["authorization"] == f"Basic {login}"
    assert "me" not in transport.address
    assert "ss" not in transport.address


def test_no_proxy_and_no_netrc_is_asked(sending, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    with collecting() as collector:
        assert sending(collector.endpoint).send(b"", 5) == accepted()
    assert "authorization" not in collector.requests[0].headers


def test_partial_success_is_counted_with_the_words_of_the_server(sending):
    response = ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=3, error_message="too old\nby an hour, token s3cret")
    )
    with collecting(lambda _: Reply(body=response.SerializeToString())) as collector:
        answer = sending(collector.endpoint, headers={"Authorization": "Bearer s3cret"}).send(b"", 5)
    assert answer == accepted(3, "too old by an hour, token ***")


@pytest.mark.parametrize("body", [b"\xff" * 20, b"\x0a\xff\x01", b"\x0a\x02\x08", os.urandom(500)])
def test_an_answer_that_is_no_protobuf_is_accepted_all_the_same(sending, body):
    with collecting(lambda _: Reply(body=body)) as collector:
        assert sending(collector.endpoint).send(b"", 5).outcome == "accepted"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (202, "accepted"),
        (400, "refused"),
        (413, "refused"),
        (422, "refused"),
        (401, "blocked"),
        (403, "blocked"),
        (404, "blocked"),
        (405, "blocked"),
        (407, "blocked"),
        (415, "blocked"),
        (301, "blocked"),
        (307, "blocked"),
        (304, "blocked"),
        (408, "retry"),
        (429, "retry"),
        (500, "retry"),
        (502, "retry"),
        (503, "retry"),
        (504, "retry"),
        (599, "retry"),
    ],
)
def test_each_status_has_its_meaning(sending, status, outcome):
    with collecting(lambda _: Reply(status)) as collector:
        answer = sending(collector.endpoint).send(b"", 5)
    assert answer.outcome == outcome
    assert outcome == "accepted" or str(status) in answer.reason


@pytest.mark.parametrize(
    ("status", "setting"), [(401, "headers"), (403, "headers"), (404, "endpoint"), (308, "endpoint")]
)
def test_what_blocks_names_the_setting_and_no_header(sending, status, setting):
    with collecting(lambda _: Reply(status, body=b"token s3cret is wrong")) as collector:
        answer = sending(collector.endpoint, headers={"Authorization": "Bearer s3cret"}).send(b"", 5)
    assert f"OTEL_EXPORTER_OTLP_{setting.upper()}" in answer.reason
    assert "s3cret" not in answer.reason


def test_a_redirect_is_told_and_not_followed(sending):
    with (
        collecting() as elsewhere,
        collecting(lambda _: Reply(307, {"Location": f"{elsewhere.endpoint}/v1/traces?token=s3cret"})) as collector,
    ):
        answer = sending(collector.endpoint).send(b"", 5)
    assert answer.outcome == "blocked"
    assert elsewhere.endpoint in answer.reason
    assert "s3cret" not in answer.reason
    assert elsewhere.requests == []


def test_retry_after_is_read_as_seconds_and_as_a_date(sending):
    values = iter(["30", formatdate(time.time() + 60, usegmt=True), "soon", "-5", formatdate(0, usegmt=True)])
    with collecting(lambda _: Reply(429, {"Retry-After": next(values)})) as collector:
        transport = sending(collector.endpoint)
        waits = [transport.send(b"", 5).retry_after for _ in range(5)]
    assert waits[0] == 30
    assert 50 < waits[1] <= 60
    assert waits[2:] == [None, 0, 0]


def test_nobody_there_is_a_matter_of_time(sending):
    answer = sending(f"http://127.0.0.1:{closed_port()}").send(b"", 5)
    assert (answer.outcome, answer.reason) == ("retry", "connection refused")


def test_an_unknown_host_is_a_matter_of_time(sending):
    answer = sending("http://collector.invalid:4318").send(b"", 5)
    assert answer.outcome == "retry"


@pytest.mark.parametrize("by", ["destination", "caller"])
def test_a_hanging_server_is_waited_for_no_longer_than_allowed(sending, by):
    with collecting(lambda _: HANG) as collector:
        transport = sending(collector.endpoint, timeout=0.2 if by == "destination" else 10.0)
        answers = []
        took = seconds(lambda: answers.append(transport.send(b"", 10 if by == "destination" else 0.2)))
    assert 0.15 < took < 2
    assert (answers[0].outcome, answers[0].reason) == ("retry", "no answer in time")


def test_no_time_at_all_is_no_error(sending):
    with collecting() as collector:
        assert sending(collector.endpoint).send(b"", 0).outcome == "retry"


def test_a_connection_that_is_accepted_and_closed_is_a_matter_of_time(sending):
    with collecting(lambda _: DROP) as collector:
        answer = sending(collector.endpoint).send(b"", 5)
    assert (answer.outcome, answer.reason) == ("retry", "the connection was closed without an answer")
    assert len(collector.requests) == 1


def test_a_kept_connection_that_went_stale_costs_no_try(sending):
    with collecting(lambda request: DROP if request.body == b"\x0a\x00" and request.connection == 1 else Reply()) as it:
        transport = sending(it.endpoint)
        assert transport.send(b"", 5) == accepted()
        assert transport.send(b"\x0a\x00", 5) == accepted()
    assert [request.connection for request in it.requests] == [1, 1, 2]


def test_a_restarted_server_is_found_again_at_once(sending):
    with collecting() as first:
        transport = sending(first.endpoint)
        assert transport.send(b"", 5) == accepted()
    with collecting(port=int(first.endpoint.rpartition(":")[2])):
        assert transport.send(b"", 5) == accepted()


def test_a_server_that_closes_after_each_answer_is_served(sending):
    with collecting(lambda _: Reply(headers={**PROTOBUF, "Connection": "close"})) as collector:
        transport = sending(collector.endpoint)
        assert [transport.send(b"", 5) for _ in range(3)] == [accepted()] * 3
    assert collector.connections == 3


def test_an_endless_answer_is_not_read_to_its_end(sending):
    with collecting(lambda _: Reply(body=bytes(1 << 22))) as collector:
        transport = sending(collector.endpoint)
        assert transport.send(b"", 5).outcome == "accepted"
        assert transport.send(b"", 5).outcome == "accepted"


def test_what_does_not_speak_http_is_a_matter_of_time(sending):
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"SSH-2.0-nothing\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        outcome = sending(f"http://127.0.0.1:{server.getsockname()[1]}").send(b"", 5).outcome
        thread.join()
    assert outcome == "retry"


def test_a_header_that_cannot_be_sent_is_not_shown(sending):
    with collecting() as collector:
        answer = sending(collector.endpoint, headers={"Authorization": "s3cret\nvalue"}).send(b"", 5)
    assert answer.outcome == "blocked"
    assert "s3cret" not in answer.reason
    assert "OTEL_EXPORTER_OTLP_HEADERS" in answer.reason


def test_closing_ends_a_request_that_waits(sending):
    import threading

    with collecting(lambda _: HANG) as collector:
        transport = sending(collector.endpoint)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(transport.send(b"", 10)))
        thread.start()
        collector.wait_for(lambda: len(collector.requests) == 1)
        assert seconds(transport.close) < 1
        thread.join(1)
        assert not thread.is_alive()
    assert answers[0].outcome == "retry"
    assert transport.send(b"", 5).outcome == "retry"
