"""Collector, Jaeger and Prometheus as a test sees them: where to send, what to ask, how to take them away."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .otlp import LogRecord, Span, log_records, spans
from .programs import HOST, PATIENCE, Program, fetch, send, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def answer(port: int, path: str, query: dict[str, str] | None = None) -> Any:
    """The JSON of an answer; None for 404, as Jaeger says that it found nothing."""
    status, body = fetch(port, path, query)
    if status == 404:
        return None
    if status != 200:
        raise RuntimeError(f"GET {path} {query} answered {status}: {body}")
    return json.loads(body)


@dataclass(frozen=True, slots=True)
class Collector:
    """Runs collector-config.yaml. `stop` and `start` keep its ports, its queue on disk and its log file."""

    program: Program
    grpc_port: int
    http_port: int
    prometheus_port: int
    telemetry_port: int
    log_file: Path

    @property
    def http_endpoint(self) -> str:
        """The base address: exporters that want a signal's own add /v1/traces and so on."""
        return f"http://{HOST}:{self.http_port}"

    @property
    def grpc_endpoint(self) -> str:
        return f"http://{HOST}:{self.grpc_port}"

    def start(self) -> None:
        self.program.start()

    def stop(self, *, kill: bool = False) -> None:
        self.program.stop(kill=kill)

    def logs(self) -> list[LogRecord]:
        """The log records that arrived, in their order."""
        if not self.log_file.exists():
            return []
        *complete, _ = self.log_file.read_text().split("\n")  # the Collector leaves other ends of lines as they are
        return [record for line in complete for record in log_records(json.loads(line))]

    def wait_for_logs(self, wanted: Callable[[LogRecord], bool], count: int = 1) -> list[LogRecord]:
        def look() -> list[LogRecord]:
            found = [record for record in self.logs() if wanted(record)]
            return found if len(found) >= count else []

        return wait_until(look, f"{count} log records in {self.log_file}")

    def metrics(self) -> str:
        """What Prometheus would scrape, as OpenMetrics text, exemplars included."""
        return fetch(self.prometheus_port, "/metrics", accept="application/openmetrics-text")[1]

    def telemetry(self) -> str:
        """What the Collector measures of itself, as Prometheus text."""
        return fetch(self.telemetry_port, "/metrics")[1]


@dataclass(frozen=True, slots=True)
class Jaeger:
    """Traces come back as plain spans (`otlp.Span`). Its memory is lost when it is stopped."""

    program: Program
    query_port: int
    otlp_port: int

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.query_port}"

    def start(self) -> None:
        self.program.start()

    def stop(self) -> None:
        self.program.stop()

    def services(self) -> list[str]:
        return list((answer(self.query_port, "/api/v3/services") or {}).get("services", ()))

    def trace(self, trace_id: str | int) -> list[Span]:
        """The spans of a trace, earliest first; none when Jaeger does not know it."""
        identity = f"{trace_id:032x}" if isinstance(trace_id, int) else trace_id
        return self._spans(f"/api/v3/traces/{identity}")

    def find(self, service: str, *, operation: str = "", limit: int = 200) -> dict[str, list[Span]]:
        """The traces of a service in the last hour, by trace id."""
        now = time.time()
        query = {
            "query.service_name": service,
            "query.operation_name": operation,
            "query.start_time_min": datetime.fromtimestamp(now - 3600, UTC).isoformat(),
            "query.start_time_max": datetime.fromtimestamp(now + 60, UTC).isoformat(),
            "query.num_traces": str(limit),
        }
        traces: dict[str, list[Span]] = {}
        for span in self._spans("/api/v3/traces", query):
            traces.setdefault(span.trace_id, []).append(span)
        return traces

    def search(self, service: str, attributes: dict[str, str]) -> set[str]:
        """The ids of the traces of the last hour with a span that has these attributes, as Jaeger's own page asks."""
        now = int(time.time() * 1e6)
        query = {"service": service, "tags": json.dumps(attributes), "limit": "200", "lookback": "custom"}
        period = {"start": str(now - 3_600_000_000), "end": str(now + 60_000_000)}
        found = answer(self.query_port, "/api/traces", query | period)
        return {trace["traceID"] for trace in found["data"]}

    def wait_for_trace(self, trace_id: str | int, spans: int = 1, *, timeout: float = PATIENCE) -> list[Span]:
        """The trace, once it has at least so many spans."""

        def look() -> list[Span]:
            found = self.trace(trace_id)
            return found if len(found) >= spans else []

        return wait_until(look, f"{spans} spans of trace {trace_id}", timeout=timeout)

    def wait_for_service(self, service: str, traces: int = 1, *, timeout: float = PATIENCE) -> dict[str, list[Span]]:
        """The traces of a service, once there are at least so many."""

        def look() -> dict[str, list[Span]]:
            found = self.find(service)
            return found if len(found) >= traces else {}

        return wait_until(look, f"{traces} traces of {service}", timeout=timeout)

    def _spans(self, path: str, query: dict[str, str] | None = None) -> list[Span]:
        message = answer(self.query_port, path, query) or {"result": {}}
        return sorted(spans(message["result"]), key=lambda span: (span.start, -span.end))


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Scrapes the Collector twice a second, with the storage of exemplars on."""

    program: Program
    port: int

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series of an instant query."""
        result = answer(self.port, "/api/v1/query", {"query": expression})["data"]["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def exemplars(self, expression: str, *, since: float | None = None) -> list[dict[str, str]]:
        """The labels of the exemplars, such as trace_id and span_id, since a moment (s) or of the last hour."""
        now = time.time()
        period = {"query": expression, "start": str(now - 3600 if since is None else since), "end": str(now + 60)}
        data = answer(self.port, "/api/v1/query_exemplars", period)["data"]
        return [exemplar["labels"] for series in data for exemplar in series["exemplars"]]

    def wait_for(self, expression: str) -> list[tuple[dict[str, str], float]]:
        return wait_until(lambda: self.query(expression), expression)

    def wait_for_exemplars(self, expression: str) -> list[dict[str, str]]:
        return wait_until(lambda: self.exemplars(expression), f"exemplars of {expression}")


@dataclass(frozen=True, slots=True)
class OpenSearch:
    """A server of the bulk API that Elasticsearch has too."""

    program: Program
    port: int

    def create(self, index: str, mappings: dict[str, Any]) -> None:
        settings = {"number_of_replicas": 0, "mapping.total_fields.limit": 10_000, "translog.durability": "async"}
        self._said("PUT", f"/{index}", {"settings": {"index": settings}, "mappings": mappings})

    def add(self, index: str, documents: Sequence[str]) -> list[dict[str, Any]]:
        """Sends JSON objects, a line each, through the bulk API; what became of each, found by searches from now on."""
        lines = [line for document in documents for line in ('{"create":{}}', document)]
        body = "".join(f"{line}\n" for line in lines).encode()
        status, text = send(self.port, "POST", f"/{index}/_bulk?refresh=true", body, "application/x-ndjson")
        assert status == 200, text
        return [item["create"] for item in json.loads(text)["items"]]

    def find(self, index: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        """The documents that a query finds, as they were sent."""
        hits = self._said("POST", f"/{index}/_search", {"size": 1_000, "query": query})["hits"]["hits"]
        return [hit["_source"] for hit in hits]

    def _said(self, method: str, path: str, content: dict[str, Any]) -> Any:
        status, text = send(self.port, method, path, json.dumps(content))
        assert status == 200, text
        return json.loads(text)


@dataclass(frozen=True, slots=True)
class Backends:
    collector: Collector
    jaeger: Jaeger
    prometheus: Prometheus
