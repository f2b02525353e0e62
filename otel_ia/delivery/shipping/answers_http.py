"""What an HTTP response, or the failure to get one, says about the request."""

import re
import ssl
from collections.abc import Collection, Mapping
from email.utils import parsedate_to_datetime
from http.client import HTTPException, RemoteDisconnected
from typing import Final

from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from otel_ia import clock
from otel_ia.delivery.shipping.answers import (
    RETRIED,
    Answer,
    accepted,
    blocked,
    name_of_status,
    refused,
    retry,
    words_of_server,
)
from otel_ia.delivery.shipping.destination import shown
from otel_ia.delivery.shipping.proxies import Proxy, answer_of_proxy
from otel_ia.delivery.shipping.responses import read_partial_success, read_status

_PROTOBUF: Final = "application/x-protobuf"
_SETTING: Final = {401: "headers", 403: "headers", 407: "proxy"}
_UNREACHED: Final = (NewConnectionError, NameResolutionError, ConnectTimeoutError)
_REFUSED: Final = {400, 413, 422}
_DESCRIPTIONS: Final[dict[type[BaseException], str]] = {
    NameResolutionError: "the host's name is not known",
    TimeoutError: "no answer in time",
    RemoteDisconnected: "the connection was closed without an answer",
    HTTPException: "what answers does not speak HTTP",
}
_NO_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})\b")
_NO_TLS: Final = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL"}


def answer_to_response(status: int, headers: Mapping[str, str], body: bytes, *, secrets: Collection[str]) -> Answer:
    """By its status, as OTLP says (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response).

    Beyond OTLP every 5xx and 408 comes again, since nothing is to be lost, and 413 counts as refused: a part may pass.
    """
    is_protobuf = headers.get("Content-Type", "").startswith(_PROTOBUF)
    if 200 <= status < 300:  # noqa: PLR2004 - the range of success
        rejected, message = read_partial_success(body) if is_protobuf else (0, "")
        return accepted(rejected, words_of_server(message, secrets))
    named = name_of_status(status)
    if 300 <= status < 400:  # noqa: PLR2004 - the range of redirects
        location = words_of_server(shown(headers.get("Location", "")), secrets)
        return blocked(f"{named} to {location or 'elsewhere'}, which is not followed", "endpoint")
    if status in _REFUSED:
        message = words_of_server(read_status(body)[0], secrets) if is_protobuf else ""
        return refused(f"{named} {message}".rstrip())
    if status in RETRIED or status >= 500:  # noqa: PLR2004 - the server's errors
        return retry(named, read_retry_after(headers.get("Retry-After")))
    return blocked(named, _SETTING.get(status, "endpoint"))


def answer_to_error(error: Exception, *, proxy: Proxy | None = None) -> Answer:
    """By its kind. Its text is told only where it cannot hold a header or a password."""
    if isinstance(error, ssl.SSLError):
        return _answer_to_tls_error(error)
    if isinstance(error, ValueError):
        return blocked(f"the request cannot be made ({type(error).__name__})", "headers")
    if proxy and (refusal := _NO_TUNNEL.match(str(error))):
        return answer_of_proxy(proxy, int(refusal[1]))
    if proxy and isinstance(error, _UNREACHED):
        return retry(f"{_describe(error)}, at the proxy {proxy.address}")
    return retry(_describe(error))


def _answer_to_tls_error(error: ssl.SSLError) -> Answer:
    reason = error.reason or type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        return blocked(f"the server's certificate is not accepted ({error.verify_message})", "certificate")
    if "CERTIFICATE" in reason or "UNKNOWN_CA" in reason:
        return blocked(f"the server does not accept this client ({reason})", "client_certificate", "client_key")
    if reason in _NO_TLS:
        return blocked("what answers does not speak TLS", "endpoint")
    return retry(f"the TLS connection failed ({reason})")


def _describe(error: BaseException | None) -> str:
    for kind, description in _DESCRIPTIONS.items():
        if isinstance(error, kind):
            return description
    if isinstance(error, NewConnectionError):
        return _describe(error.__cause__)
    if isinstance(error, ConnectTimeoutError):
        return _DESCRIPTIONS[TimeoutError]
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"the connection failed ({type(error).__name__})"


def read_retry_after(value: str | None) -> float | None:
    """The seconds from now that a Retry-After header means, given as seconds or as a date; None if it is neither."""
    if value is None:
        return None
    try:
        return max(0.0, float(int(value)))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, moment.timestamp() - clock.wall() / 1e9)
    except (ValueError, OverflowError, OSError):
        return None
