"""Whatever values a call is given: its span is legal, its metrics are numbers, and the program goes on."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_values import BASES, anything, assert_legal, hostile_class

from otel_ia.genai import agent, embeddings, inference, tool
from otel_ia.genai.facts import AllFacts
from otel_ia.testing import record

NAMES = sorted(AllFacts.__annotations__)
TOKENS = "gen_ai.usage.input_tokens"


@pytest.fixture
def content(monkeypatch):
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_and_event")


def check(seen):
    for span in seen.spans:
        for value in span.attributes.values():
            texts = value if type(value) is tuple else (value,)
            if not any(type(text) is str and text.startswith(("[{", "{")) for text in texts):
                assert_legal(value)
    for metric in seen.metrics:
        assert type(metric.value) in {int, float}


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), anything, max_size=6), anything, anything)
def test_any_fact_becomes_legal_in_every_kind_of_call(facts, name, answer):
    with record() as seen:
        opened = (
            inference(name, model=name, provider=name, server_address=name, server_port=name, conversation_id=name),
            embeddings(model=name, provider=name),
            tool(name, kind=name, agent_name=name),
            agent(name, model=name, provider=name),
        )
        for call in opened:
            with call:
                call.record(answer, **facts)
                list(call.stream([answer, name]))
    assert len(seen.spans) == len(opened)
    check(seen)


@pytest.mark.parametrize("base", BASES)
def test_objects_that_refuse_everything_are_facts_like_others(base, content):
    kind = hostile_class(base)
    hostile = kind(2020, 1, 1) if base.__name__ == "date" else kind()
    with record() as seen, inference(hostile, model=hostile, provider=hostile) as call:
        for name in NAMES:
            call.record(hostile, **{name: hostile})
        list(call.stream([hostile]))
    assert len(seen.spans) == 1
    check(seen)


@pytest.mark.parametrize(
    ("given", "shown", "counted"),
    [
        (12, 12, 12),
        (12.0, 12, 12),
        (0, 0, 0),
        (-1, -1, None),
        (2.5, 2.5, None),
        (True, True, None),
        ("twelve", "twelve", None),
        (float("nan"), None, None),
        (1 << 70, str(1 << 70), None),
        (2.0**63, str(1 << 63), None),
        (None, None, None),
    ],
)
def test_only_whole_numbers_of_tokens_are_counted_and_others_are_shown(given, shown, counted):
    with record() as seen, inference(model="m", provider="openai") as call:
        call.record(input_tokens=given)
    attributes = seen.spans[0].attributes
    assert attributes.get(TOKENS) == shown or given != given  # noqa: PLR0124 - no number equals itself but this one
    used = [metric.value for metric in seen.metrics if metric.name == "gen_ai.client.token.usage"]
    assert used == ([] if counted is None else [counted])


def test_a_right_number_takes_the_place_of_a_wrong_one():
    with record() as seen, inference(model="m", provider="openai") as call:
        call.record(input_tokens="many")
        call.record(input_tokens=12)
    assert seen.spans[0].attributes[TOKENS] == 12


def test_numbers_of_arrays_are_numbers():
    np = pytest.importorskip("numpy")
    with record() as seen, inference(model="m", provider="openai", temperature=np.float32(0.5)) as call:
        call.record(input_tokens=np.int64(12), output_tokens=np.zeros(3))
    attributes = seen.spans[0].attributes
    assert (attributes[TOKENS], attributes["gen_ai.request.temperature"]) == (12, 0.5)
    assert attributes["gen_ai.usage.output_tokens"].startswith("ndarray(shape=(3,)")


def test_one_reason_alone_is_no_sequence_of_letters():
    with record() as seen, inference(model="m", provider="openai", stop_sequences="\n\n") as call:
        call.record(finish_reasons="stop")
    attributes = seen.spans[0].attributes
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert attributes["gen_ai.request.stop_sequences"] == ("\n\n",)


PROGRAM = """
import logging
import sys
sys.path.insert(0, sys.argv[1])
logging.getLogger("otel_ia").setLevel(logging.ERROR)  # what we tell of such values is not looked at here
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import otel_ia
from otel_ia.genai.facts import AllFacts
from test_values import BASES, hostile_class

if sys.argv[2] == "sdk":
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([reader]))
values = [hostile_class(base)(*((2020, 1, 1) if base.__name__ == "date" else ())) for base in BASES]
values += [None, -1, 2.5, float("nan"), 1 << 70, "a\\ud800", b"\\xff", [1, "a"], {"a": 1}, object(), [[]], type]
for value in values:
    with otel_ia.genai.inference("chat", model="m", provider="p", conversation_id=value) as call:
        for name in AllFacts.__annotations__:
            call.record(value, **{name: value})
        list(call.stream([value, "a"]))
if sys.argv[2] == "sdk":
    assert len(spans.get_finished_spans()) == len(values)
    found = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    assert {metric.name for metric in found} >= {"gen_ai.client.operation.duration", "gen_ai.client.token.usage"}
    try:
        with otel_ia.genai.inference("chat", model="m", provider="p"):
            raise ValueError("refused")
    except ValueError:
        pass
    assert [event.name for event in spans.get_finished_spans()[-1].events] == ["exception"]
"""


@pytest.mark.parametrize("provider", ["sdk", "none"])
def test_another_librarys_provider_and_none_take_them_without_a_word(provider):
    command = [sys.executable, "-W", "error", "-c", PROGRAM, str(Path(__file__).parents[1]), provider]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
