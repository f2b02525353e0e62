"""Where one signal goes, as delivery needs to know it."""

import re
from base64 import b64encode
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Literal, Protocol
from urllib.parse import unquote

Signal = Literal["traces", "logs", "metrics"]

_LOGIN: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@", re.DOTALL)


class Destination(Protocol):
    """`endpoint` is the full URL over HTTP, "scheme://host:port" or "host:port" over gRPC; certificates are PEM files.

    `timeout` is in seconds for one request, `insecure` says whether a gRPC connection is without TLS. `proxy` is the
    URL of the HTTP proxy on the way to it, with user name and password where that asks for them.
    """

    @property
    def endpoint(self) -> str | None: ...
    @property
    def protocol(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def timeout(self) -> float: ...
    @property
    def compression(self) -> str: ...
    @property
    def certificate(self) -> str | None: ...
    @property
    def client_key(self) -> str | None: ...
    @property
    def client_certificate(self) -> str | None: ...
    @property
    def insecure(self) -> bool: ...
    @property
    def proxy(self) -> str | None: ...


def shown(endpoint: str) -> str:
    """The endpoint as it may be told: without user name, password and the content of its query.

    Reaches to the last "@": in a URL that is wrong the password may hold a slash.
    """
    address, mark, _ = _LOGIN.sub(r"\1***@", endpoint).partition("?")
    return f"{address}?***" if mark else address


def basic_authorization(user: str | None, password: str | None) -> dict[str, str]:
    """The header that user name and password of a URL (percent-encoded there) stand for."""
    if user is None:
        return {}
    login = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Authorization": f"Basic {b64encode(login).decode()}"}


def user_agent() -> str:
    """How requests introduce themselves: our name and, where it is installed as a package, its version."""
    try:
        return f"otel_ia/{version('otel_ia')}"
    except PackageNotFoundError:
        return "otel_ia"
