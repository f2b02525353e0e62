"""Endpoints: which URLs are taken, what they become for each signal, and the files of their TLS."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from otel_ia.configuration.parsing import Given, refuse, text
from otel_ia.delivery.shipping.destination import shown

_URL = "a URL such as http://localhost:4318"
_VISIBLE = re.compile(r"[!-~]+")  # urlsplit drops line breaks and tabs silently
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._~%-]+|\[[0-9A-Fa-f:.]+(?:%25[A-Za-z0-9._~-]+)?\])(?::[0-9]{1,5})?")
_GRPC_HEADER = re.compile(r"[0-9a-z_.-]+")


def endpoint(given: Given) -> str:
    """A URL with http or https and a host; also "host:port", which gRPC takes."""
    value = text(given, expected=_URL)
    if not _VISIBLE.fullmatch(value) or (parts := _split(value)) is None:
        raise refuse(given, _URL)
    if "://" in value and parts.scheme not in {"http", "https"}:
        raise refuse(given, "a URL with http:// or https://")
    has_more = "://" not in value and (parts.path or parts.query)
    if has_more or parts.fragment or not _AUTHORITY.fullmatch(parts.netloc.rpartition("@")[2]):
        raise refuse(given, _URL)
    return value


def proxy(given: Given) -> str:
    """The URL of an HTTP proxy: http, a host, perhaps a login and a port."""
    expected = "a URL such as http://proxy:3128"
    value = text(given, expected=expected)
    parts = _split(value) if _VISIBLE.fullmatch(value) else None
    if parts is None or "://" not in value or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise refuse(given, expected)
    if parts.scheme != "http":
        raise refuse(given, "a URL with http://", hint="that is how the proxy is spoken to, whatever goes through it")
    if not _AUTHORITY.fullmatch(parts.netloc.rpartition("@")[2]):
        raise refuse(given, expected)
    return value


def signal_endpoint(given: Given, address: str, *, signal: str, protocol: str) -> str:
    """Where one signal goes, given an address that `endpoint` took.

    Over HTTP the general endpoint gets the signal's path, and a signal's own endpoint is used as it is
    (https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp).
    """
    if protocol == "grpc":
        if "@" in address:
            raise refuse(given, "usable with gRPC, which has no place for a user name", hint="use headers")
        return address
    if "://" not in address:
        raise refuse(given, _URL, hint="an address without http:// is for protocol grpc")
    if given.name != "endpoint":
        return address
    parts = urlsplit(address)
    return parts._replace(path=f"{parts.path.removesuffix('/')}/v1/{signal}").geturl()


def default_endpoint(*, signal: str, protocol: str) -> str:
    """OpenTelemetry's own, for an exporter that was asked for without an endpoint."""
    return "http://localhost:4317" if protocol == "grpc" else f"http://localhost:4318/v1/{signal}"


def insecure_by_scheme(address: str | None) -> bool | None:
    """Whether the connection is without TLS; None where no scheme decides it."""
    if address is None or "://" not in address:
        return None
    return urlsplit(address).scheme == "http"


def check_grpc_headers(given: Given, headers: Mapping[str, str]) -> None:
    """Refuses header names that gRPC would refuse at each export."""
    for name in headers:
        if not _GRPC_HEADER.fullmatch(name) or name.endswith("-bin"):
            raise refuse(given, f"usable with gRPC, as far as {name} is concerned")


def mask_url(value: object) -> object:
    """The URL as it may be shown."""
    return shown(value) if isinstance(value, str) else value


def readable_file(given: Given) -> str:
    """The path of a file that can be read now, absolute."""
    value = given.value if isinstance(given.value, str) else _path_text(given.value)
    if value is None or not value.strip():
        raise refuse(given, "a path")
    path = (given.directory or Path()) / value
    try:
        if path.is_file() and os.access(path, os.R_OK):
            return str(path)
    except (OSError, ValueError):
        pass
    raise refuse(given, "a file that can be read", hint=f"looked for {path!s}")


def folder(given: Given) -> str:
    """The path of a directory that need not exist yet, absolute; `~` is the user's home."""
    value = given.value if isinstance(given.value, str) else _path_text(given.value)
    if value is None or not value.strip() or "\0" in value:
        raise refuse(given, "a path")
    return str((given.directory or Path()) / os.path.expanduser(value.strip()))  # noqa: PTH111 - never raises


def _path_text(value: object) -> str | None:
    path = os.fspath(value) if isinstance(value, os.PathLike) else None
    return path if isinstance(path, str) else None


def _split(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value if "://" in value else f"//{value}")
        is_complete = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port beyond 65535, a bracket left open
        return None
    return parts if is_complete else None
