"""A small real OTLP/HTTP server on loopback: what a program under test sends, decoded."""

import itertools
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from web_servers import QuietServer, body_of, closing_all, running


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a request is answered with. One that is not answered is held until the server ends, or `closes` at once.

    With `reads` false the connection is closed as soon as it is made; for one that was kept it is as `closes`.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    answers: bool = True
    closes: bool = False
    reads: bool = True


HANG = Reply(answers=False)
CLOSE = Reply(answers=False, closes=True)
HANG_UP = Reply(answers=False, closes=True, reads=False)


@dataclass
class Receiver:
    """What has arrived so far. `status` is what it answers; `behaviour`, given a request's number from 0, says more."""

    endpoint: str
    status: int = 200
    behaviour: Callable[[int], Reply] | None = None
    requests: int = 0
    sizes: list[int] = field(default_factory=list)
    """How many spans, log records and metrics each request brought."""
    spans: list[Span] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)
    metrics: list[tuple[dict[str, Any], str, Metric]] = field(default_factory=list)
    """Resource, name of the scope, and metric, in the order in which they came."""
    resources: list[dict[str, Any]] = field(default_factory=list)
    spans_by_resource: list[tuple[dict[str, Any], Span]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    resources_by_connection: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """Which connection, numbered as they were made, brought something of whom."""
    arrived: threading.Condition = field(default_factory=threading.Condition)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def count(self) -> int:
        return len(self.spans) + len(self.logs) + len(self.metrics)

    def wait_until(self, is_so: Callable[[], bool], timeout: float = 20.0) -> bool:
        """Asks after each request; whether it became so."""
        with self.arrived:
            return self.arrived.wait_for(is_so, timeout)

    def wait_for(self, *, spans: int = 0, logs: int = 0, timeout: float = 10.0) -> None:
        """Returns when so many have arrived."""
        with self.arrived:
            enough = self.arrived.wait_for(lambda: len(self.spans) >= spans and len(self.logs) >= logs, timeout)
        assert enough, f"{len(self.spans)} of {spans} spans and {len(self.logs)} of {logs} log records arrived"

    def last_points(self, name: str) -> dict[tuple[Any, ...], Any]:
        """The last data point of each series of a metric, by instance, then attributes in the order of their names."""
        return {
            (resource.get("service.instance.id"), *sorted(plain(point.attributes).items())): point
            for resource, _, metric in list(self.metrics)
            if metric.name == name
            for point in getattr(metric, metric.WhichOneof("data")).data_points
        }

    def span(self, name: str) -> Span:
        (found,) = [span for span in self.spans if span.name == name]
        return found


def plain(attributes: Any) -> dict[str, Any]:
    """Attributes of the wire as a dictionary."""
    return {pair.key: _value(pair.value) for pair in attributes if isinstance(pair, KeyValue)}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return plain(value.kvlist_value.values)
    return getattr(value, kind)


def keep(receiver: Receiver, path: str, body: bytes, connection: int) -> None:
    """Adds the spans, log records or metrics of a request to those that have arrived."""
    if path.endswith("/v1/traces"):
        request = ExportTraceServiceRequest.FromString(body)
        for resource_spans in request.resource_spans:
            resource = _keep_resource(receiver, resource_spans, connection)
            for scope_spans in resource_spans.scope_spans:
                receiver.spans.extend(scope_spans.spans)
                receiver.spans_by_resource.extend((resource, span) for span in scope_spans.spans)
    elif path.endswith("/v1/logs"):
        logs = ExportLogsServiceRequest.FromString(body)
        for resource_logs in logs.resource_logs:
            _keep_resource(receiver, resource_logs, connection)
            for scope_logs in resource_logs.scope_logs:
                receiver.logs.extend(scope_logs.log_records)
    elif path.endswith("/v1/metrics"):
        for resource_metrics in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            resource = plain(resource_metrics.resource.attributes)
            for scope_metrics in resource_metrics.scope_metrics:
                name = scope_metrics.scope.name
                receiver.metrics.extend((resource, name, metric) for metric in scope_metrics.metrics)


def _keep_resource(receiver: Receiver, group: Any, connection: int) -> dict[str, Any]:
    resource = plain(group.resource.attributes)
    receiver.resources.append(resource)
    receiver.resources_by_connection.append((connection, resource))
    return resource


@contextmanager
def receiving(  # noqa: C901 - a server in one piece
    port: int = 0, *, take: Callable[[Receiver, str, bytes, int], None] = keep, tls: ssl.SSLContext | None = None
) -> Iterator[Receiver]:
    """The server, for the time of the block; what it answers 200 to, `take` is given."""
    connections = itertools.count()
    sockets: dict[int, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            if tls is not None:
                self.request = tls.wrap_socket(self.request, server_side=True)
            super().setup()
            self.number = next(connections)
            self.first: Reply | None = None
            sockets[self.number] = self.connection

        def handle(self) -> None:
            self.first = decide()
            if self.first.reads:
                super().handle()

        def finish(self) -> None:
            sockets.pop(self.number, None)
            super().finish()
            self.connection.close()  # the server knows of the one without TLS

        def do_POST(self) -> None:
            body = body_of(self)
            reply, self.first = self.first or decide(), None
            with receiver.arrived:
                receiver.headers.append({key.lower(): value for key, value in self.headers.items()})
                if reply.answers and reply.status == 200:
                    before = receiver.count
                    take(receiver, self.path, body, self.number)
                    receiver.sizes.append(receiver.count - before)
                receiver.arrived.notify_all()
            if reply.answers:
                self.answer(reply)
                return
            if not reply.closes:
                receiver.ended.wait()
            self.close_connection = True

        def answer(self, reply: Reply) -> None:
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if reply.body:
                self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    def decide() -> Reply:
        with receiver.arrived:
            reply = receiver.behaviour(receiver.requests) if receiver.behaviour else Reply(status=receiver.status)
            receiver.requests += 1
            receiver.arrived.notify_all()
        return reply

    server = QuietServer(("127.0.0.1", port), Handler)
    scheme = "http" if tls is None else "https"
    receiver = Receiver(f"{scheme}://{'127.0.0.1' if tls is None else 'localhost'}:{server.server_port}")
    with closing_all(sockets.values()), running(server):
        try:
            yield receiver
        finally:
            receiver.ended.set()
