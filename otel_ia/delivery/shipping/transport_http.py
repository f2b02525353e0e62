"""OTLP over HTTP: one connection, kept alive, with urllib3.

Its connections are used without its pool: the pool's queue has a lock that a fork may find held, and a pool does not
tell which connection waits, which `close` has to know.
"""

import encodings.idna  # noqa: F401 - of every host's name; a fork while a thread loads it leaves it half loaded for good
import gzip
import os
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPException
from socket import SHUT_RDWR, socket
from typing import Final
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse
from urllib3.util import wait_for_read

from otel_ia.delivery.shipping.answers import Answer, blocked, retry
from otel_ia.delivery.shipping.answers_http import answer_to_error, answer_to_response
from otel_ia.delivery.shipping.destination import Destination, basic_authorization, shown, user_agent
from otel_ia.delivery.shipping.proxies import proxy_of
from otel_ia.forks import held_at_forks

_LONGEST_ANSWER: Final = 64 << 10
_PATIENCE_WITHIN_AN_ANSWER: Final = 0.5
_PATIENCE_BEFORE_FORK: Final = 0.02
_STALE: Final = (ConnectionError, HTTPException, ssl.SSLEOFError, ssl.SSLZeroReturnError)
_transports: "weakref.WeakSet[HttpTransport]" = weakref.WeakSet()


class HttpTransport:
    """Follows no redirect, asks only its own proxy and reads no `.netrc`: the destination alone says where it goes."""

    def __init__(self, destination: Destination) -> None:
        assert destination.endpoint is not None
        parts = urlsplit(destination.endpoint)
        self.address = shown(destination.endpoint)
        self._destination = destination
        self._is_secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._is_secure else 80)
        self._target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        self._proxy = proxy_of(destination)
        to_proxy = self._proxy.headers if self._proxy is not None else {}
        self._secrets = (*destination.headers.values(), parts.password or "", *to_proxy.values())
        self._headers = {
            "User-Agent": user_agent(),
            **basic_authorization(parts.username, parts.password),
            **destination.headers,
            "Content-Type": "application/x-protobuf",
        }
        if destination.compression == "gzip":
            self._headers["Content-Encoding"] = "gzip"
        if self._proxy is not None and not self._is_secure:  # it is asked with each request, not once for a tunnel
            self._target = f"http://{parts.netloc.rpartition('@')[2]}{self._target}"
            self._headers |= to_proxy
        self.is_answered = False
        self._is_closed = False
        self._connection: HTTPConnection | None = None
        self._context: ssl.SSLContext | None = None
        self._begin()
        _transports.add(self)

    def send(self, body: bytes, timeout: float) -> Answer:
        """Sends the request, once more at once if a connection that was kept turns out to be closed."""
        end = time.monotonic() + min(timeout, self._destination.timeout)
        self.is_answered = False
        if self._destination.compression == "gzip":
            # the level costs a third of the usual one's time, for a fifth more bytes
            body = gzip.compress(body, compresslevel=1, mtime=0)
        try:
            with self._sending:
                return self._send(body, end)
        finally:
            if self._is_closed:
                self._let_go()

    def close(self) -> None:
        """Wakes a `send` that waits by ending its connection under it; what has come on it can still be read."""
        self._is_closed = True
        connection = self._connection
        waiting = connection.sock if connection is not None else None
        if waiting is not None:
            _shut(waiting, self._note_answer)
        self._let_go()

    def _send(self, body: bytes, end: float) -> Answer:
        try:
            if self._is_secure and self._context is None:
                self._context = make_context(self._destination)
        except (OSError, ValueError):
            return blocked("a certificate's file cannot be used", "certificate", "client_certificate", "client_key")
        while not self._is_closed:
            is_kept = self._connection is not None and self._connection.is_connected
            try:
                connection = self._connected(end) if not is_kept else self._connection
                assert connection is not None
                return self._exchange(connection, body, end)
            except (OSError, HTTPException, HTTPError, ValueError) as error:
                self._disconnect()
                self._context = None  # the files may be others by now
                if not is_kept or not isinstance(error, _STALE):
                    return answer_to_error(error, proxy=self._proxy)
        return retry("the connection was closed here")

    def _let_go(self) -> None:
        if self._sending.acquire(blocking=False):  # else the thread that sends does it
            try:
                self._disconnect()
            finally:
                self._sending.release()

    def _note_answer(self) -> None:
        self.is_answered = True

    def prepare_to_fork(self) -> Callable[[], None] | None:
        """Waits a little for a connection that is being made, and holds up others until what is returned is called.

        A child that is forked in the middle of a look-up may find the system's resolver locked for good.
        """
        return self._connecting.release if self._connecting.acquire(timeout=_PATIENCE_BEFORE_FORK) else None

    def begin_after_fork(self) -> None:
        """In a forked child: lets go of the parent's connection without a word on it."""
        inherited = self._connection.sock if self._connection is not None else None
        if inherited is not None and (descriptor := inherited.detach()) >= 0:
            os.close(descriptor)
        self._begin()

    def _begin(self) -> None:
        self._sending = threading.Lock()
        self._connecting = threading.Lock()
        self._connection = None
        self._context = None

    def _connected(self, end: float) -> HTTPConnection:
        self._disconnect()
        timeout = max(0.001, end - time.monotonic())
        proxy = self._proxy
        host, port = (self._host, self._port) if proxy is None else (proxy.host, proxy.port)
        if self._is_secure:
            self._connection = HTTPSConnection(host, port, timeout=timeout, ssl_context=self._context)
            if proxy is not None:
                self._connection.set_tunnel(self._host, self._port, headers=proxy.headers)
        else:
            self._connection = HTTPConnection(host, port, timeout=timeout)
        with self._connecting:
            self._connection.connect()
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _exchange(self, connection: HTTPConnection, body: bytes, end: float) -> Answer:
        if self._is_closed:  # while it was being connected
            raise ConnectionAbortedError("the connection was closed here")
        connection.timeout = _left(end)
        with suppress(BrokenPipeError):  # it may have answered without listening to the end
            connection.request("POST", self._target, body, self._headers, preload_content=False)
        _await_answer(connection.sock, end)
        self.is_answered = True
        connection.timeout = max(end - time.monotonic(), _PATIENCE_WITHIN_AN_ANSWER)
        response = connection.getresponse()
        content, is_whole = _read(response, end)
        if not is_whole or "close" in response.headers.get("Connection", "").lower():
            response.close()
            self._disconnect()
        return answer_to_response(response.status, response.headers, content, secrets=self._secrets)


def _await_answer(connected: socket, end: float) -> None:
    """Returns when an answer begins to come. Raises TimeoutError when there is none by the end.

    An answer that came in time counts, however late this thread gets to run.
    """
    while not wait_for_read(connected, max(0.0, end - time.monotonic())):
        if time.monotonic() >= end and not wait_for_read(connected, 0.0):
            raise TimeoutError("the time for the request is up")


def _read(response: HTTPResponse, end: float) -> tuple[bytes, bool]:
    """The body, and whether that is all of it. The status has said what became of the request."""
    content = b""
    with suppress(OSError, HTTPException, HTTPError):
        while part := response.read1(_LONGEST_ANSWER):
            content += part
            if len(content) >= _LONGEST_ANSWER or time.monotonic() >= end:
                return content, False
        return content, True
    return content, False


def _left(end: float) -> float:
    """The seconds that are left, as a timeout for what comes. Raises TimeoutError when there are none."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time for the request is up")
    return left


def make_context(destination: Destination) -> ssl.SSLContext:
    """Verifies the server, by the system's authorities if none are given; for each process and failure read again."""
    context = ssl.create_default_context(cafile=destination.certificate)
    if destination.client_certificate is not None:
        # without a password an encrypted key would ask for one on the terminal
        context.load_cert_chain(destination.client_certificate, destination.client_key, password="")
    return context


def _shut(connected: socket, note_answer: Callable[[], None]) -> None:
    try:
        if wait_for_read(connected, 0.0):
            note_answer()
        connected.shutdown(SHUT_RDWR)
    except (OSError, ValueError):  # closed meanwhile
        return


def _prepare_all_to_fork() -> Iterator[Callable[[], object]]:
    for transport in list(_transports):
        if (release := transport.prepare_to_fork()) is not None:
            yield release


def _begin_all_after_fork() -> None:
    for transport in list(_transports):
        transport.begin_after_fork()


held_at_forks(_prepare_all_to_fork, _begin_all_after_fork)
