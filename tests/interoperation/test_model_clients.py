"""The clients of OpenAI and Anthropic against a real local server, under the instrumentations that others make."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from promises.programs import deliver_what_is_left
from receiver import Receiver, plain

from otel_ia import semconv

pytest.importorskip("uvicorn", reason="the models are served by uvicorn")
pytest.importorskip("fastapi", reason="the models are served by FastAPI")

from .model_programs import INSTRUMENTORS, MODEL, REFUSED
from .model_server import ANSWER, CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, serving_models

PROGRAM = Path(__file__).with_name("model_programs.py")
OURS = ("ask", "listen", "listen_later", "ask")
"""The monitored calls of the program, in the order in which they are made."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What spans of an instrumentation are called, and under which names they have what was asked and answered."""

    span: str
    model: str = semconv.GEN_AI_REQUEST_MODEL
    input_tokens: str = semconv.GEN_AI_INPUT_TOKENS
    output_tokens: str = semconv.GEN_AI_OUTPUT_TOKENS
    answer: str | None = None
    metrics: frozenset[str] = frozenset({"gen_ai.client.operation.duration", "gen_ai.client.token.usage"})
    says_nothing: bool = True


STREAMS = frozenset(
    {"gen_ai.client.operation.time_to_first_chunk", "gen_ai.client.operation.time_per_output_chunk"}
    | Kind(span="").metrics
)
OPEN_INFERENCE = {
    "model": "llm.model_name",
    "input_tokens": "llm.token_count.prompt",
    "output_tokens": "llm.token_count.completion",
    "answer": "output.value",
    "metrics": frozenset(),
}
KINDS = {
    "official openai": Kind(span="chat", metrics=STREAMS),
    "official openai, before": Kind(span="chat", says_nothing=False),
    "openinference openai": Kind(span="ChatCompletion", **OPEN_INFERENCE),
    "openllmetry openai": Kind(span="openai.chat", answer=semconv.GEN_AI_OUTPUT_MESSAGES),
    "official anthropic": Kind(span="chat", metrics=STREAMS),
    "openinference anthropic": Kind(span="messages.create", **OPEN_INFERENCE),
    "openllmetry anthropic": Kind(span="anthropic.chat", answer=semconv.GEN_AI_OUTPUT_MESSAGES),
}
REASONS = {"official openai, before": "it takes opentelemetry-util-genai before 1.2 and openai before 3"}


@pytest.fixture(scope="module")
def models() -> Iterator[str]:
    with serving_models() as address:
        yield address


def need(name: str) -> None:
    """Skips where the client or its instrumentation is not installed, or does not fit what is."""
    for module in (name.rpartition(" ")[2].removesuffix("before") or "openai", INSTRUMENTORS[name][0]):
        try:
            import_module(module)
        except ImportError as error:
            pytest.skip(f"{error}; {REASONS.get(name, 'otel_ia[libraries] has it')}")


def ask(name: str, receiver: Receiver, models: str, ending: str = "normal", **environment: str) -> tuple[str, str, int]:
    # of OpenLLMetry's own classes pydantic says so
    quiet = ("-W", "error", "-W", "ignore:Support for class-based:DeprecationWarning")
    done = subprocess.run(
        [sys.executable, *quiet, str(PROGRAM), name, receiver.endpoint, models, ending],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )
    return done.stdout, done.stderr, done.returncode


def theirs(receiver: Receiver, kind: Kind) -> list[Span]:
    """The instrumentation's spans, in the order in which they began."""
    found = [span for span in receiver.spans if span.name == kind.span or span.name.startswith(f"{kind.span} ")]
    return sorted(found, key=lambda span: span.start_time_unix_nano)


def check_spans(receiver: Receiver, kind: Kind) -> None:
    """One trace for each monitored call, with the client's span right under it, complete."""
    names = {span.span_id: span.name for span in receiver.spans}
    calls = theirs(receiver, kind)
    assert tuple(names[span.parent_span_id] for span in calls) == OURS
    assert len({span.trace_id for span in receiver.spans}) == len(OURS)
    assert sum(not span.parent_span_id for span in receiver.spans) == len(OURS)
    parents = {span.span_id: span for span in receiver.spans if not span.parent_span_id}
    for call in calls:
        parent = parents[call.parent_span_id]
        assert parent.start_time_unix_nano <= call.start_time_unix_nano <= call.end_time_unix_nano
    *good, refused = (plain(call.attributes) for call in calls)
    for attributes in good:
        assert attributes[kind.model].startswith(MODEL)
        assert (attributes[kind.input_tokens], attributes[kind.output_tokens]) == (INPUT_TOKENS, OUTPUT_TOKENS)
        assert kind.answer is None or ANSWER in attributes[kind.answer]
    assert REFUSED in str(refused)
    assert [call.status.code for call in calls][3] == parents[calls[3].parent_span_id].status.code == 2
    assert plain(parents[calls[3].parent_span_id].attributes)[semconv.ERROR_TYPE].endswith(".RateLimitError")


@pytest.mark.parametrize("name", KINDS)
def test_calls_of_clients_lie_in_the_trace_of_the_monitored_call(name: str, receiver: Receiver, models: str) -> None:
    need(name)
    kind = KINDS[name]
    out, told, status = ask(name, receiver, models)
    assert (out, status) == (f"{[ANSWER] * 3 + ['refused']}\n", 0), told
    assert told == "" or not kind.says_nothing
    check_spans(receiver, kind)
    assert {resource["service.name"] for resource in receiver.resources} == {"promised"}
    metrics = {metric.name for _, _, metric in receiver.metrics if metric.name.startswith("gen_ai.client.")}
    assert kind.metrics <= metrics
    if kind.metrics:
        used = receiver.last_points("gen_ai.client.token.usage").values()
        assert sum(point.sum for point in used) == 3 * (INPUT_TOKENS + OUTPUT_TOKENS)


@pytest.mark.parametrize("name", ["official openai", "openinference openai", "openllmetry openai"])
def test_their_spans_survive_a_kill_in_an_outage_like_ours(
    name: str, receiver: Receiver, models: str, tmp_path: Path
) -> None:
    need(name)
    receiver.status = 503
    _, told, status = ask(name, receiver, models, "killed", OTEL_IA_SPOOL_DIRECTORY=str(tmp_path))
    assert status == -signal.SIGKILL, told
    assert receiver.spans == []
    receiver.status = 200
    deliver_what_is_left(receiver, tmp_path)
    check_spans(receiver, KINDS[name])


AROUND = """
import sys
import openai
import otel_ia
from otel_ia import monitor

endpoint, server, is_instrumented = sys.argv[1:]
telemetry = otel_ia.configure(service_name="promised", endpoint=endpoint)
if is_instrumented == "True":
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
    OpenAIInstrumentor().instrument()
asked = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "a poem, please"}]}
with openai.OpenAI(base_url=f"{server}/v1", api_key="none", max_retries=0) as client, monitor("request"):
    with otel_ia.genai.inference("chat", model="gpt-4o-mini", provider="openai") as call:
        call.record(client.chat.completions.create(**asked))
    with otel_ia.genai.inference("chat", model="gpt-4o-mini", provider="openai") as call:
        with client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}) as chunks:
            print(sum(len(chunk.choices) for chunk in call.stream(chunks)))
    try:
        with otel_ia.genai.inference("chat", model="refused", provider="openai") as call:
            client.chat.completions.create(**{**asked, "model": "refused"})
    except openai.RateLimitError:
        pass
telemetry.shutdown()
"""


@pytest.mark.parametrize("is_instrumented", [False, True])
def test_a_call_of_ours_around_the_client_is_one_span_whether_the_client_is_instrumented_or_not(
    receiver: Receiver, models: str, *, is_instrumented: bool
) -> None:
    need("official openai")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", AROUND, receiver.endpoint, models, str(is_instrumented)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("4\n", "", 0)
    spans = sorted(receiver.spans, key=lambda span: span.start_time_unix_nano)
    assert [span.name for span in spans] == ["request", *[f"chat {MODEL}"] * 2, f"chat {REFUSED}"]
    assert {span.parent_span_id for span in spans[1:]} == {spans[0].span_id}
    for attributes in (plain(span.attributes) for span in spans[1:3]):
        assert attributes[semconv.GEN_AI_RESPONSE_MODEL] == f"{MODEL}-2024-07-18"
        assert attributes[semconv.GEN_AI_FINISH_REASONS] == ["stop"]
        assert attributes[semconv.GEN_AI_INPUT_TOKENS] == INPUT_TOKENS
        assert attributes[semconv.GEN_AI_OUTPUT_TOKENS] == OUTPUT_TOKENS
        assert attributes[semconv.GEN_AI_CACHE_READ_INPUT_TOKENS] == CACHED_TOKENS
    assert 0 < plain(spans[2].attributes)[semconv.GEN_AI_TIME_TO_FIRST_CHUNK] < 10
    assert [event.name for event in spans[3].events] == ["exception"]
    durations = receiver.last_points("gen_ai.client.operation.duration").values()
    used = receiver.last_points("gen_ai.client.token.usage").values()
    assert sum(point.count for point in durations) == 3
    assert sum(point.sum for point in used) == 2 * (INPUT_TOKENS + OUTPUT_TOKENS)
