"""The real Collector's Elasticsearch exporter, as examples/compose sets it up, towards a server of the bulk API."""

from __future__ import annotations

import gzip
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from ruamel.yaml import YAML

import otel_ia
from otel_ia import monitor

from .conftest import COMPOSE, CONFIGURATION, program_path
from .programs import HOST, Program, free_port, send, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .servers import OpenSearch

pytestmark = pytest.mark.backends

STREAM = "logs-generic.otel-default"
DEMAND = b',"require_data_stream":true'


@pytest.fixture
def elasticsearch(opensearch: OpenSearch) -> Iterator[int]:
    """The port of OpenSearch under the other's name, with data streams for logs as that one has them from the start.

    It does not know the demand for a data stream, so that is looked at here.
    """
    template = {"index_patterns": ["logs-*-*"], "data_stream": {}, "priority": 100}
    template["template"] = {"settings": {"index": {"number_of_replicas": 0}}}
    assert send(opensearch.port, "PUT", "/_index_template/logs", json.dumps(template))[0] == 200
    assert send(opensearch.port, "PUT", f"/_data_stream/{STREAM}", "")[0] == 200
    demanded: list[bool] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            demanded.append(DEMAND in body)
            status, content = send(
                opensearch.port, "POST", self.path, body.replace(DEMAND, b""), "application/x-ndjson"
            )
            answer = content.encode()
            self.send_response(status)
            self.send_header("X-Elastic-Product", "Elasticsearch")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()
    assert demanded
    assert all(demanded)


def without_other_pipelines(file: Path) -> Path:
    """Writes what collector-config.yaml has for the added pipeline: this Collector has no other components."""
    added: dict[str, Any] = YAML(typ="safe").load((COMPOSE / "collector-elasticsearch.yaml").read_text())
    (pipeline,) = added["service"]["pipelines"].values()
    kept: dict[str, Any] = YAML(typ="safe").load(CONFIGURATION.read_text())
    for part in ("receivers", "processors"):
        kept[part] = {name: kept[part][name] for name in pipeline[part]}
    del kept["connectors"], kept["exporters"], kept["service"]["pipelines"]
    file.write_text(json.dumps(kept))  # which is YAML too
    return file


@pytest.fixture
def endpoint(elasticsearch: int, tmp_path: Path) -> Iterator[str]:
    """The OTLP/HTTP endpoint of a Collector with the Elasticsearch exporter."""
    health, http_port = free_port(), free_port()
    configurations = (without_other_pipelines(tmp_path / "base.yaml"), COMPOSE / "collector-elasticsearch.yaml")
    program = Program(
        command=[
            program_path("collector-elasticsearch"),
            *(f"--config={file}" for file in configurations),
        ],
        folder=tmp_path,
        health=(health, "/"),
        environment={
            "COLLECTOR_HOST": HOST,
            "COLLECTOR_OTLP_GRPC_PORT": str(free_port()),
            "COLLECTOR_OTLP_HTTP_PORT": str(http_port),
            "COLLECTOR_TELEMETRY_PORT": str(free_port()),
            "COLLECTOR_HEALTH_PORT": str(health),
            "COLLECTOR_STORAGE": str(tmp_path / "queue"),
            "ELASTICSEARCH_ENDPOINT": f"http://{HOST}:{elasticsearch}",
        },
    )
    program.start()
    yield f"http://{HOST}:{http_port}"
    program.stop()


def test_log_records_reach_the_server_with_ids_severity_and_attributes(
    opensearch: OpenSearch, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    service = f"service-{uuid4().hex[:12]}"
    settings: dict[str, Any] = {"service_name": service, "console": False, "log_level": "INFO"}
    settings |= {"traces_exporter": "none", "metrics_exporter": "none"}
    logger = logging.getLogger("app")
    with otel_ia.configure(endpoint=endpoint, **settings) as telemetry:
        with monitor("infer") as span:
            try:
                raise KeyError("gone")
            except KeyError:
                logger.exception("failed", extra={"batch": 32, "note": "Bearer abcdefgh12345678"})
        for number in range(99):
            logger.info("line %d", number)
        assert telemetry.flush(20)

    def found() -> list[dict[str, Any]]:
        documents = opensearch.find(STREAM, {"match_all": {}})
        return documents if len(documents) >= 100 else []

    documents = wait_until(found, "100 documents")
    assert len(documents) == 100
    (failed,) = [document for document in documents if document["body"]["text"] == "failed"]
    context = span.get_span_context()
    assert (failed["trace_id"], failed["span_id"]) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    assert (failed["severity_text"], failed["severity_number"]) == ("ERROR", 17)
    assert failed["resource"]["attributes"]["service.name"] == service
    assert failed["attributes"]["batch"] == 32
    assert failed["attributes"]["exception.type"] == "KeyError"
    assert "abcdefgh" not in repr(failed)
    lines = {document["body"]["text"] for document in documents} - {"failed"}
    assert lines == {f"line {number}" for number in range(99)}
