"""Whether Jaeger and Prometheus have it: asked over and over until they do or the time is up."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from otel_ia.checking.network import date_skew
from otel_ia.checking.report import Cause

_PAUSE: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Whether it was found, after how many seconds; if not, why; `skew` as in `network.Finding`."""

    is_found: bool
    after: float = 0.0
    cause: Cause | None = None
    skew: float | None = None


def find_trace(address: str, trace_id: str, timeout: float) -> Read:
    """Asks Jaeger (v2, `/api/v3`) for a trace."""
    base = address.rstrip("/")
    read = _find(f"{base}/api/v3/traces/{trace_id}", lambda found: bool(found.get("result")), timeout)
    if read.cause is not None or read.is_found:
        return read
    services = _get(f"{base}/api/v3/services", 2.0)
    if isinstance(services, str) or services[0] != 200 or services[1] is None:  # noqa: PLR2004 - OK
        problem = f"what answers at {base} has no query API of Jaeger's (/api/v3)"
        return Read(is_found=False, cause=Cause(problem=problem, remedy="give --jaeger Jaeger's query address, :16686"))
    return _too_late("Jaeger", timeout)


def find_point(address: str, query: str, timeout: float) -> Read:
    """Asks Prometheus for a metric."""
    base = address.rstrip("/")
    url = f"{base}/api/v1/query?{urlencode({'query': query})}"
    read = _find(url, lambda found: bool((found.get("data") or {}).get("result")), timeout)
    if read.cause is not None or read.is_found:
        return read
    answer = _get(f"{base}/api/v1/query?query=1", 2.0)
    if isinstance(answer, str) or (answer[1] or {}).get("status") != "success":
        problem = f"what answers at {base} has no query API of Prometheus' (/api/v1)"
        return Read(is_found=False, cause=Cause(problem=problem, remedy="give --prometheus its address, :9090"))
    return _too_late("Prometheus", timeout)


def _too_late(name: str, timeout: float) -> Read:
    cause = Cause(
        problem=f"accepted, but not found in {name} within {timeout:g} s",
        remedy=f"look at the collector's exporter to {name} and its own log; a longer --timeout where it batches",
    )
    return Read(is_found=False, cause=cause)


def _find(url: str, is_in: Callable[[Any], bool], timeout: float) -> Read:
    begin = time.monotonic()
    skew = None
    while True:
        answer = _get(url, max(0.5, begin + timeout - time.monotonic()))
        if isinstance(answer, str):
            host = url.partition("/api/")[0]
            problem = f"{host} cannot be asked: {answer}"
            return Read(is_found=False, cause=Cause(problem=problem, remedy="change the query address given"))
        status, content, skew = answer
        if status == 200 and content is not None and is_in(content):  # noqa: PLR2004 - OK
            return Read(is_found=True, after=time.monotonic() - begin, skew=skew)
        if time.monotonic() - begin + _PAUSE > timeout:
            return Read(is_found=False, skew=skew)
        time.sleep(_PAUSE)


def _get(url: str, timeout: float) -> tuple[int, dict[str, Any] | None, float | None] | str:
    """Status, JSON object (None for anything else) and skew of an answer, or why there is none."""
    try:
        with urllib3.PoolManager() as pool:
            response = pool.request("GET", url, timeout=timeout, retries=False, redirect=False)
    except (HTTPError, ValueError) as error:
        return type(error).__name__
    try:
        content = json.loads(response.data)
    except ValueError:
        content = None
    return response.status, content if isinstance(content, dict) else None, date_skew(response.headers.get("Date", ""))
