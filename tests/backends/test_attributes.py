"""What was captured of calls finds their traces again in the real Jaeger: shapes, types, batches, models, stages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import pytest

import otel_ia
from otel_ia import monitor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .servers import Collector, Jaeger

pytestmark = pytest.mark.backends

CALLS: Mapping[str, tuple[str, str, tuple[int, ...], str, float]] = {
    # what a test calls it: stage, model, shape, dtype, the value of each item
    "large": ("inference", "digits", (32, 64), "float32", 0.5),
    "small": ("inference", "digits", (3, 64), "float32", 0.5),
    "precise": ("inference", "digits", (32, 64), "float64", 0.5),
    "dark": ("inference", "digits", (32, 64), "float32", 0.25),
    "letters": ("inference", "letters", (32, 64), "float32", 0.5),
    "scaled": ("preprocess", "digits", (32, 64), "float32", 0.5),
}
BIG = set(CALLS) - {"small"}


@pytest.fixture(scope="module")
def recorded(collector: Collector, jaeger: Jaeger) -> tuple[Jaeger, str, dict[str, str]]:
    """Jaeger, a service, and the trace that each of its calls has there, beside one that captures nothing."""
    collector.start()
    jaeger.start()
    service, traces = f"service-{uuid4().hex[:12]}", {}
    with otel_ia.configure(endpoint=collector.http_endpoint, service_name=service, console=False) as telemetry:
        for name, (stage, model, shape, dtype, each) in CALLS.items():

            @monitor("run", capture="summary", stats=True, stage=stage, model=model)
            def run(rows: object) -> None:
                del rows

            with monitor("request") as span:
                run(np.full(shape, each, dtype))
            traces[f"{span.get_span_context().trace_id:032x}"] = name
        with monitor("request"), monitor("run"):
            pass
        assert telemetry.flush(20)
    jaeger.wait_for_service(service, traces=len(CALLS) + 1)
    return jaeger, service, traces


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ia.argument.rows.shape": "(32, 64)"}, BIG),
        ({"ia.argument.rows.shape": "(3, 64)"}, {"small"}),
        ({"ia.argument.rows.dtype": "float64"}, {"precise"}),
        ({"ia.argument.rows.bytes": "8192"}, BIG - {"precise"}),
        ({"ia.argument.rows.mean": "0.25"}, {"dark"}),
        ({"ia.batch.size": "32"}, BIG),
        ({"ia.batch.size": "3"}, {"small"}),
        ({"ia.batch.size": "2"}, set()),
        ({"ia.model.name": "letters"}, {"letters"}),
        ({"ia.stage": "preprocess"}, {"scaled"}),
        ({"ia.stage": "inference", "ia.model.name": "digits", "ia.batch.size": "32"}, {"large", "precise", "dark"}),
        ({"ia.stage": "preprocess", "ia.model.name": "letters"}, set()),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_traces_are_found_by_what_was_captured_and_no_others(
    recorded: tuple[Jaeger, str, dict[str, str]], attributes: dict[str, str], expected: set[str]
) -> None:
    jaeger, service, traces = recorded
    assert {traces.get(found, "uncaptured") for found in jaeger.search(service, attributes)} == expected
