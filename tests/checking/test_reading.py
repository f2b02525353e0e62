"""What a check asks Prometheus for is what it has sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from receiver import Receiver

import otel_ia


@contextmanager
def answering() -> Iterator[tuple[str, list[str]]]:
    """The address of a server that has everything, as Prometheus says it, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.extend(parse_qs(urlsplit(self.path).query)["query"])
            content = b'{"status": "success", "data": {"result": [{}]}}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_at_any_moment_the_point_that_was_sent_is_what_is_asked_for(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with (
        answering() as (address, asked),
        otel_ia.configure(endpoint=receiver.endpoint, service_name="checked", console=False) as telemetry,
    ):
        for _ in range(10):  # of every two moments one was rounded to a later one
            report = telemetry.check(prometheus=address)
            assert report.is_ok
            assert report.signals[2].is_found
            (point,) = receiver.last_points("ia.check").values()
            series, _, moment = asked.pop().partition(" >= ")
            assert series == 'ia_check{service="checked"}'
            assert float(moment) == point.as_double
