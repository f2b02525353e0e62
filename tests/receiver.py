"""A small real OTLP/HTTP server on loopback: what a program under test sends, decoded."""

import gzip
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a request is answered with. One that is not answered is held until the server ends, or `closes` at once."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    answers: bool = True
    closes: bool = False


HANG = Reply(answers=False)
CLOSE = Reply(answers=False, closes=True)


@dataclass
class Receiver:
    """What has arrived so far. `status` is what it answers; `behaviour`, given a request's number from 0, says more."""

    endpoint: str
    status: int = 200
    behaviour: Callable[[int], Reply] | None = None
    requests: int = 0
    sizes: list[int] = field(default_factory=list)
    """How many spans and log records each request brought."""
    spans: list[Span] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    spans_by_resource: list[tuple[dict[str, Any], Span]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    ended: threading.Event = field(default_factory=threading.Event)

    def wait_until(self, is_so: Callable[[], bool], timeout: float = 20.0) -> bool:
        """Asks after each request; whether it became so."""
        with self.arrived:
            return self.arrived.wait_for(is_so, timeout)

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
                reply = receiver.behaviour(receiver.requests) if receiver.behaviour else Reply(status=receiver.status)
                receiver.requests += 1
                if reply.answers and reply.status == 200:
                    before = len(receiver.spans) + len(receiver.logs)
                    _take(receiver, self.path, body)
                    receiver.sizes.append(len(receiver.spans) + len(receiver.logs) - before)
                receiver.arrived.notify_all()
            if reply.answers:
                self.answer(reply)
            elif not reply.closes:
                receiver.ended.wait()

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

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _take(receiver: Receiver, path: str, body: bytes) -> None:
    if path.endswith("/v1/traces"):
        request = ExportTraceServiceRequest.FromString(body)
        for resource_spans in request.resource_spans:
            resource = plain(resource_spans.resource.attributes)
            receiver.resources.append(resource)
            for scope_spans in resource_spans.scope_spans:
                receiver.spans.extend(scope_spans.spans)
                receiver.spans_by_resource.extend((resource, span) for span in scope_spans.spans)
    elif path.endswith("/v1/logs"):
        logs = ExportLogsServiceRequest.FromString(body)
        for resource_logs in logs.resource_logs:
            receiver.resources.append(plain(resource_logs.resource.attributes))
            for scope_logs in resource_logs.scope_logs:
                receiver.logs.extend(scope_logs.log_records)
