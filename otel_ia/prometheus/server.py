"""The HTTP server that Prometheus scrapes. What it answers is `prometheus_client`'s; here is who may ask, and how long.

Not `start_http_server` of `prometheus_client`: its loop wakes up twice a second, and it waits for ever for a client
that hangs.
"""

import errno
import io
import logging
import os
import socket
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from otel_ia.forks import at_forks, undivided
from otel_ia.prometheus.turns import Waker

Application = Callable[..., Any]
THREAD_NAME: Final = "otel_ia prometheus"
"""What is logged on threads whose name begins with "otel_ia " is not exported."""
_logger: Final = logging.getLogger("otel_ia")
_PATIENCE: Final = 10.0
"""Seconds that a client may keep a thread waiting."""
_MOMENT: Final = 0.2
_AGAIN: Final = 5.0
"""Seconds from one attempt to listen to the next."""


class _Request(WSGIRequestHandler):
    timeout = _PATIENCE

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def get_stderr(self) -> Any:
        return io.StringIO()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_port = False  # two services would share a port, and each see half of the scrapes
    timeout = 0  # what was ready may be gone

    def __init__(self, family: int, address: str, port: int, app: Application) -> None:
        self.address_family = family
        self._under_way: dict[threading.Thread, socket.socket] = {}
        self.set_app(app)
        with undivided():
            super().__init__((address, port), _Request)
            _servers.add(self)

    def server_bind(self) -> None:
        """Does not ask for this machine's name: the network may take seconds to tell, and a child forked then hangs."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        work, name = self.process_request_thread, f"{THREAD_NAME} request"
        thread = threading.Thread(target=work, args=(request, client_address), name=name, daemon=True)
        self._under_way = {thread: held for thread, held in self._under_way.items() if thread.is_alive()}
        thread.start()
        self._under_way[thread] = request

    def server_close(self) -> None:
        """Frees the port, and breaks off what is not answered in a moment."""
        with undivided():
            super().server_close()
        for is_broken_off in (False, True):
            for thread, request in self._under_way.items():
                if is_broken_off and thread.is_alive():
                    with suppress(OSError):
                        request.shutdown(socket.SHUT_RDWR)
                thread.join(_MOMENT)

    def handle_error(self, *_: Any) -> None:
        """A client that went away is nobody's concern."""
        _logger.debug("a request to the Prometheus endpoint failed")


def serve(host: str, port: int, app: Application, waker: Waker, tell: Callable[[str], None]) -> None:
    """Answers until woken. Where nobody can listen there, it says so once and tries again and again."""
    is_told = False
    while not waker.is_woken:
        try:
            servers = _listen(host, port, app)
        except OSError as error:
            if not is_told:
                is_told = True
                tell(
                    f"Prometheus cannot scrape this service: nothing can listen on {host}:{port} "
                    f"({_reason(error)}); set `prometheus_port` "
                    "(OTEL_EXPORTER_PROMETHEUS_PORT) to a free one. It is tried again"
                )
            waker.wait(_AGAIN)
            continue
        if is_told:
            tell(f"Prometheus can scrape this service now, on {host}:{port}")
        try:
            _answer(servers, waker)
        finally:
            for server in servers:
                server.server_close()


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno is not None and error.errno in errno.errorcode else str(error)


def _answer(servers: list[_Server], waker: Waker) -> None:
    while not waker.is_woken:
        waker.wait(None, *(server.fileno() for server in servers))
        for server in servers:
            if not waker.is_woken:
                server.handle_request()


def _listen(host: str, port: int, app: Application) -> list[_Server]:
    """A server for each address of the host: `localhost` is two. Raises OSError where one is taken, or none is ours."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    servers: list[_Server] = []
    refused: OSError | None = None
    for family, address in dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found):
        try:
            servers.append(_Server(family, address, port, app))
        except OSError as error:
            refused = error
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                break
    else:
        if servers:
            return servers
    for server in servers:
        server.server_close()
    raise refused if refused is not None else OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))


def _begin_in_child() -> None:
    """A child's copy of the socket would keep the port from whoever listens after its parent."""
    for server in list(_servers):
        with suppress(OSError):
            server.socket.close()
    _servers.clear()


_servers: Final[weakref.WeakSet[_Server]] = weakref.WeakSet()
at_forks(after_in_child=_begin_in_child)
