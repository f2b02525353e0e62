"""The real Collector, Jaeger, Prometheus and OpenSearch as fixtures, one of each for the whole session, on loopback.

They know each other's ports: the Collector sends to Jaeger and is scraped by Prometheus, whichever of them a test asks
for. A test may take one away and bring it back (`collector.stop()`, `collector.start()`). Where a program is missing,
tests that need it are skipped with the reason; with OTEL_IA_REQUIRE_BACKENDS=1 they fail.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .programs import HOST, Program, free_port, run
from .servers import Backends, Collector, Jaeger, OpenSearch, Prometheus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = ROOT / "collector-config.yaml"
COMPOSE = ROOT / "examples" / "compose"


@dataclass(frozen=True, slots=True)
class Ports:
    collector_prometheus: int = field(default_factory=free_port)
    collector_telemetry: int = field(default_factory=free_port)
    jaeger_otlp: int = field(default_factory=free_port)
    prometheus: int = field(default_factory=free_port)


def program_path(name: str) -> Path:
    """Where `scripts/backends` put a program. Skips the test when it is missing, or fails it when it may not be."""
    script = ROOT / "scripts" / "backends"
    found = run([sys.executable, script, "--path", name])
    if found.returncode == 0:
        return Path(found.stdout.strip())
    reason = found.stderr.strip()
    if os.environ.get("OTEL_IA_REQUIRE_BACKENDS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def ports() -> Ports:
    return Ports()


@pytest.fixture(scope="session")
def start_collector(ports: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Collector]]:
    """Starts one more Collector, stopped at the end of the session; keywords are further environment."""
    started: list[Collector] = []

    def start(prometheus_port: int = 0, telemetry_port: int = 0, **environment: str) -> Collector:
        folder = tmp_path_factory.mktemp("collector")
        health = free_port()
        grpc_port, http_port = free_port(), free_port()
        prometheus_port, telemetry_port = prometheus_port or free_port(), telemetry_port or free_port()
        log_file = folder / "logs" / "logs.jsonl"
        program = Program(
            command=[program_path("collector"), "--config", CONFIGURATION],
            folder=folder,
            health=(health, "/"),
            environment={
                "COLLECTOR_HOST": HOST,
                "COLLECTOR_OTLP_GRPC_PORT": str(grpc_port),
                "COLLECTOR_OTLP_HTTP_PORT": str(http_port),
                "COLLECTOR_PROMETHEUS_PORT": str(prometheus_port),
                "COLLECTOR_TELEMETRY_PORT": str(telemetry_port),
                "COLLECTOR_HEALTH_PORT": str(health),
                "COLLECTOR_STORAGE": str(folder / "queue"),
                "COLLECTOR_LOG_FILE": str(log_file),
                "COLLECTOR_SPAN_METRICS_INTERVAL": "1s",
                "JAEGER_ENDPOINT": f"{HOST}:{ports.jaeger_otlp}",
                **environment,
            },
        )
        collector = Collector(program, grpc_port, http_port, prometheus_port, telemetry_port, log_file)
        collector.start()
        started.append(collector)
        return collector

    yield start
    for collector in started:
        collector.stop()


@pytest.fixture(scope="session")
def collector(start_collector: Callable[..., Collector], ports: Ports) -> Collector:
    return start_collector(ports.collector_prometheus, ports.collector_telemetry)


@pytest.fixture(scope="session")
def jaeger(ports: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jaeger]:
    query_port, health = free_port(), free_port()
    program = Program(
        command=[program_path("jaeger"), "--config", COMPOSE / "jaeger.yaml"],
        folder=tmp_path_factory.mktemp("jaeger"),
        health=(health, "/status"),
        environment={
            "JAEGER_HOST": HOST,
            "JAEGER_OTLP_GRPC_PORT": str(ports.jaeger_otlp),
            "JAEGER_QUERY_PORT": str(query_port),
            "JAEGER_QUERY_GRPC_PORT": str(free_port()),
            "JAEGER_HEALTH_PORT": str(health),
            "JAEGER_UI_CONFIG": str(COMPOSE / "jaeger-ui.json"),
            "PROMETHEUS_URL": f"http://{HOST}:{ports.prometheus}",
        },
    )
    program.start()
    yield Jaeger(program, query_port, ports.jaeger_otlp)
    program.stop()


@pytest.fixture(scope="session")
def prometheus(ports: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    configuration = (COMPOSE / "prometheus.yml").read_text()
    for there, here in (
        ("collector:8889", f"{HOST}:{ports.collector_prometheus}"),
        ("collector:8888", f"{HOST}:{ports.collector_telemetry}"),
        ("scrape_interval: 10s", "scrape_interval: 500ms"),
        ("evaluation_interval: 30s", "evaluation_interval: 500ms"),
        ("rules/*.yaml", f"{COMPOSE / 'rules'}/*.yaml"),
    ):
        assert there in configuration
        configuration = configuration.replace(there, here)
    (folder / "prometheus.yml").write_text(configuration)
    program = Program(
        command=[
            program_path("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={HOST}:{ports.prometheus}",
            "--enable-feature=exemplar-storage",
        ],
        folder=folder,
        health=(ports.prometheus, "/-/ready"),
    )
    program.start()
    server = Prometheus(program, ports.prometheus)
    server.wait_for("up")  # it begins to scrape 5 s after its start, and exemplars of before are lost
    yield server
    program.stop()


@pytest.fixture(scope="session")
def opensearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSearch]:
    folder, port = tmp_path_factory.mktemp("opensearch"), free_port()
    command = [program_path("opensearch"), folder / "data", str(port), str(free_port())]
    program = Program(command=command, folder=folder, health=(port, "/"))
    program.start()
    yield OpenSearch(program, port)
    program.stop()


@pytest.fixture
def backends(collector: Collector, jaeger: Jaeger, prometheus: Prometheus) -> Backends:
    """All three, each of them running whatever an earlier test did to it."""
    for server in (collector, jaeger, prometheus):
        server.program.start()
    return Backends(collector, jaeger, prometheus)
