"""The demo's traces and log records, read back from the real Jaeger and the Collector's log file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from .demo import run_demo

if TYPE_CHECKING:
    from .otlp import Span
    from .servers import Collector, Jaeger

pytest.importorskip("sklearn")
pytestmark = pytest.mark.backends

REQUESTS = 20
STAGES = ["load", "preprocess", "inference", "postprocess", "stream"]


@pytest.fixture(scope="module", params=["http/protobuf", "grpc"])
def addresses(request: pytest.FixtureRequest, collector: Collector, jaeger: Jaeger) -> dict[str, str]:
    """The demo run over each protocol: what it calls a trace, and the trace's address in Jaeger."""
    collector.program.start()
    jaeger.program.start()
    endpoint = collector.grpc_endpoint if request.param == "grpc" else collector.http_endpoint
    printed = run_demo(
        endpoint, *("--requests", str(REQUESTS), "--protocol", request.param, "--jaeger", jaeger.address)
    )
    found = dict(re.findall(rf"^  (\w+) +{re.escape(jaeger.address)}/trace/([0-9a-f]{{32}})$", printed, re.MULTILINE))
    assert sorted(found) == ["failed", "slow", "training"], printed
    return found


def by_name(spans: list[Span]) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for span in spans:
        found.setdefault(span.name, []).append(span)
    return found


def test_a_request_is_a_tree_of_its_stages_in_time(jaeger: Jaeger, addresses: dict[str, str]) -> None:
    spans = jaeger.wait_for_trace(addresses["slow"], spans=11)
    named = by_name(spans)
    (request,) = named["request"]
    assert request.parent_id == ""
    stages = [named[stage][0] for stage in STAGES]
    assert {stage.parent_id for stage in stages} == {request.span_id}
    assert {score.parent_id for score in named["score"]} == {named["inference"][0].span_id}
    assert len(named["score"]) == 5
    assert [stage.start for stage in stages] == sorted(stage.start for stage in stages)
    assert all(request.start <= span.start <= span.end <= request.end for span in spans)
    assert sum(stage.end - stage.start for stage in stages) <= request.end - request.start


def test_the_slow_request_is_marked(jaeger: Jaeger, addresses: dict[str, str]) -> None:
    (request,) = by_name(jaeger.wait_for_trace(addresses["slow"], spans=11))["request"]
    assert request.attributes["ia.slow"] is True
    assert [event.name for event in request.events] == ["ia.slow"]
    assert request.attributes["code.function.name"].startswith("otel_ia.tools.demo.serving.")
    assert request.status == "UNSET"


def test_the_stream_counts_its_items(jaeger: Jaeger, addresses: dict[str, str]) -> None:
    (stream,) = by_name(jaeger.wait_for_trace(addresses["slow"], spans=11))["stream"]
    assert stream.attributes["ia.stream.items"] == 20_000
    assert 0 < stream.attributes["ia.stream.time_to_first_item"] < (stream.end - stream.start) / 1e9


def test_the_failed_request_has_its_error_once(jaeger: Jaeger, addresses: dict[str, str]) -> None:
    spans = jaeger.wait_for_trace(addresses["failed"], spans=3)
    named = by_name(spans)
    (request,), (preprocess,) = named["request"], named["preprocess"]
    assert (request.status, preprocess.status) == ("ERROR", "ERROR")
    assert request.status_message == preprocess.status_message
    assert "features" in request.status_message
    assert request.attributes["error.type"] == preprocess.attributes["error.type"] == "ValueError"
    (event,) = [event for span in spans for event in span.events]
    assert [event.name for event in preprocess.events] == ["exception"]
    assert event.attributes["exception.type"] == "ValueError"
    assert "Traceback" in event.attributes["exception.stacktrace"]
    assert preprocess.start <= event.time <= preprocess.end
    assert "inference" not in named


def test_training_is_epochs_of_batches(jaeger: Jaeger, addresses: dict[str, str]) -> None:
    named = by_name(jaeger.wait_for_trace(addresses["training"], spans=252))
    assert len(named["epoch"]) == 5
    assert [epoch.attributes["ia.epoch"] for epoch in named["epoch"]] == [1, 2, 3, 4, 5]
    epochs = {epoch.span_id for epoch in named["epoch"]}
    assert {batch.parent_id for batch in named["batch"]} == epochs


def test_log_records_arrive_with_the_ids_of_their_spans(
    collector: Collector, jaeger: Jaeger, addresses: dict[str, str]
) -> None:
    spans = {span.span_id: span for span in jaeger.wait_for_trace(addresses["slow"], spans=11)}
    records = collector.wait_for_logs(lambda record: record.trace_id == addresses["slow"], count=3)
    written_in = {spans[record.span_id].name for record in records}
    assert written_in == {"load", "postprocess", "request"}
    (warning,) = [record for record in records if record.severity == "WARNING"]
    assert "slow" in warning.body
