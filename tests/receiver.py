"""A small real OTLP/HTTP server on loopback: what a program under test sends, decoded."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Receiver:
    """What has arrived so far. `status` is what it answers."""

    endpoint: str
    status: int = 200
    spans: list[Span] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, *, spans: int = 0, logs: int = 0, timeout: float = 10.0) -> None:
        """Returns when so many have arrived."""
        with self.arrived:
            enough = self.arrived.wait_for(lambda: len(self.spans) >= spans and len(self.logs) >= logs, timeout)
        assert enough, f"{len(self.spans)} of {spans} spans and {len(self.logs)} of {logs} log records arrived"

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


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """The server, for the time of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            with receiver.arrived:
                receiver.headers.append({key.lower(): value for key, value in self.headers.items()})
                if receiver.status == 200:
                    _take(receiver, self.path, body)
                receiver.arrived.notify_all()
            self.send_response(receiver.status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _take(receiver: Receiver, path: str, body: bytes) -> None:
    if path.endswith("/v1/traces"):
        request = ExportTraceServiceRequest.FromString(body)
        for resource_spans in request.resource_spans:
            receiver.resources.append(plain(resource_spans.resource.attributes))
            for scope_spans in resource_spans.scope_spans:
                receiver.spans.extend(scope_spans.spans)
    elif path.endswith("/v1/logs"):
        logs = ExportLogsServiceRequest.FromString(body)
        for resource_logs in logs.resource_logs:
            receiver.resources.append(plain(resource_logs.resource.attributes))
            for scope_logs in resource_logs.scope_logs:
                receiver.logs.extend(scope_logs.log_records)
