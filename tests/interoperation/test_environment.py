"""The environment that the SDK reads limits and samplers from has the same effect on what we send."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from receiver import Receiver, plain

PROGRAM = """
import json, logging, sys
logging.disable()  # the SDK warns of each attribute that is one too many
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext
import otel_ia

CONTEXT = SpanContext(1, 2, is_remote=False)
MANY = {"first": "a" * 100, "second": "b" * 100, "third": "c" * 100}

def fill(span):
    span.set_attributes(MANY)
    for number in range(3):
        span.add_event(f"event {number}", MANY)
        span.add_link(CONTEXT, MANY)

def record(tracer):
    given = {"given": "d" * 100}
    with tracer.start_as_current_span("by tracer", attributes=given, links=[Link(CONTEXT, MANY)]) as span:
        fill(span)

exporter = InMemorySpanExporter()
theirs = TracerProvider(shutdown_on_exit=False)
theirs.add_span_processor(SimpleSpanProcessor(exporter))
record(theirs.get_tracer("theirs"))
with theirs.get_tracer("theirs").start_as_current_span("by monitor", attributes={"given": "d" * 100}) as span:
    fill(span)
print(json.dumps([json.loads(span.to_json()) for span in exporter.get_finished_spans()]))

with otel_ia.configure(service_name="limited", endpoint=sys.argv[1], console=False):
    record(trace.get_tracer("ours"))
    with otel_ia.monitor("by monitor", attributes={"given": "d" * 100}) as span:
        fill(span)
"""
OURS = ("code.", "ia.")


def run(endpoint: str, tmp_path: Path, **environment: str) -> list[dict]:
    """What the plain SDK says of its spans."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, endpoint],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**clean, "XDG_STATE_HOME": str(tmp_path), **environment},
    )
    assert (done.stderr, done.returncode) == ("", 0)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_SPAN_EVENT_COUNT_LIMIT": "2", "OTEL_SPAN_LINK_COUNT_LIMIT": "2"},
        {"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "2", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": "1"},
        {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "7"},
        {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "7", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "9"},
    ],
    ids=",".join,
)
def test_limits_of_the_environment_hold_as_in_the_sdk(
    receiver: Receiver, tmp_path: Path, environment: dict[str, str]
) -> None:
    for expected in run(receiver.endpoint, tmp_path, **environment):
        span = receiver.span(expected["name"])
        attributes = {key: value for key, value in plain(span.attributes).items() if not key.startswith(OURS)}
        assert attributes == expected["attributes"]
        assert [(event.name, plain(event.attributes)) for event in span.events] == [
            (event["name"], event["attributes"]) for event in expected["events"]
        ]
        assert [plain(link.attributes) for link in span.links] == [link["attributes"] for link in expected["links"]]


def test_the_limit_of_attributes_holds_as_in_the_sdk(receiver: Receiver, tmp_path: Path) -> None:
    expected, _ = run(receiver.endpoint, tmp_path, OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="2")
    span = receiver.span("by tracer")
    assert plain(span.attributes) == expected["attributes"]
    assert span.dropped_attributes_count == 2
    assert len(receiver.span("by monitor").attributes) == 2  # its place in the code counts too


@pytest.mark.parametrize(("sampler", "arrives"), [("always_off", 0), ("traceidratio", 2)])
def test_samplers_of_the_environment_hold_as_in_the_sdk(
    receiver: Receiver, tmp_path: Path, sampler: str, arrives: int
) -> None:
    expected = run(receiver.endpoint, tmp_path, OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG="1")
    assert len(receiver.spans) == len(expected) == arrives
