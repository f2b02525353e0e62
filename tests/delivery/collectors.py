"""Collectors on loopback that misbehave as they are told, over HTTP and gRPC."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from web_servers import QuietServer, body_of, closing_all, running

PROTOBUF = {"Content-Type": "application/x-protobuf"}
_NO_HEADERS: dict[str, str] = {}


@dataclass(frozen=True)
class Request:
    """As it came, the body decompressed."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def spans(self) -> list[str]:
        """The names of the spans in it."""
        request = ExportTraceServiceRequest.FromString(self.body)
        return [
            span.name for process in request.resource_spans for scope in process.scope_spans for span in scope.spans
        ]

    @property
    def logs(self) -> list[str]:
        """The bodies of the log records in it."""
        request = ExportLogsServiceRequest.FromString(self.body)
        scopes = [scope for process in request.resource_logs for scope in process.scope_logs]
        return [record.body.string_value for scope in scopes for record in scope.log_records]

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics in it."""
        request = ExportMetricsServiceRequest.FromString(self.body)
        scopes = [scope for process in request.resource_metrics for scope in process.scope_metrics]
        return [metric.name for scope in scopes for metric in scope.metrics]


@dataclass(frozen=True)
class Reply:
    """`hang` answers nothing and keeps the connection, `drop` closes it."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: dict(PROTOBUF))
    body: bytes = b""
    hang: bool = False
    drop: bool = False


HANG = Reply(hang=True)
DROP = Reply(drop=True)


@dataclass
class Collector:
    """What came, and what became of it. `respond` decides on each request; only what it takes (2xx) is in `taken`."""

    endpoint: str
    respond: Callable[[Request], Reply]
    requests: list[Request] = field(default_factory=list)
    taken: list[Request] = field(default_factory=list)
    connections: int = 0
    is_closing: threading.Event = field(default_factory=threading.Event)
    news: threading.Condition = field(default_factory=threading.Condition)

    @property
    def spans(self) -> list[str]:
        """The names of the spans it has taken."""
        return [name for request in list(self.taken) if request.path.endswith("traces") for name in request.spans]

    def wait_for(self, is_so: Callable[[], bool], timeout: float = 15.0) -> None:
        """Returns when it is so, which is looked at after each request."""
        with self.news:
            assert self.news.wait_for(is_so, timeout), f"{len(self.requests)} requests, taken {len(self.taken)}"

    def take(self, request: Request) -> Reply:
        """Decides, and remembers."""
        with self.news:
            reply = self.respond(request)
            self.requests.append(request)
            if 200 <= reply.status < 300 and not reply.hang and not reply.drop:
                self.taken.append(request)
            self.news.notify_all()
        return reply


@contextmanager
def collecting(  # noqa: C901 - a server in one piece
    respond: Callable[[Request], Reply] = lambda _: Reply(), *, port: int = 0, tls: Any = None
) -> Iterator[Collector]:
    """An OTLP/HTTP collector, for the time of the block."""
    sockets: set[Any] = set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            if tls is not None:
                self.request = tls.wrap_socket(self.request, server_side=True)
            super().setup()
            sockets.add(self.connection)
            with collector.news:
                collector.connections += 1
                self.number = collector.connections

        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = collector.take(Request(self.path, headers, body_of(self), self.number))
            if reply.hang:
                collector.is_closing.wait()
            if reply.hang or reply.drop:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.headers.get("Connection") == "close":
                self.close_connection = True
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    class Server(QuietServer):
        def shutdown_request(self, request: Any) -> None:
            for opened in [one for one in sockets if one.fileno() == -1]:
                sockets.discard(opened)
            super().shutdown_request(request)

    server = Server(("127.0.0.1", port), Handler)
    scheme = "https" if tls is not None else "http"
    collector = Collector(f"{scheme}://localhost:{server.server_port}", respond)
    with closing_all(sockets), running(server):
        try:
            yield collector
        finally:
            collector.is_closing.set()


@contextmanager
def collecting_grpc(
    respond: Callable[[Request, Any], bytes] = lambda _request, _call: b"",
    *,
    port: int = 0,
    credentials: Any = None,
) -> Iterator[Collector]:
    """An OTLP/gRPC collector. `respond` is also given the call, to abort it or to set its trailing metadata."""
    import grpc

    class Service(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            def handle(body: bytes, call: Any) -> bytes:
                headers = dict(call.invocation_metadata())
                signal = {"Trace": "traces", "Logs": "logs", "Metrics": "metrics"}
                path = next(value for key, value in signal.items() if f".{key}Service/" in details.method)
                request = Request(path, headers, body, 0)
                with collector.news:
                    collector.requests.append(request)
                    collector.news.notify_all()
                answer = respond(request, call)
                with collector.news:
                    collector.taken.append(request)
                    collector.news.notify_all()
                return answer

            return grpc.unary_unary_rpc_method_handler(handle)

    pool = ThreadPoolExecutor(4)
    server = grpc.server(pool, options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((Service(),))
    address = f"localhost:{port}"
    bound = (
        server.add_secure_port(address, credentials) if credentials is not None else server.add_insecure_port(address)
    )
    collector = Collector(f"{'https' if credentials else 'http'}://localhost:{bound}", lambda _: Reply())
    server.start()
    try:
        yield collector
    finally:
        collector.is_closing.set()
        server.stop(0).wait()
        pool.shutdown()


def destination(endpoint: str, **changes: Any) -> Any:
    """A destination with the defaults of the settings, traces over HTTP unless told otherwise."""
    given = {
        "endpoint": endpoint,
        "protocol": "http/protobuf",
        "headers": _NO_HEADERS,
        "timeout": 10.0,
        "compression": "none",
        "certificate": None,
        "client_key": None,
        "client_certificate": None,
        "insecure": endpoint.startswith("http://"),
        "proxy": None,
    }
    return SimpleNamespace(**(given | changes))


def closed_port() -> int:
    """A port on which nobody listens."""
    import socket

    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def seconds(action: Callable[[], Any]) -> float:
    """How long it took."""
    begin = time.monotonic()
    action()
    return time.monotonic() - begin
