"""What the HTTP servers of tests have in common: they run in a thread, say nothing, and leave nothing open."""

import gzip
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR
from typing import Any


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[None]:
    """The server answers, for the time of the block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def closing_all(sockets: Collection[Any]) -> Iterator[None]:
    """Those that are in the collection when the block is over are closed, whoever waits on them."""
    try:
        yield
    finally:
        for opened in list(sockets):
            with suppress(OSError):
                opened.shutdown(SHUT_RDWR)
            opened.close()


def body_of(request: BaseHTTPRequestHandler) -> bytes:
    """The request's body, decompressed."""
    body = request.rfile.read(int(request.headers["Content-Length"]))
    return gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body


class QuietServer(ThreadingHTTPServer):
    """One whose clients may end their connections in all ways."""

    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Says nothing."""
