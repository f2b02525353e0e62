"""The HTTP proxy on the way to a destination. Only the settings name one: the environment's is never asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from otel_ia.delivery.shipping.answers import RETRIED, Answer, blocked, name_of_status, retry
from otel_ia.delivery.shipping.destination import Destination, basic_authorization, shown

_PORT = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Where it is and what it wants to be told. `address` is without user name and password."""

    address: str
    host: str
    port: int
    headers: Mapping[str, str] = field(repr=False)


def proxy_of(destination: Destination) -> Proxy | None:
    """The destination's proxy, if it has one."""
    if destination.proxy is None:
        return None
    parts = urlsplit(destination.proxy)
    headers = {f"Proxy-{name}": value for name, value in basic_authorization(parts.username, parts.password).items()}
    address = shown(destination.proxy).rstrip("/")
    return Proxy(address=address, host=parts.hostname or "", port=parts.port or _PORT, headers=headers)


def answer_of_proxy(proxy: Proxy, status: int) -> Answer:
    """What became of a request for which the proxy makes no tunnel."""
    reason = f"the proxy {proxy.address} answers {name_of_status(status)}"
    return retry(reason) if status in RETRIED or status >= 500 else blocked(reason, "proxy")  # noqa: PLR2004 - its errors
