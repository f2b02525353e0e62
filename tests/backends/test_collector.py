"""collector-config.yaml, run by the real Collector between the plain OpenTelemetry SDK and the real backends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.trace import SpanKind, StatusCode

from .conftest import CONFIGURATION, program_path
from .programs import run, wait_until
from .sending import sending_logs, sending_spans

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from .servers import Backends, Collector

pytestmark = pytest.mark.backends


def trace_id_of(span: Span) -> str:
    return trace.format_trace_id(span.get_span_context().trace_id)


@pytest.fixture
def service() -> str:
    return f"service-{uuid4().hex[:12]}"


def test_the_configuration_passes_the_collectors_own_validation(tmp_path: Path) -> None:
    checked = run([program_path("collector"), "validate", "--config", CONFIGURATION], COLLECTOR_STORAGE=str(tmp_path))
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_nothing_in_the_configuration_is_deprecated(collector: Collector) -> None:
    output = collector.program.output.read_text()
    assert "Everything is ready" in output
    assert "deprecat" not in output.lower()


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_trace_is_read_back_from_jaeger_as_it_was_sent(backends: Backends, service: str, protocol: str) -> None:
    with (
        sending_spans(backends.collector, service, protocol) as tracer,
        tracer.start_as_current_span("request", kind=SpanKind.SERVER) as root,
        pytest.raises(ValueError, match="broken"),
        tracer.start_as_current_span("infer", attributes={"n": 7}),
    ):
        raise ValueError("broken")
    seen_root, seen_child = backends.jaeger.wait_for_trace(trace_id_of(root), spans=2)
    assert (seen_root.name, seen_root.parent_id, seen_root.status) == ("request", "", "UNSET")
    assert (seen_child.name, seen_child.parent_id, seen_child.status) == ("infer", seen_root.span_id, "ERROR")
    assert seen_root.start <= seen_child.start <= seen_child.end <= seen_root.end
    assert (seen_root.start, seen_root.end) == (root.start_time, root.end_time)  # type: ignore[attr-defined]
    assert seen_child.attributes["n"] == 7
    assert seen_child.events[0].name == "exception"
    assert seen_child.events[0].attributes["exception.message"] == "broken"
    assert seen_root.resource["service.name"] == service
    assert service in backends.jaeger.services()
    assert backends.jaeger.find(service) == {trace_id_of(root): [seen_root, seen_child]}


def test_span_metrics_reach_prometheus_with_the_trace_as_exemplar(backends: Backends, service: str) -> None:
    with sending_spans(backends.collector, service) as tracer, tracer.start_as_current_span("infer") as span:
        span.set_status(StatusCode.ERROR)
    ((labels, _),) = backends.prometheus.wait_for(f'traces_span_metrics_calls_total{{service_name="{service}"}} == 1')
    assert (labels["span_name"], labels["status_code"], labels["job"]) == ("infer", "STATUS_CODE_ERROR", service)
    duration = f'traces_span_metrics_duration_milliseconds_bucket{{service_name="{service}"}}'
    exemplars = backends.prometheus.wait_for_exemplars(duration)
    assert exemplars[0]["trace_id"] == trace_id_of(span)


def test_span_metrics_count_the_spans_that_sampling_drops(
    start_collector: Callable[..., Collector], service: str
) -> None:
    sampling = start_collector(COLLECTOR_SAMPLING_PERCENTAGE="0")
    with sending_spans(sampling, service) as tracer:
        for _ in range(3):
            tracer.start_span("infer").end()
    counted = re.compile(rf'^traces_span_metrics_calls_total{{.*service_name="{service}".*}} 3\.0', re.MULTILINE)
    wait_until(lambda: counted.search(sampling.metrics()), "three counted calls")
    name = "otelcol_processor_probabilistic_sampler_count_traces_sampled"
    dropped = re.compile(rf'^{name}.*sampled="false".* 3$', re.MULTILINE)
    wait_until(lambda: dropped.search(sampling.telemetry()), "three dropped spans")


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_logs_arrive_in_the_file_with_the_ids_of_their_span(backends: Backends, service: str, protocol: str) -> None:
    with (
        sending_spans(backends.collector, service, protocol) as tracer,
        sending_logs(backends.collector, service, protocol) as logger,
        tracer.start_as_current_span("infer") as span,
    ):
        logger.emit(LogRecord(body="loaded", severity_text="INFO", severity_number=SeverityNumber.INFO))
    (record,) = backends.collector.wait_for_logs(lambda record: record.resource["service.name"] == service)
    assert (record.body, record.severity) == ("loaded", "INFO")
    assert record.trace_id == trace_id_of(span)
    assert record.span_id == trace.format_span_id(span.get_span_context().span_id)


def test_logs_go_to_loki_too_when_the_environment_says_so(
    start_collector: Callable[..., Collector], collector: Collector, service: str
) -> None:
    in_lokis_place = collector
    sender = start_collector(
        LOKI_ENDPOINT=in_lokis_place.http_endpoint, COLLECTOR_LOG_EXPORTERS="[file/logs, otlp_http/loki]"
    )
    with sending_logs(sender, service) as logger:
        logger.emit(LogRecord(body="loaded"))
    for receiver in (sender, in_lokis_place):
        (record,) = receiver.wait_for_logs(lambda record: record.resource["service.name"] == service)
        assert record.body == "loaded"


SECRETS: dict[str, AttributeValue] = {
    "api_key": "abcdefgh",
    "openai.api-key": "abcdefgh",
    "authorization": "anything",
    "http.request.header.authorization": ["Bearer abcdefgh12345678"],
    "db.password": "abcdefgh",
    "access_token": "abcdefgh",
    "note": "sent with Bearer abcdefgh12345678 to the server",
    "url.full": "https://user:abcdefgh@example.test/?api_key=abcdefgh",
    "key": "sk-abcdefgh12345678",
}
HARMLESS: dict[str, AttributeValue] = {
    "gen_ai.usage.input_tokens": 1234,
    "gen_ai.usage.output_tokens": 56,
    "gen_ai.request.max_tokens": 100,
    "llm.pad_token": "<pad>",
    "cache.key": "user/7",
    "ia.model.name": "digits",
    "prompt": "what is the secret of a good password?",
}


def test_secrets_in_spans_are_masked_and_token_counts_are_not(backends: Backends, service: str) -> None:
    with (
        sending_spans(backends.collector, service) as tracer,
        pytest.raises(RuntimeError),
        tracer.start_as_current_span("infer", attributes=SECRETS | HARMLESS) as span,
    ):
        raise RuntimeError("no access with api_key=abcdefgh")
    (seen,) = backends.jaeger.wait_for_trace(trace_id_of(span))
    assert {key: seen.attributes[key] for key in HARMLESS} == HARMLESS
    assert "abcdefgh" not in repr(seen)
    assert seen.attributes["api_key"] == "****"
    assert seen.attributes["note"] == "sent with **** to the server"
    assert seen.status_message == "RuntimeError: no access with ****"
    assert seen.events[0].attributes["exception.message"] == "no access with ****"


def test_secrets_in_logs_are_masked(backends: Backends, service: str) -> None:
    with sending_logs(backends.collector, service) as logger:
        logger.emit(LogRecord(body="password: abcdefgh, max_tokens: 100", attributes=SECRETS))
    (record,) = backends.collector.wait_for_logs(lambda record: record.resource["service.name"] == service)
    assert "abcdefgh" not in repr(record)
    assert record.body == "****, max_tokens: 100"


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_what_was_sent_while_jaeger_was_down_arrives_though_the_collector_was_restarted(
    backends: Backends, service: str, kill: bool
) -> None:
    backends.jaeger.stop()
    with sending_spans(backends.collector, service) as tracer, tracer.start_as_current_span("infer") as span:
        pass
    backends.collector.stop(kill=kill)
    backends.collector.start()
    backends.jaeger.start()
    (seen,) = backends.jaeger.wait_for_trace(trace_id_of(span))
    assert seen.name == "infer"


def test_what_was_sent_while_jaeger_was_down_arrives_when_it_is_back(backends: Backends, service: str) -> None:
    backends.jaeger.stop()
    with sending_spans(backends.collector, service) as tracer, tracer.start_as_current_span("infer") as span:
        pass
    backends.jaeger.start()
    (seen,) = backends.jaeger.wait_for_trace(trace_id_of(span))
    assert seen.name == "infer"
