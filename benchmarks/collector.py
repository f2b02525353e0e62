"""An OTLP/HTTP collector in a process of its own, so that what it does is nobody's cost."""

import gzip
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.programs import ROOT, clean_environment


class Collector:
    """The other process: where it listens, and what has arrived there."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.endpoint: str = self._ask(None)

    def count(self) -> int:
        """How many spans have arrived since the last `forget`."""
        return int(self._ask("count"))

    def delays(self) -> list[float]:
        """For each span that has arrived, the seconds from its end to the end of the request that brought it."""
        return list(self._ask("delays"))

    def forget(self) -> None:
        """Begins to count anew."""
        self._ask("forget")

    def _ask(self, question: str | None) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if question is not None:
            self._process.stdin.write(f"{question}\n")
            self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def collecting(*, with_delays: bool = False) -> Iterator[Collector]:
    """A collector for the time of the block."""
    command = [sys.executable, "-m", "benchmarks.collector", *(["delays"] if with_delays else [])]
    with subprocess.Popen(  # noqa: S603 - a program of ours
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=clean_environment()
    ) as process:
        yield Collector(process)
        assert process.stdin is not None
        process.stdin.close()


class _Arrived:
    def __init__(self, *, with_delays: bool) -> None:
        self.with_delays = with_delays
        self.lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self.count = 0
        self.delays: list[float] = []

    def take(self, body: bytes, moment: int) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        request = ExportTraceServiceRequest.FromString(body)
        groups = [scope.spans for resource in request.resource_spans for scope in resource.scope_spans]
        with self.lock:
            self.count += sum(map(len, groups))
            if self.with_delays:
                self.delays += [(moment - span.end_time_unix_nano) / 1e9 for spans in groups for span in spans]


def _handler(arrived: _Arrived) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle(self) -> None:
            with suppress(ConnectionError):  # who sends may be killed
                super().handle()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            moment = time.time_ns()
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path.endswith("/v1/traces"):
                arrived.take(body, moment)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
            """Says nothing."""

    return Handler


def main(arguments: list[str]) -> None:
    """Serves until standard input ends, and answers what is asked there."""
    arrived = _Arrived(with_delays="delays" in arguments)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(arrived))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _answer(f"http://127.0.0.1:{server.server_port}")
    for line in sys.stdin:
        with arrived.lock:
            if line.strip() == "forget":
                arrived.forget()
            _answer(arrived.delays if line.strip() == "delays" else arrived.count)


def _answer(value: object) -> None:
    sys.stdout.write(f"{json.dumps(value)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
