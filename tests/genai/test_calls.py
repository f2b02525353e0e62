"""What a call of a model, a tool, an agent leaves: one span, its attributes, its metrics."""

import asyncio
import math

import pytest
from opentelemetry import trace

import otel_ia
from otel_ia import monitor, semconv
from otel_ia.genai import agent, embeddings, inference, tool, workflow
from otel_ia.testing import record

SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864]
"""https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-metrics.md"""


def test_a_call_is_a_client_span_under_the_monitored_one_with_what_was_asked_and_answered():
    with (
        record() as seen,
        monitor("request"),
        inference(
            model="gpt-4o-mini",
            provider="openai",
            server_address="api.openai.com",
            server_port=443,
            conversation_id="c-1",
            temperature=0.2,
            top_p=0.9,
            max_tokens=256,
            stop_sequences=["\n"],
            seed=7,
        ) as call,
    ):
        call.record(
            response_id="r-1",
            response_model="gpt-4o-mini-2024-07-18",
            finish_reasons=["stop"],
            input_tokens=12,
            output_tokens=34,
            cache_read_input_tokens=8,
            reasoning_output_tokens=20,
        )
    assert seen.tree == ["request", ["chat gpt-4o-mini"]]
    span = seen.span("chat gpt-4o-mini")
    assert (span.kind, span.status, span.scope) == ("CLIENT", "UNSET", "otel_ia.genai")
    assert span.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "server.address": "api.openai.com",
        "server.port": 443,
        "gen_ai.conversation.id": "c-1",
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.max_tokens": 256,
        "gen_ai.request.stop_sequences": ("\n",),
        "gen_ai.request.seed": 7,
        "gen_ai.response.id": "r-1",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 34,
        "gen_ai.usage.cache_read.input_tokens": 8,
        "gen_ai.usage.reasoning.output_tokens": 20,
    }


def test_duration_and_tokens_are_counted_with_the_attributes_of_the_conventions():
    with record() as seen:
        for _ in range(2):
            with inference(model="m", provider="openai") as call:
                call.record(response_model="m-1", input_tokens=12, output_tokens=34)
        with inference(model="m", provider="openai"):
            pass
    asked = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "m"}
    both = {**asked, "gen_ai.response.model": "m-1"}
    duration = seen.metric("gen_ai.client.operation.duration", both)
    assert (duration.attributes, duration.unit, duration.count) == (both, "s", 2)
    assert duration.exemplars == [seen.spans[1].trace_id]
    used = [seen.metric("gen_ai.client.token.usage", {"gen_ai.token.type": kind}) for kind in ("input", "output")]
    assert [(metric.value, metric.count, metric.unit) for metric in used] == [(24, 2, "{token}"), (68, 2, "{token}")]
    assert used[0].attributes == {**both, "gen_ai.token.type": "input"}
    assert {metric.attributes.get("gen_ai.response.model") for metric in seen.metrics} == {"m-1", None}


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("gen_ai.client.operation.duration", SECONDS),
        ("gen_ai.client.operation.time_to_first_chunk", SECONDS),
        ("gen_ai.client.operation.time_per_output_chunk", SECONDS),
        ("gen_ai.client.token.usage", TOKENS),
    ],
)
def test_buckets_end_where_the_conventions_say(receiver, name, bounds):
    with otel_ia.configure(service_name="assistant", endpoint=receiver.endpoint) as telemetry:
        with inference(model="m", provider="openai") as call:
            list(call.stream("ab"))
            call.record(input_tokens=12, output_tokens=1)
        assert telemetry.flush(10)
    points = list(receiver.last_points(name).values())
    assert points
    assert {tuple(point.explicit_bounds) for point in points} == {tuple(bounds)}


def test_an_error_gives_status_type_and_one_event_on_the_span_that_saw_it_first():
    called = inference(model="m", provider="openai")
    with record() as seen, pytest.raises(TimeoutError) as raised, monitor("request"), workflow("plan"), called:
        raise TimeoutError("too late")
    assert raised.value.args == ("too late",)
    assert [len(span.exceptions) for span in seen.spans] == [1, 0, 0]
    assert {(span.status, span.message, span.outcome) for span in seen.spans} == {("ERROR", "too late", "error")}
    assert {span.attributes[semconv.ERROR_TYPE] for span in seen.spans} == {"TimeoutError"}
    (event,) = seen.span("chat m").exceptions
    assert (event["exception.type"], event["exception.message"]) == ("TimeoutError", "too late")
    assert "raise TimeoutError" in event["exception.stacktrace"]
    assert seen.metric("gen_ai.client.operation.duration").attributes["error.type"] == "TimeoutError"


def test_an_error_that_was_told_below_is_not_told_again():
    @monitor
    def retrieve():
        raise ValueError("nothing there")

    with record() as seen, pytest.raises(ValueError), inference(model="m", provider="openai"):
        retrieve()
    assert [(span.status, len(span.exceptions)) for span in seen.spans] == [("ERROR", 1), ("ERROR", 0)]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (KeyboardInterrupt(), "cancelled"),
        (SystemExit(1), "cancelled"),
        (asyncio.CancelledError(), "cancelled"),
        (GeneratorExit(), "closed_early"),
    ],
)
def test_cancellation_is_marked_and_no_error(error, outcome):
    with record() as seen, pytest.raises(type(error)) as raised, inference(model="m", provider="openai"):
        raise error
    assert raised.value is error
    (span,) = seen.spans
    assert (span.status, span.outcome, span.exceptions) == ("UNSET", outcome, [])
    assert semconv.ERROR_TYPE not in span.attributes
    duration = seen.metric("gen_ai.client.operation.duration")
    assert duration.attributes[semconv.OUTCOME] == outcome
    assert "error.type" not in duration.attributes


def test_an_unprintable_error_passes_and_is_told():
    class Unprintable(Exception):
        def __str__(self):
            raise RuntimeError

    with record() as seen, pytest.raises(Unprintable), inference(model="m", provider="openai"):
        raise Unprintable
    assert seen.spans[0].message == "<unprintable Unprintable>"


def test_calls_at_the_same_time_keep_apart():
    async def ask(number):
        with monitor(f"request {number}"), inference(model=f"m{number}", provider="openai") as call:
            await asyncio.sleep(0.01)
            call.record(input_tokens=number)

    async def ask_all():
        await asyncio.gather(*(ask(number) for number in range(20)))

    with record() as seen:
        asyncio.run(ask_all())
    spans = {span.name: span for span in seen.spans}
    for number in range(20):
        call = spans[f"chat m{number}"]
        assert call.parent_id == spans[f"request {number}"].span_id
        assert call.attributes["gen_ai.usage.input_tokens"] == number


def test_a_call_inside_a_call_is_a_part_of_it_and_counted_once():
    with record() as seen, inference(model="router", provider="ours") as outer:
        with pytest.raises(ValueError), inference(model="small", provider="openai"):
            raise ValueError("refused")
        with inference(model="large", provider="openai", temperature=0.5) as inner:
            inner.record(response_model="large-1", input_tokens=3, output_tokens=4)
        outer.record(finish_reasons="stop")
    (span,) = seen.spans
    assert (span.name, span.status, span.exceptions) == ("chat router", "UNSET", [])
    assert span.attributes["gen_ai.response.model"] == "large-1"
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert seen.metric("gen_ai.client.operation.duration").count == 1
    assert sum(metric.value for metric in seen.metrics if metric.name == "gen_ai.client.token.usage") == 7


def test_agents_tools_workflows_and_embeddings_are_spans_of_their_own_kind():
    with record() as seen, workflow("answer", conversation_id="c-1"), agent("helper", model="m", input_tokens=5):
        with embeddings(model="e", provider="openai", dimension_count=3) as call:
            call.record(input_tokens=9)
        with inference(model="m", provider="openai"):
            pass
        with tool("search", kind="function", tool_call_id="t-1", tool_description="finds") as call:
            call.record(tool_result="private")
        with agent("elsewhere", provider="aws.bedrock"):
            pass
    assert seen.tree == [
        "invoke_workflow answer",
        ["invoke_agent helper", ["embeddings e", "chat m", "execute_tool search", "invoke_agent elsewhere"]],
    ]
    kinds = {span.name: span.kind for span in seen.spans}
    assert [kinds[name] for name in ("invoke_agent helper", "invoke_agent elsewhere")] == ["INTERNAL", "CLIENT"]
    assert [kinds[name] for name in ("embeddings e", "execute_tool search")] == ["CLIENT", "INTERNAL"]
    assert seen.span("chat m").attributes["gen_ai.conversation.id"] == "c-1"
    searched = seen.span("execute_tool search").attributes
    assert (searched["gen_ai.tool.call.id"], searched["gen_ai.tool.type"]) == ("t-1", "function")
    assert "private" not in str(searched)
    assert seen.span("embeddings e").attributes["gen_ai.embeddings.dimension.count"] == 3
    assert {metric.name for metric in seen.metrics if metric.name.startswith("gen_ai.")} == {
        "gen_ai.client.operation.duration",
        "gen_ai.client.token.usage",
        "gen_ai.execute_tool.duration",
        "gen_ai.invoke_agent.duration",
        "gen_ai.invoke_workflow.duration",
    }


def test_the_operation_is_a_word_of_the_conventions_or_of_ones_own():
    with record() as seen, inference("generate_content", model="m", provider="gcp.gemini"):
        pass
    assert seen.names == ["generate_content m"]
    assert seen.spans[0].attributes["gen_ai.operation.name"] == "generate_content"


def test_the_span_is_current_inside_and_opentelemetrys_own():
    with record() as seen, inference(model="m", provider="openai") as call:
        call.span.set_attribute("app.prompt", "v3")
        with monitor("tokenize"):
            pass
    assert seen.tree == ["chat m", ["tokenize"]]
    assert seen.span("chat m").attributes["app.prompt"] == "v3"


def test_a_bound_field_is_on_calls_too():
    with record() as seen, otel_ia.bound(user_id=7), inference(model="m", provider="openai"):
        pass
    assert seen.spans[0].attributes["user_id"] == 7


def test_a_misspelt_keyword_is_the_type_error_of_any_function():
    with record() as seen:
        with pytest.raises(TypeError, match="'temprature'"):
            inference(model="m", provider="openai", temprature=1)
        with inference(model="m", provider="openai") as call, pytest.raises(TypeError, match="'tokens'"):
            call.record(tokens=1)
    assert seen.names == ["chat m"]


def test_one_that_is_recorded_after_its_end_disturbs_nobody():
    with record() as seen:
        with inference(model="m", provider="openai") as call:
            pass
        call.record(input_tokens=1)
        assert list(call.stream("ab")) == ["a", "b"]
    assert "gen_ai.usage.input_tokens" not in seen.spans[0].attributes
    assert math.isclose(seen.metric("gen_ai.client.operation.duration").value, seen.spans[0].seconds, abs_tol=0.05)


def test_calls_too_near_the_recursion_limit_to_be_ended_end_with_the_next_call():
    opened = []

    def descend():
        with tool("deeper") as call:
            if call.span.is_recording():
                opened.append(call.span.get_span_context().span_id)
            descend()

    with record() as seen:
        with pytest.raises(RecursionError):
            descend()
        assert not trace.get_current_span().get_span_context().is_valid
        with monitor("next"):
            pass
    assert len(opened) > 10
    assert {span.span_id for span in seen.spans if span.name == "execute_tool deeper"} == {
        f"{span_id:016x}" for span_id in opened
    }
