"""OTLP over gRPC, on bytes: no message object is made."""

import logging
import re
import time
from pathlib import Path
from typing import Any, Final

import grpc

from otel_ia.delivery.shipping.answers import Answer, accepted, blocked, refused, retry, words_of_server
from otel_ia.delivery.shipping.destination import Destination, Signal, shown, user_agent
from otel_ia.delivery.shipping.proxies import Proxy, answer_of_proxy, proxy_of
from otel_ia.delivery.shipping.responses import read_partial_success, read_status
from otel_ia.forks import begun_anew

_SERVICES: Final[dict[Signal, str]] = {
    "traces": "trace.v1.Trace",
    "logs": "logs.v1.Logs",
    "metrics": "metrics.v1.Metrics",
}
_OPTIONS: Final = (
    ("grpc.primary_user_agent", user_agent()),
    ("grpc.enable_retries", 0),
)
_SETTING: Final = {
    grpc.StatusCode.UNAUTHENTICATED: "headers",
    grpc.StatusCode.PERMISSION_DENIED: "headers",
    grpc.StatusCode.UNIMPLEMENTED: "endpoint",
    grpc.StatusCode.NOT_FOUND: "endpoint",
    grpc.StatusCode.FAILED_PRECONDITION: "endpoint",
    grpc.StatusCode.ALREADY_EXISTS: "endpoint",
}
_REFUSED_BY_PROXY: Final = re.compile(r"HTTP proxy returned response code (\d{3})\b")
_TLS_FAILURE: Final = re.compile("certificate|handshake|verification check", re.IGNORECASE)
_SAID_HERE: Final = "Invalid metadata"
"""The details when a header cannot be sent."""
_DETAILS: Final = "grpc-status-details-bin"
_logger = logging.getLogger("otel_ia")
_parents: Final[list[Any]] = []
"""Channels of the parent: closing one in a child may wait for a thread that is not there."""


class GrpcTransport:
    """One channel, made anew after a failure: a new one connects at once, an old one when its own backoff is over."""

    def __init__(self, signal: Signal, destination: Destination) -> None:
        assert destination.endpoint is not None
        self.address = shown(destination.endpoint)
        self._destination = destination
        self._target = destination.endpoint.partition("://")[2].rstrip("/") or destination.endpoint
        self._method = f"/opentelemetry.proto.collector.{_SERVICES[signal]}Service/Export"
        self._metadata = tuple((name.lower(), value) for name, value in destination.headers.items())
        self._compression = grpc.Compression.Gzip if destination.compression == "gzip" else None
        self._proxy = proxy_of(destination)
        self._channel: Any = None
        self.is_answered = False
        self._is_closed = False
        self._is_inherited = self._was_forked = False
        _transports.add(self)

    def send(self, body: bytes, timeout: float) -> Answer:
        """Sends the request. In a child that was forked while gRPC was in use, says once that this may not go well."""
        end = time.monotonic() + min(timeout, self._destination.timeout)
        if self._is_inherited:
            self._is_inherited = False
            _warn_of_fork()
        try:
            return self._call(body, end)
        except OSError:
            return blocked("a certificate's file cannot be read", "certificate", "client_certificate", "client_key")
        except grpc.RpcError as error:
            self._disconnect()
            answer = _answer_of_proxy(error, self._proxy) if self._proxy is not None else None
            return answer or _answer_to_status(error, [value for _, value in self._metadata])
        except (ValueError, TypeError, UnicodeError):
            self._disconnect()
            if self._is_closed:
                return retry("the connection was closed here")
            return blocked("the request cannot be made", "headers")

    def close(self) -> None:
        """Cancels what waits."""
        self._is_closed = True
        self._disconnect()

    def begin_after_fork(self) -> None:
        """In a forked child: leaves the parent's channel alone."""
        if self._channel is not None:
            self._is_inherited = self._was_forked = True
            _parents.append(self._channel)
            self._channel = None

    def _call(self, body: bytes, end: float) -> Answer:
        if self._is_closed:
            return retry("the connection was closed here")
        # whether it has an answer cannot be asked; but cancelled, a call returns, unless gRPC has not survived a fork
        self.is_answered = not self._was_forked
        if self._channel is None:
            self._channel = _make_channel(self._target, self._destination)
        export = self._channel.unary_unary(self._method, request_serializer=None, response_deserializer=None)
        content = export(
            body,
            timeout=max(0.001, end - time.monotonic()),
            metadata=self._metadata,
            compression=self._compression,
        )
        rejected, message = read_partial_success(content)
        return accepted(rejected, words_of_server(message, self._destination.headers.values()))

    def _disconnect(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()


def _make_channel(target: str, destination: Destination) -> Any:
    """Through the destination's proxy alone, but for hosts in the environment's `no_proxy`: gRPC passes by for them."""
    proxy = destination.proxy
    options = (*_OPTIONS, ("grpc.enable_http_proxy", 0) if proxy is None else ("grpc.http_proxy", proxy))
    if destination.insecure:
        return grpc.insecure_channel(target, options=options)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=_content(destination.certificate),
        private_key=_content(destination.client_key),
        certificate_chain=_content(destination.client_certificate),
    )
    return grpc.secure_channel(target, credentials, options=options)


def _content(file: str | None) -> bytes | None:
    return Path(file).read_bytes() if file is not None else None


def _answer_of_proxy(error: grpc.RpcError, proxy: Proxy) -> Answer | None:
    """What the proxy says that lets nothing through; None where it is not from there."""
    if not isinstance(error, grpc.Call):
        return None
    refusal = _REFUSED_BY_PROXY.search(error.details() or "")
    return answer_of_proxy(proxy, int(refusal[1])) if refusal else None


def _answer_to_status(error: grpc.RpcError, secrets: list[str]) -> Answer:
    """By its code, as OTLP says (https://opentelemetry.io/docs/specs/otlp/#failures).

    Beyond OTLP, codes that say nothing of the request come again, since nothing is to be lost.
    """
    if not isinstance(error, grpc.Call):
        return retry(type(error).__name__)
    code = error.code()
    words = error.details() or ""
    reason = f"{code.name} {words_of_server(words, secrets)}".rstrip()
    delay = _retry_delay(error)
    if code is grpc.StatusCode.UNAVAILABLE and _TLS_FAILURE.search(words):
        return blocked(reason, "certificate", "client_certificate", "insecure")
    if code in _SETTING or (code is grpc.StatusCode.INTERNAL and words == _SAID_HERE):
        return blocked(code.name, _SETTING.get(code, "headers"))
    is_too_large = code is grpc.StatusCode.RESOURCE_EXHAUSTED and delay is None and "larger than max" in words
    if code is grpc.StatusCode.INVALID_ARGUMENT or is_too_large:
        return refused(reason)
    return retry(reason, delay)


def _retry_delay(call: grpc.Call) -> float | None:
    for name, value in call.trailing_metadata() or ():
        if name == _DETAILS and isinstance(value, bytes):
            return read_status(value)[1]
    return None


def _warn_of_fork() -> None:
    _logger.warning(
        "this process was forked from one that used gRPC, which gRPC does not promise to survive; where processes "
        "fork, set protocol to http/protobuf (OTEL_EXPORTER_OTLP_PROTOCOL)"
    )


_transports: Final = begun_anew(GrpcTransport.begin_after_fork)
