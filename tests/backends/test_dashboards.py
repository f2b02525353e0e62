"""Every query of every dashboard, asked of the real Prometheus with the real rules, after the demo ran."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from .dashboards import DASHBOARDS, Asked, queries
from .demo import run_demo
from .programs import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .servers import Collector, Jaeger, Prometheus

pytest.importorskip("sklearn")
pytest.importorskip("opentelemetry.util.genai", reason="otel_ia[genai] has it")
pytestmark = pytest.mark.backends

# What the demo does not have: stages, a version of the model, secrets, a loss, calls of a language model that answers
# in chunks and that fails, and a process that runs on: training that does, too, for the demo's may be over before its
# second export, and a rate wants values of different moments.
WRITER = """
import sys
import otel_ia
from otel_ia import genai, monitor, training

@monitor(attributes={"ia.model.name": "writer", "ia.model.version": "2", "ia.stage": "generate"})
def write(words):
    yield from words

def ask(words):
    with genai.inference("chat", model="bigrams", provider="local") as call:
        said = list(call.stream(write(words)))
        call.record(input_tokens=len(words), output_tokens=len(said), finish_reasons=["stop"])
    try:
        with genai.inference("chat", model="bigrams", provider="local"):
            raise TimeoutError
    except TimeoutError:
        pass

def learn(words):
    for _ in training.epochs(1, model="writer"):
        for _ in training.steps([[word] for word in words], every=1):
            pass

with otel_ia.configure(service_name="writer", endpoint=sys.argv[1], metric_export_interval=0.5) as telemetry:
    with monitor("vast", attributes={"api_key": "abcdefgh12345678"}) as span:
        for _ in range(10):  # 20 MiB together, more than is kept
            span.add_event("page", {f"part.{number}": "a" * 16_000 for number in range(128)})
    assert telemetry.stats().dropped == {"longer than 16 MiB": 1}
    print("ready", flush=True)
    for line in sys.stdin:
        ask(line.split())
        learn(line.split())
        print("written", flush=True)
"""
GROWING = ("ia_stream_items_count", "ia_training_step_duration_seconds_count", "ia_training_rate_per_second_count")
SERVICES = "(otel-ia-demo|writer)"  # as Grafana writes several that were chosen
DEMO = {"job": "otel-ia-demo", "operation": "request"}
CHOSEN = {
    "overview": {"job": SERVICES},
    "operation": DEMO,
    "models": {"job": SERVICES, "model": ".*", "language_model": ".*"},
}
CHOSEN["telemetry"] = {"job": SERVICES}


@pytest.fixture(scope="module")
def servers(collector: Collector, jaeger: Jaeger, prometheus: Prometheus) -> tuple[Collector, Jaeger, Prometheus]:
    for server in (collector, jaeger, prometheus):
        server.program.start()
    return collector, jaeger, prometheus


@pytest.fixture(scope="module")
def measured(
    servers: tuple[Collector, Jaeger, Prometheus], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[float]:
    """The demo has run since this moment, exporting as often for its few seconds as a service does.

    Another program goes on.
    """
    began = time.time()
    collector, _, prometheus = servers
    state = str(tmp_path_factory.mktemp("state"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, collector.http_endpoint],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**environment, "XDG_STATE_HOME": state},
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"

        def write() -> bool:
            writer.stdin.write("to be or not to be\n")
            writer.stdin.flush()
            assert writer.stdout.readline() == "written\n"
            return all(prometheus.query(f'{name}{{job="writer"}} - {name} offset 2s > 0') for name in GROWING)

        wait_until(write, "items of a stream and steps that grow")
        run_demo(
            collector.http_endpoint,
            *("--requests", "1500"),  # some seconds, for the rates of what it serves
            OTEL_METRIC_EXPORT_INTERVAL="400",
            XDG_STATE_HOME=state,
        )
        yield began
        writer.stdin.close()


@pytest.mark.parametrize("asked", [pytest.param(asked, id=str(asked)) for asked in queries()])
def test_every_query_returns_data_after_the_demo_ran(
    asked: Asked, measured: float, servers: tuple[Collector, Jaeger, Prometheus]
) -> None:
    _, jaeger, prometheus = servers
    expression = asked.fill(CHOSEN[asked.dashboard])

    def numbers() -> list[float]:
        return [value for _, value in prometheus.query(expression) if not math.isnan(value)]

    wait_until(numbers, expression, timeout=20)
    if asked.shows_exemplars:
        # of traces that another test has left Jaeger may know nothing any more: it was stopped meanwhile
        exemplar = wait_until(
            lambda: prometheus.exemplars(expression, since=measured), f"exemplars of {expression}", timeout=20
        )[-1]
        jaeger.wait_for_trace(exemplar["trace_id"], timeout=20)


def test_the_demos_operations_are_offered_and_its_requests_are_counted(
    measured: float, servers: tuple[Collector, Jaeger, Prometheus]
) -> None:
    _, _, prometheus = servers
    (choice,) = [asked for asked in queries() if str(asked) == "operation: variable operation"]
    offered = {labels["ia_operation"] for labels, _ in prometheus.query(choice.fill(DEMO))}
    assert offered >= {
        "request",
        "load",
        "preprocess",
        "inference",
        "postprocess",
        "stream",
        "training",
        "epoch",
        "batch",
    }
    (calls,) = [asked for asked in queries() if str(asked) == "operation: Calls by outcome (A)"]
    found = {labels["ia_outcome"]: value for labels, value in prometheus.query(calls.fill(DEMO))}
    assert found["ok"] > found["error"] >= 0


@pytest.mark.parametrize(
    ("where", "label", "value"),
    [
        ("telemetry: Lost, by reason (A)", "ia_telemetry_reason", "longer than 16 MiB"),
        ("telemetry: Secrets taken out (A)", "ia_telemetry_reason", "api_key"),
        ("overview: Alerts that fire (A)", "alertname", "IaTelemetryDropped"),
        ("models: Time by stage (A)", "ia_stage", "generate"),
        ("models: Calls by model (A)", "ia_model_version", "2"),
        ("models: Calls of language models (A)", "gen_ai_request_model", "bigrams"),
        ("overview: Errors by type (A)", "error_type", "ValueError"),
    ],
)
def test_what_is_rare_is_shown_by_its_name(
    where: str, label: str, value: str, measured: float, servers: tuple[Collector, Jaeger, Prometheus]
) -> None:
    _, _, prometheus = servers
    (asked,) = [asked for asked in queries() if str(asked) == where]
    expression = asked.fill(CHOSEN[asked.dashboard])

    def shown() -> list[str]:
        return [labels[label] for labels, _ in prometheus.query(expression) if labels.get(label) == value]

    assert wait_until(shown, f"{value} in {expression}", timeout=20) == [value]


def test_failed_calls_of_language_models_are_told_from_good_ones(
    measured: float, servers: tuple[Collector, Jaeger, Prometheus]
) -> None:
    _, _, prometheus = servers
    (asked,) = [asked for asked in queries() if str(asked) == "models: Failed calls of language models (A)"]
    ((_, share),) = wait_until(lambda: prometheus.query(asked.fill(CHOSEN["models"])), asked.expression)
    assert 0.3 < share < 0.7  # every second one


def test_each_dashboard_is_asked_with_values_of_its_own() -> None:
    assert sorted(CHOSEN) == sorted(DASHBOARDS)
