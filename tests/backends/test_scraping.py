"""The real Prometheus scrapes a service itself, whose names are those that the real Collector gives."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from opentelemetry import metrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import otel_ia
from otel_ia import monitor

from .conftest import ROOT, program_path
from .programs import HOST, Program, fetch, free_port, run, wait_until
from .servers import Prometheus

if TYPE_CHECKING:
    from collections.abc import Callable

    from .servers import Backends

pytestmark = pytest.mark.backends

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
POOL = """
import multiprocessing, os, signal, sys
import otel_ia

@otel_ia.monitor("infer")
def infer():
    pass

telemetry = otel_ia.configure(
    service_name=sys.argv[1],
    endpoint=sys.argv[2],
    metrics_exporter="prometheus",
    prometheus_port=int(sys.argv[3]),
    console=False,
    metric_export_interval=0.2,
)

def work():
    for _ in range(50):
        infer()
    telemetry.flush()
    os.kill(os.getpid(), signal.SIGKILL)

context = multiprocessing.get_context("fork")
workers = []
for number in range(20):
    workers.append(context.Process(target=work))
    workers[-1].start()
    if len(workers) == 4:
        workers.pop(0).join()
for worker in workers:
    worker.join()
print("counted", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def scraping(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[int], Prometheus]:
    """Starts a Prometheus that scrapes this port."""

    def start(target: int) -> Prometheus:
        folder = tmp_path / "prometheus"
        folder.mkdir()
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 250ms}\n"
            f"scrape_configs: [{{job_name: scraped, static_configs: [{{targets: ['{HOST}:{target}']}}]}}]\n"
        )
        port = free_port()
        program = Program(
            command=[
                program_path("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={HOST}:{port}",
                "--enable-feature=exemplar-storage",
            ],
            folder=folder,
            health=(port, "/-/ready"),
        )
        program.start()
        request.addfinalizer(program.stop)
        server = Prometheus(program, port)
        server.wait_for("up")
        return server

    return start


def test_prometheus_counts_every_call_of_a_pool_whose_workers_are_killed(
    backends: Backends, scraping: Callable[[int], Prometheus]
) -> None:
    port = free_port()
    prometheus = scraping(port)
    arguments = [f"service-{uuid4().hex[:12]}", backends.collector.http_endpoint, str(port)]
    process = subprocess.Popen(
        [sys.executable, "-c", POOL, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    try:
        assert process.stdout is not None
        counts = []

        def is_complete() -> bool:
            counts.extend(value for _, value in prometheus.query("sum(ia_call_duration_seconds_count)"))
            return bool(counts) and counts[-1] == 1000

        wait_until(is_complete, "all calls")
        assert process.stdout.readline() == "counted\n"
        assert counts == sorted(counts), "it fell"
        assert prometheus.query("sum(ia_call_active)")[0][1] == 0
        for name in ("count", "sum", "bucket"):
            resets = prometheus.query(f"sum(resets(ia_call_duration_seconds_{name}[5m]))")
            assert [value for _, value in resets] == [0], name
        exemplars = prometheus.wait_for_exemplars("ia_call_duration_seconds_bucket")
        assert all(set(exemplar) == {"trace_id", "span_id"} for exemplar in exemplars)
        (span, *_) = backends.jaeger.wait_for_trace(exemplars[-1]["trace_id"])
        assert span.name == "infer"
    finally:
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_the_scrape_configuration_of_the_readme_is_one(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    (shown,) = (block for block in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL) if "scrape_configs" in block)
    (tmp_path / "prometheus.yml").write_text(shown)
    done = run([program_path("promtool"), "check", "config", tmp_path / "prometheus.yml"])
    assert done.returncode == 0, done.stderr


UNITS = ["", "1", "s", "ms", "By", "By/s", "{token}", "{token}/s", "m/s", "%", "requests/min", "a b__c", "KiBy/{x}"]


def test_names_labels_and_values_are_those_that_the_collector_gives(backends: Backends) -> None:
    service, port = f"service-{uuid4().hex[:12]}", free_port()
    name = f"t{uuid4().hex[:8]}"
    with otel_ia.configure(
        service_name=service,
        endpoint=backends.collector.http_endpoint,
        traces_exporter="none",
        logs_exporter="none",
        metrics_exporter="otlp,prometheus",
        prometheus_port=port,
        console=False,
    ) as telemetry:
        meter = metrics.get_meter(
            f"{name}.library", "1.2", schema_url="https://example.org/schema", attributes={"team": "a", "x.y": 2}
        )
        for number, unit in enumerate(UNITS):
            attributes = {"a.b": number, "flag": True, "half": 0.5, "whole": 2.0, "many": ["x", "y"], "9": "digit"}
            meter.create_counter(f"{name}.c{number}.things", unit, "How many.").add(number + 1, attributes)
            meter.create_up_down_counter(f"{name}.u{number}", unit).add(-1, {"a__b..c": "_", "text": 'a"\\\nb'})
            meter.create_gauge(f"{name}.g{number}-ratio", unit).set(0.25, {"_under": "x"})
            meter.create_histogram(f"{name}.h{number}_seconds", unit).record(number, {"grün": "ü"})
        meter.create_counter(f"{name}.total.seconds_total", "s").add(1)
        with monitor(f"{name} infer", attributes={"ia.model.name": "m"}):
            pass
        assert telemetry.flush(20)
        wait_until(lambda: f"{name}_u12" in backends.collector.metrics(), "metrics in the Collector")
        theirs = samples(backends.collector.metrics(), name)
        ours = samples(wait_until(lambda: fetch(port, "/metrics", accept=OPENMETRICS)[1], "an answer"), name)
    assert len(ours) > 4 * len(UNITS)
    assert ours == theirs


def samples(body: str, name: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What was measured here; without `job` and `instance`, which Prometheus itself adds where it scrapes a service."""
    found = {}
    for family in text_string_to_metric_families(body):
        for sample in family.samples:
            labels = {key: value for key, value in sample.labels.items() if value and key not in ("job", "instance")}
            if name in sample.name or name in labels.get("ia_operation", ""):
                found[sample.name, tuple(sorted(labels.items()))] = sample.value
    return found
