"""Each cause for which telemetry does not arrive, provoked for real, and what `Telemetry.check` says of it."""

import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from delivery.collectors import HANG, Reply, closed_port, collecting, collecting_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, TraceIdRatioBased
from receiver import Receiver
from web_servers import running

import otel_ia
from otel_ia.checking.report import Report, SignalReport


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def check(endpoint: str | None, *, timeout: float = 2.0, **settings: Any) -> Report:
    given = {"service_name": "checked", "console": False, "exit_timeout": 0.2, **settings}
    with otel_ia.configure(endpoint=endpoint, **given) as telemetry:
        return telemetry.check(timeout=timeout)


def traces(report: Report) -> SignalReport:
    return report.signals[0]


def the_cause(report: Report) -> tuple[str, str]:
    """Problem and setting of the only cause, the same for both signals."""
    assert not report.is_ok
    causes = {signal.causes for signal in report.signals if signal.state == "failed"}
    ((cause,),) = causes
    return cause.problem, cause.setting


def warnings(report: Report) -> list[tuple[str, str]]:
    return [(warning.problem, warning.setting) for warning in report.warnings]


def test_what_arrives_is_ok_and_is_one_of_each(receiver: Receiver) -> None:
    report = check(receiver.endpoint)
    assert report.is_ok
    assert report.warnings == ()
    assert [(signal.signal, signal.state, signal.is_accepted) for signal in report.signals] == [
        ("traces", "ok", True),
        ("logs", "ok", True),
        ("metrics", "ok", True),
    ]
    assert len(receiver.last_points("ia.check")) == 1
    (span,) = receiver.spans
    (record,) = receiver.logs
    assert span.name == "otel_ia.check"
    assert record.trace_id == span.trace_id
    assert span.trace_id.hex() in traces(report).sent
    assert all(0 <= (signal.delay or 0) < 2 for signal in report.signals)
    assert (report.service, report.process) == ("checked", os.getpid())


def test_the_same_over_grpc() -> None:
    with collecting_grpc() as collector:
        report = check(collector.endpoint, protocol="grpc")
        assert report.is_ok, report
        assert {request.path for request in collector.requests} == {"traces", "logs", "metrics"}


def test_a_check_inside_a_span_does_not_become_part_of_its_trace(receiver: Receiver) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, console=False) as telemetry, otel_ia.monitor("request"):
        assert telemetry.check().is_ok
    assert receiver.span("otel_ia.check").trace_id != receiver.span("request").trace_id


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_nothing_listens(protocol: str) -> None:
    port = closed_port()
    assert the_cause(check(f"http://127.0.0.1:{port}", protocol=protocol)) == (
        f"nothing listens on 127.0.0.1:{port}",
        "endpoint",
    )


def test_a_host_that_is_not_known() -> None:
    problem, setting = the_cause(check("http://nowhere.invalid:4318"))
    assert (problem, setting) == ("the host's name is not known: nowhere.invalid", "endpoint")


def test_a_server_that_hangs() -> None:
    with collecting(lambda _: HANG) as collector:
        problem, setting = the_cause(check(collector.endpoint, timeout=1.0))
    assert problem.startswith("no answer in time")
    assert setting == "endpoint"


@pytest.mark.parametrize(
    ("reply", "problem", "setting"),
    [
        (Reply(404), "wrong path, or no receiver of OTLP: the answer is 404", "endpoint"),
        (Reply(405), "wrong path, or no receiver of OTLP: the answer is 405", "endpoint"),
        (Reply(401), "refused: the answer is 401", "headers"),
        (Reply(403), "refused: the answer is 403", "headers"),
        (
            Reply(308, headers={"Location": "https://user:word@elsewhere/v1/traces?token=x"}),
            "a redirect, which is not followed: 308 to https://***@elsewhere/v1/traces?***",
            "endpoint",
        ),
    ],
    ids=["404", "405", "401", "403", "308"],
)
def test_what_a_server_answers(reply: Reply, problem: str, setting: str) -> None:
    with collecting(lambda _: reply) as collector:
        assert the_cause(check(collector.endpoint)) == (problem, setting)


def test_a_server_that_is_busy_is_named_by_its_answer() -> None:
    with collecting(lambda _: Reply(503)) as collector:
        problem, _ = the_cause(check(collector.endpoint))
    assert "503" in problem


def test_a_token_is_refused_over_grpc_too() -> None:
    import grpc

    def refuse(_request: Any, call: Any) -> bytes:
        call.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you")
        return b""

    with collecting_grpc(refuse) as collector:
        problem, setting = the_cause(check(collector.endpoint, protocol="grpc"))
    assert (problem, setting) == ("refused: the answer is UNAUTHENTICATED", "headers")


def test_a_grpc_server_of_another_kind() -> None:
    import grpc

    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        problem, setting = the_cause(check(f"http://127.0.0.1:{port}", protocol="grpc"))
    finally:
        server.stop(0).wait()
    assert (problem, setting) == ("wrong path, or no receiver of OTLP: the answer is UNIMPLEMENTED", "endpoint")


def test_http_to_a_grpc_port() -> None:
    with collecting_grpc() as collector:
        problem, setting = the_cause(check(collector.endpoint))
    assert (problem, setting) == ("wrong protocol: what answers speaks HTTP/2 alone, as gRPC does", "protocol")


def test_grpc_to_an_http_port(receiver: Receiver) -> None:
    problem, setting = the_cause(check(receiver.endpoint, protocol="grpc"))
    assert (problem, setting) == ("wrong protocol: what answers speaks HTTP/1, not gRPC", "protocol")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Paths of what an authority and its server have, and of another authority."""
    trustme = pytest.importorskip("trustme")
    folder = tmp_path_factory.mktemp("certificates")
    authority, other = trustme.CA(), trustme.CA()
    paths = {name: str(folder / f"{name}.pem") for name in ("authority", "other", "server")}
    authority.cert_pem.write_to_path(paths["authority"])
    other.cert_pem.write_to_path(paths["other"])
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(paths["server"])
    return paths


@contextmanager
def secure(protocol: str, files: dict[str, str], *, wants_client: bool = False) -> Iterator[str]:
    """The endpoint of a collector with TLS."""
    if protocol == "grpc":
        import grpc

        server = Path(files["server"]).read_bytes()
        authority = Path(files["authority"]).read_bytes() if wants_client else None
        with collecting_grpc(
            credentials=grpc.ssl_server_credentials([(server, server)], authority, wants_client)
        ) as collector:
            yield collector.endpoint
    else:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(files["server"])
        if wants_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(files["authority"])
        with collecting(tls=context) as collector:
            yield collector.endpoint


PROTOCOLS = pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])


@PROTOCOLS
def test_tls_that_is_right_is_ok(protocol: str, files: dict[str, str]) -> None:
    with secure(protocol, files) as endpoint:
        assert check(endpoint, protocol=protocol, certificate=files["authority"]).is_ok


@PROTOCOLS
@pytest.mark.parametrize("trusted", ["system", "other"])
def test_a_certificate_of_an_authority_that_is_not_known(protocol: str, files: dict[str, str], trusted: str) -> None:
    certificate = files["other"] if trusted == "other" else None
    with secure(protocol, files) as endpoint:
        problem, setting = the_cause(check(endpoint, protocol=protocol, certificate=certificate))
    assert problem.startswith("TLS: the server's certificate is not accepted (")
    assert setting == "certificate"


@PROTOCOLS
def test_plain_to_a_port_of_tls(protocol: str, files: dict[str, str]) -> None:
    with secure(protocol, files) as endpoint:
        problem, setting = the_cause(check(endpoint.replace("https", "http"), protocol=protocol))
    assert (problem, setting) == ("what answers speaks TLS, and is spoken to without", "endpoint")


@PROTOCOLS
def test_tls_to_a_plain_port(protocol: str) -> None:
    with collecting_grpc() if protocol == "grpc" else collecting() as collector:
        problem, setting = the_cause(check(collector.endpoint.replace("http", "https"), protocol=protocol))
    assert problem.startswith("TLS: what answers does not speak it (")
    assert setting == "endpoint"


def test_a_server_that_wants_to_know_the_client(files: dict[str, str]) -> None:
    with secure("http/protobuf", files, wants_client=True) as endpoint:
        problem, setting = the_cause(check(endpoint, certificate=files["authority"]))
    assert problem.startswith("TLS: the server does not accept this client (")
    assert setting == "client_certificate"


def test_http_to_a_grpc_port_with_tls(files: dict[str, str]) -> None:
    with secure("grpc", files) as endpoint:
        problem, setting = the_cause(check(endpoint, certificate=files["authority"]))
    assert (problem.partition(":")[0], setting) == ("wrong protocol", "protocol")


def test_grpc_to_an_http_port_with_tls(files: dict[str, str]) -> None:
    with secure("http/protobuf", files) as endpoint:
        problem, setting = the_cause(check(endpoint, protocol="grpc", certificate=files["authority"]))
    assert (problem.partition(":")[0], setting) == ("wrong protocol", "protocol")


def test_a_request_that_is_rejected_in_part_or_refused_did_not_arrive() -> None:
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = 1
    with collecting(lambda _: Reply(body=response.SerializeToString())) as collector:
        problem, _ = the_cause(check(collector.endpoint))
    assert problem == "the collector took the request and rejected what was in it"
    with collecting(lambda request: Reply(400 if request.body else 200)) as collector:
        problem, _ = the_cause(check(collector.endpoint))
    assert problem == "the collector refused it for good"


def test_disabled(receiver: Receiver) -> None:
    assert the_cause(check(receiver.endpoint, disabled=True))[1] == "disabled"
    assert receiver.requests == 0


def test_no_endpoint() -> None:
    assert the_cause(check(None)) == ("no endpoint is configured", "endpoint")


def test_what_is_only_kept_for_a_later_process_has_no_endpoint() -> None:
    report = check(None, spool=True)
    assert the_cause(report) == ("no endpoint is configured", "endpoint")
    assert traces(report).sent.endswith(" to the spool")


def test_behind_a_proxy_the_answer_that_came_through_it_is_told() -> None:
    problem, setting = the_cause(check("http://collector.invalid:4318", proxy=f"http://127.0.0.1:{closed_port()}"))
    assert problem.startswith("not accepted, through the proxy: connection refused, at the proxy http://")
    assert setting == "proxy"


def test_a_signal_that_is_not_to_be_sent_is_skipped(receiver: Receiver) -> None:
    report = check(receiver.endpoint, logs_exporter="none")
    assert [signal.state for signal in report.signals] == ["ok", "skipped", "ok"]
    assert report.is_ok
    assert not check(receiver.endpoint, logs_exporter="none", traces_exporter="none", metrics_exporter="none").is_ok


def test_a_configuration_that_was_shut_down(receiver: Receiver) -> None:
    telemetry = otel_ia.configure(endpoint=receiver.endpoint, console=False)
    telemetry.shutdown()
    assert the_cause(telemetry.check())[0] == "this configuration was shut down or replaced"


@pytest.mark.parametrize(
    "sampler", [{"sampler": "always_off"}, {"sampler": "traceidratio", "sampler_arg": 0}, {"sampler": ALWAYS_OFF}]
)
def test_sampled_out(receiver: Receiver, sampler: dict[str, Any]) -> None:
    report = check(receiver.endpoint, **sampler)
    (cause,) = traces(report).causes
    assert cause.problem.startswith("sampled out: ")
    assert cause.setting == "sampler"
    assert report.signals[1].state == "ok"


@pytest.mark.parametrize(
    "sampler", [{"sampler": "traceidratio", "sampler_arg": 0.05}, {"sampler": TraceIdRatioBased(0.05)}]
)
def test_a_sampler_that_keeps_some_is_asked_until_it_keeps_one(receiver: Receiver, sampler: dict[str, Any]) -> None:
    assert check(receiver.endpoint, **sampler).is_ok
    assert len(receiver.spans) == 1


def test_a_spool_that_cannot_be_written_is_warned_of(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    report = check(receiver.endpoint, spool_directory=tmp_path / "file" / "spool")
    assert report.is_ok
    ((problem, setting),) = warnings(report)
    assert problem.startswith("spool unwritable: ")
    assert setting == "spool_directory"


def test_a_spool_that_is_full_is_warned_of(receiver: Receiver) -> None:
    report = check(receiver.endpoint, spool_size=100)
    assert report.is_ok
    ((problem, setting),) = warnings(report)
    assert problem.startswith("spool full: ")
    assert setting == "spool_size"


@pytest.mark.parametrize(("hours", "direction"), [(2, "ahead of"), (-2, "behind")])
def test_clocks_that_differ_are_warned_of(hours: int, direction: str) -> None:
    class Late(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def date_time_string(self, timestamp: float | None = None) -> str:
            import time

            return super().date_time_string(time.time() + hours * 3600)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Late)
    with running(server):
        report = check(f"http://127.0.0.1:{server.server_port}")
    assert report.is_ok
    ((problem, _),) = warnings(report)
    assert problem.startswith("clock skew: the clock of the collector is 7")
    assert direction in problem


PROGRAM = """
import os, sys
import otel_ia
{before}
telemetry = otel_ia.configure(service_name="checked", endpoint=sys.argv[1], console=False)
{after}
report = telemetry.check(timeout=5)
print(report.is_ok)
for signal in report.signals:
    for cause in signal.causes:
        print("cause:", cause.problem)
for warning in report.warnings:
    print("warning:", warning.problem)
sys.stdout.flush()
{end}
"""


def run(endpoint: str, *, before: str = "", after: str = "", end: str = "", **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before, after=after, end=end), endpoint],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.stdout, done.stderr
    return done.stdout.splitlines()


FOREIGN = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
"""


def test_another_librarys_provider_that_records_nothing(receiver: Receiver) -> None:
    said = run(receiver.endpoint, before=FOREIGN + "trace.set_tracer_provider(TracerProvider(sampler=ALWAYS_OFF))")
    assert said[0] == "False"
    assert said[1].startswith("cause: another library's tracer provider (opentelemetry.sdk.trace.TracerProvider)")


def test_another_librarys_provider_that_records_is_warned_of(receiver: Receiver) -> None:
    said = run(receiver.endpoint, before=FOREIGN + "trace.set_tracer_provider(TracerProvider())")
    assert said[0] == "True"
    assert said[1].startswith("warning: another library's tracer provider (opentelemetry.sdk.trace.TracerProvider)")


FORK = """
child = os.fork()
if child:
    sys.exit(os.waitpid(child, 0)[1])
"""


def test_a_worker_that_was_forked_is_checked_and_told_where_it_was_configured(receiver: Receiver) -> None:
    said = run(receiver.endpoint, after=FORK, end="os._exit(0)")
    assert said[0] == "True"
    (warning,) = said[1:]
    assert warning.startswith("warning: fork or preload: configured in process ")
    assert warning.endswith("its own thread sends")


def test_a_fork_that_cannot_send_names_the_fork_beside_the_cause() -> None:
    said = run(f"http://127.0.0.1:{closed_port()}", after=FORK, end="os._exit(0)")
    assert said[0] == "False"
    assert said[1].startswith("cause: nothing listens on ")
    assert said[2].startswith("cause: fork or preload: configured in process ")


def test_a_fork_with_grpc_is_warned_of() -> None:
    with collecting_grpc() as collector:
        said = run(collector.endpoint, after=FORK, end="os._exit(0)", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert any("gRPC may not survive it" in line for line in said)


def test_a_port_that_answers_with_noise() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                connected, _ = listener.accept()
            except OSError:
                return
            with connected:
                connected.recv(10_000)
                connected.sendall(b"220 mail.example.org ESMTP\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        problem, _ = the_cause(check(f"http://127.0.0.1:{listener.getsockname()[1]}"))
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
    assert problem == "not accepted: the connection was closed without an answer in HTTP"
