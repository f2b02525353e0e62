"""A real HTTP proxy on loopback: it makes tunnels (CONNECT), forwards requests, and may ask for a login."""

import base64
import http.client
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from web_servers import QuietServer, running


@dataclass
class HttpProxy:
    """What it was asked for. `status` other than 200 lets nothing through; `resolves` names hosts only it knows."""

    url: str
    login: str | None = None
    status: int = 200
    tunnels: list[str] = field(default_factory=list)
    forwarded: list[str] = field(default_factory=list)
    refused: int = 0
    resolves: dict[str, str] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    def answer_to(self, authorization: str | None) -> int:
        """200, or why it lets nothing through."""
        wanted = f"Basic {base64.b64encode(self.login.encode()).decode()}" if self.login is not None else None
        status = 407 if authorization != wanted else self.status
        self.refused += status != 200
        return status


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: HttpProxy

    def do_CONNECT(self) -> None:
        status = self.proxy.answer_to(self.headers.get("Proxy-Authorization"))
        self.proxy.tunnels.append(self.path)
        if status != 200:
            self.send_error(status)
            return
        host, _, port = self.path.rpartition(":")
        try:
            server = socket.create_connection((self.proxy.resolves.get(host, host.strip("[]")), int(port)))
        except OSError:
            self.send_error(502)
            return
        with server:
            self.send_response(200)
            self.end_headers()
            self.pass_on(server)
        self.close_connection = True

    def pass_on(self, server: socket.socket) -> None:
        other = {self.connection: server, server: self.connection}
        with suppress(OSError):
            while not self.proxy.ended.is_set():
                for readable in select.select(list(other), [], [], 0.05)[0]:
                    if not (data := readable.recv(1 << 16)):
                        return
                    other[readable].sendall(data)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.proxy.answer_to(self.headers.get("Proxy-Authorization"))
        self.proxy.forwarded.append(self.path)
        if status != 200:
            self.send_error(status)
            return
        parts = urlsplit(self.path)
        connection = http.client.HTTPConnection(self.proxy.resolves.get(parts.netloc, parts.netloc))
        headers = {name: value for name, value in self.headers.items() if not name.startswith("Proxy-")}
        try:
            connection.request("POST", parts._replace(scheme="", netloc="").geturl(), body, headers)
        except OSError:
            self.send_error(502)
            return
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def proxying(login: str | None = None) -> Iterator[HttpProxy]:
    """The proxy, for the time of the block."""
    server = QuietServer(("127.0.0.1", 0), type("Bound", (Handler,), {}))
    proxy = HttpProxy(f"http://127.0.0.1:{server.server_port}", login)
    server.RequestHandlerClass.proxy = proxy  # type: ignore[attr-defined]
    with running(server):
        try:
            yield proxy
        finally:
            proxy.ended.set()
