"""What answers at a collector's address: looked at from below, with an export request that has nothing in it."""

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final, Literal
from urllib.parse import urlsplit

from otel_ia import clock
from otel_ia.delivery.shipping.destination import Destination, Signal, basic_authorization, shown, user_agent
from otel_ia.delivery.shipping.transport import make_transport
from otel_ia.delivery.shipping.transport_http import make_context

Kind = Literal[
    "accepts",
    "unknown host",
    "nobody listens",
    "no answer",
    "untrusted",
    "client refused",
    "no TLS",
    "TLS",
    "not HTTP",
    "not gRPC",
    "redirect",
    "token",
    "path",
    "unusable",
    "other",
    "proxied",
]
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How a client begins to speak HTTP/2, which gRPC is: RFC 9113, section 3.4, with an empty SETTINGS frame."""
_SETTINGS_FRAME: Final = 4
_HEAD_OF_FRAME: Final = 9
_TOKEN: Final = {401, 403, 407}
_PATH: Final = {404, 405, 501}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What answers, in one word and in detail; `skew` is how far its clock is ahead of ours (s), where it tells."""

    kind: Kind
    detail: str = ""
    skew: float | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    host: str
    port: int
    is_secure: bool


def look_at(signal: Signal, destination: Destination, timeout: float) -> Finding:
    """What answers to a request of this destination's, within about the timeout (s). Never raises."""
    if destination.proxy is not None:  # from here only the proxy could be looked at
        transport = make_transport(signal, destination)
        try:
            answer = transport.send(b"", timeout)
        finally:
            transport.close()
        return Finding(kind="accepts" if answer.outcome == "accepted" else "proxied", detail=answer.reason)
    place = _place_of(destination)
    found = _connect(place, timeout)
    if found is not None:
        return found
    if destination.protocol == "grpc":
        return _look_by_grpc(signal, destination, place, timeout)
    return _look_by_http(destination, place, timeout)


def _place_of(destination: Destination) -> _Place:
    endpoint = destination.endpoint or ""
    if destination.protocol == "grpc":
        parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
        return _Place(parts.hostname or "", parts.port or 443, not destination.insecure)
    parts = urlsplit(endpoint)
    is_secure = parts.scheme == "https"
    return _Place(parts.hostname or "", parts.port or (443 if is_secure else 80), is_secure)


def _connect(place: _Place, timeout: float) -> Finding | None:
    where = f"{place.host}:{place.port}"
    try:
        socket.create_connection((place.host, place.port), timeout).close()
    except (socket.gaierror, UnicodeError):
        return Finding(kind="unknown host", detail=place.host)
    except ConnectionRefusedError:
        return Finding(kind="nobody listens", detail=where)
    except TimeoutError:
        return Finding(kind="no answer", detail=where)
    except OSError as error:
        return Finding(kind="nobody listens", detail=f"{where} ({error.strerror or type(error).__name__})")
    return None


def _look_by_http(destination: Destination, place: _Place, timeout: float) -> Finding:
    try:
        status, headers = _exchange(destination, place, timeout)
    except (OSError, HTTPException, ValueError) as error:
        return _judge_failure(error, place, timeout)
    skew = date_skew(headers("Date"))
    if 300 <= status < 400:  # noqa: PLR2004 - the range of redirects
        return Finding(kind="redirect", detail=f"{status} to {shown(headers('Location')) or 'elsewhere'}", skew=skew)
    kind: Kind = "other"
    if status < 300:  # noqa: PLR2004 - the range of success
        kind = "accepts"
    elif status == 400 and not place.is_secure and _speaks_tls(place, timeout):  # noqa: PLR2004 - as Go's servers do
        kind = "TLS"
    elif status in _TOKEN or status in _PATH:
        kind = "token" if status in _TOKEN else "path"
    return Finding(kind=kind, detail=f"the answer is {status}", skew=skew)


def _judge_failure(error: Exception, place: _Place, timeout: float) -> Finding:
    if isinstance(error, ssl.SSLError):
        return _judge_tls(error, place, timeout)
    if isinstance(error, TimeoutError):
        return Finding(kind="no answer", detail=f"{place.host}:{place.port}")
    if isinstance(error, ValueError):
        return Finding(kind="unusable", detail=type(error).__name__)
    if not place.is_secure and _speaks_tls(place, timeout):
        return Finding(kind="TLS")
    if _speaks_http2(place, timeout):
        return Finding(kind="not HTTP")
    return Finding(kind="other", detail="the connection was closed without an answer in HTTP")


def _exchange(destination: Destination, place: _Place, timeout: float) -> tuple[int, Callable[[str], str]]:
    parts = urlsplit(destination.endpoint or "")
    connection: HTTPConnection
    if place.is_secure:
        connection = HTTPSConnection(place.host, place.port, timeout=timeout, context=make_context(destination))
    else:
        connection = HTTPConnection(place.host, place.port, timeout=timeout)
    headers = {
        "User-Agent": user_agent(),
        **basic_authorization(parts.username, parts.password),
        **destination.headers,
        "Content-Type": "application/x-protobuf",
    }
    try:
        connection.request("POST", f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}", b"", headers)
        response: HTTPResponse = connection.getresponse()
        return response.status, lambda name: response.headers.get(name, "")
    finally:
        connection.close()


def _judge_tls(error: ssl.SSLError, place: _Place, timeout: float) -> Finding:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Finding(kind="untrusted", detail=error.verify_message)
    reason = error.reason or type(error).__name__
    # from TLS 1.3 on, a server that misses the client's certificate ends the connection after the handshake
    # and whether its alert or the end of the connection is seen first is chance
    if _speaks_tls(place, timeout):
        return Finding(kind="client refused", detail="it ended the connection after the handshake")
    return Finding(kind="no TLS", detail=reason)


def _look_by_grpc(signal: Signal, destination: Destination, place: _Place, timeout: float) -> Finding:
    transport = make_transport(signal, destination)
    try:
        answer = transport.send(b"", timeout)
    finally:
        transport.close()
    if answer.outcome == "accepted":
        return Finding(kind="accepts")
    code = answer.reason.partition(" ")[0].rstrip(";")
    if code in {"UNAUTHENTICATED", "PERMISSION_DENIED"}:
        return Finding(kind="token", detail=f"the answer is {code}")
    if code in {"UNIMPLEMENTED", "NOT_FOUND"} and not _speaks_http1(place, timeout):
        return Finding(kind="path", detail=f"the answer is {code}")
    return _look_below_grpc(destination, place, timeout) or Finding(kind="other", detail=answer.reason)


def _look_below_grpc(destination: Destination, place: _Place, timeout: float) -> Finding | None:
    if place.is_secure:
        try:
            with _secured(place, timeout, make_context(destination)) as connected:
                is_http2 = connected.selected_alpn_protocol() == "h2"
        except ssl.SSLError as error:
            return _judge_tls(error, place, timeout)
        except OSError:
            return None
        return None if is_http2 else Finding(kind="not gRPC")
    if _speaks_tls(place, timeout):
        return Finding(kind="TLS")
    return Finding(kind="not gRPC") if _speaks_http1(place, timeout) else None


def _secured(place: _Place, timeout: float, context: ssl.SSLContext) -> ssl.SSLSocket:
    context.set_alpn_protocols(["h2", "http/1.1"])
    plain = socket.create_connection((place.host, place.port), timeout)
    try:
        return context.wrap_socket(plain, server_hostname=place.host)
    except BaseException:
        plain.close()
        raise


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is told to who answers, and nothing believed
    return context


def _speaks_tls(place: _Place, timeout: float) -> bool:
    try:
        _secured(place, timeout, _unverified()).close()
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except OSError:
        return False
    return True


def _speaks_http2(place: _Place, timeout: float) -> bool:
    if place.is_secure:
        try:
            with _secured(place, timeout, _unverified()) as connected:
                return connected.selected_alpn_protocol() == "h2"
        except OSError:
            return False
    answer = _ask(place, timeout, _PREFACE, _HEAD_OF_FRAME)
    return len(answer) >= _HEAD_OF_FRAME and answer[3] == _SETTINGS_FRAME


def _speaks_http1(place: _Place, timeout: float) -> bool:
    if place.is_secure:
        return False
    question = f"OPTIONS / HTTP/1.1\r\nHost: {place.host}\r\nConnection: close\r\n\r\n"
    return _ask(place, timeout, question.encode("ascii", "replace"), 5) == b"HTTP/"


def _ask(place: _Place, timeout: float, question: bytes, length: int) -> bytes:
    answer = b""
    try:
        with socket.create_connection((place.host, place.port), timeout) as connected:
            connected.sendall(question)
            while len(answer) < length and (part := connected.recv(length - len(answer))):
                answer += part
    except OSError:
        return answer
    return answer


def date_skew(date: str) -> float | None:
    """How far (s) the clock that wrote a `Date` header is ahead of ours; None where it says nothing."""
    try:
        return parsedate_to_datetime(date).timestamp() - clock.wall() / 1e9
    except (ValueError, TypeError, OverflowError, OSError):
        return None
