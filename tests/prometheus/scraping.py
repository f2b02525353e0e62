"""Scrapes as Prometheus does it, and reads the answers with `prometheus_client`'s own parsers."""

import http.client
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

HOST = "127.0.0.1"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
TEXT = "text/plain; version=0.0.4"
PATIENCE = 90.0
_given: set[int] = set()
Rows = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def free_port() -> int:
    """A port nobody listens on, below those of outgoing connections."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


def fetch(port: int, accept: str = OPENMETRICS, path: str = "/metrics", host: str = HOST) -> str:
    """The body of an answer with status 200. Raises OSError where nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=20)
    try:
        connection.request("GET", path, headers={"Accept": accept})
        response = connection.getresponse()
        body = response.read().decode()
        assert response.status == 200, body
        return body
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()


def scrape(port: int) -> Rows:
    """Every sample of an answer, by its name and labels, once it is asked and somebody answers."""
    return rows_of(parse(wait_until(lambda: _try_to_fetch(port))))


def _try_to_fetch(port: int) -> str | None:
    try:
        return fetch(port)
    except OSError:
        return None


def parse(body: str) -> list[Metric]:
    """The families of an answer in either format."""
    return list(parse_openmetrics(body) if body.endswith("# EOF\n") else parse_text(body))


def rows_of(families: list[Metric]) -> Rows:
    found: Rows = {}
    for sample in (sample for family in families for sample in family.samples):
        key = sample.name, tuple(sorted(sample.labels.items()))
        assert key not in found, f"twice: {key}"
        found[key] = sample.value
    return found


def total(rows: Rows, name: str, **labels: str) -> float:
    """The sum of all samples of this name that have these labels."""
    return sum(value for (found, said), value in rows.items() if found == name and labels.items() <= dict(said).items())


def counting(rows: Rows) -> Rows:
    """What may never fall while a process of the service lives."""
    endings = ("_total", "_count", "_sum", "_bucket")
    return {key: value for key, value in rows.items() if key[0].endswith(endings)}


def assert_nothing_fell(before: Mapping[Any, float], after: Mapping[Any, float]) -> None:
    fallen = {key: (value, after.get(key)) for key, value in before.items() if after.get(key, -1.0) < value}
    assert not fallen, fallen


def scrape_until(port: int, is_enough: Callable[[Rows], bool]) -> Iterator[Rows]:
    """Scrapes again and again, the last time when it is enough; nothing may fall from one answer to the next."""
    before: Rows = {}
    end = time.monotonic() + PATIENCE
    while True:
        after = scrape(port)
        assert_nothing_fell(counting(before), after)
        yield after
        if is_enough(after):
            return
        assert time.monotonic() < end, "it did not become enough"
        before = after
        time.sleep(0.03)  # leaves the processor to those that are scraped


def wait_until(look: Callable[[], Any]) -> Any:
    """The first true answer."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < end, "it did not become so"
        time.sleep(0.01)
    return found
