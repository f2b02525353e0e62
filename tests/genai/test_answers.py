"""What a provider's answer says of itself, in the forms in which it comes."""

import pytest

from otel_ia.genai import inference
from otel_ia.testing import record

WHOLE = {
    "gen_ai.response.id": "r-1",
    "gen_ai.response.model": "m-1",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 34,
}
CACHED = {"gen_ai.usage.cache_read.input_tokens": 8}
CHAT = {
    "id": "r-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m-1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 12,
        "completion_tokens": 34,
        "total_tokens": 46,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 20},
    },
}
CHUNK = {"id": "r-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1"}
CHUNKS = [
    {**CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "hi"}, "finish_reason": None}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {**CHUNK, "choices": [], "usage": CHAT["usage"]},
]
RESPONSE = {
    "id": "r-1",
    "object": "response",
    "created_at": 1,
    "model": "m-1",
    "output": [],
    "parallel_tool_calls": False,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 12,
        "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 0},
        "output_tokens": 34,
        "output_tokens_details": {"reasoning_tokens": 20},
        "total_tokens": 46,
    },
}
MESSAGE = {
    "id": "r-1",
    "type": "message",
    "role": "assistant",
    "model": "m-1",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "cache_read_input_tokens": 8, "cache_creation_input_tokens": 1, "output_tokens": 34},
}
EVENTS = [
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 34}},
    {"type": "message_stop"},
]
WRITTEN = {"gen_ai.usage.cache_write.input_tokens": 1}
REASONED = {"gen_ai.usage.reasoning.output_tokens": 20}
OLLAMA = {
    "model": "m-1",
    "done_reason": "stop",
    "prompt_eval_count": 12,
    "eval_count": 34,
    "message": {"content": "hi"},
}


def said_of(*answers, in_chunks=False):
    """The attributes that come of the answer, without those of the request."""
    with record() as seen, inference(model="m", provider="openai") as call:
        if in_chunks:
            list(call.stream(answers))
        for answer in () if in_chunks else answers:
            call.record(answer)
    kept = ("gen_ai.response", "gen_ai.usage")
    found = {name: value for name, value in seen.spans[0].attributes.items() if name.startswith(kept)}
    found.pop("gen_ai.response.time_to_first_chunk", None)
    return found


def without_reasons(attributes):
    return {name: value for name, value in attributes.items() if name != "gen_ai.response.finish_reasons"}


def test_chat_completions_are_read_as_json_and_as_the_clients_own():
    expected = {**WHOLE, **CACHED, **REASONED}
    assert said_of(CHAT) == expected
    types = pytest.importorskip("openai.types.chat", reason="otel_ia[libraries] has it")
    assert said_of(types.ChatCompletion.model_validate(CHAT)) == expected


def test_their_chunks_are_read_as_they_come():
    expected = {**WHOLE, **CACHED, **REASONED}
    assert said_of(*CHUNKS, in_chunks=True) == expected
    types = pytest.importorskip("openai.types.chat", reason="otel_ia[libraries] has it")
    chunks = [types.ChatCompletionChunk.model_validate(chunk) for chunk in CHUNKS]
    assert said_of(*chunks, in_chunks=True) == expected


def test_responses_and_their_events_are_read():
    expected = without_reasons({**WHOLE, **CACHED, **REASONED})
    event = {"type": "response.completed", "sequence_number": 9, "response": RESPONSE}
    assert said_of(RESPONSE) == expected
    assert said_of({"type": "response.output_text.delta", "delta": "hi"}, event, in_chunks=True) == expected
    types = pytest.importorskip("openai.types.responses", reason="otel_ia[libraries] has it")
    assert said_of(types.Response.model_validate(RESPONSE)) == expected
    assert said_of(types.ResponseCompletedEvent.model_validate(event), in_chunks=True) == expected


def test_anthropics_messages_are_read_with_cached_tokens_among_the_others():
    expected = {**WHOLE, **CACHED, **WRITTEN, "gen_ai.response.finish_reasons": ("end_turn",)}
    assert said_of(MESSAGE) == expected
    types = pytest.importorskip("anthropic.types", reason="otel_ia[libraries] has it")
    assert said_of(types.Message.model_construct(**{**MESSAGE, "usage": types.Usage(**MESSAGE["usage"])})) == expected


def test_the_events_of_their_stream_are_read_as_they_come():
    expected = {**WHOLE, **CACHED, **WRITTEN, "gen_ai.response.finish_reasons": ("end_turn",)}
    assert said_of(*EVENTS, in_chunks=True) == expected
    types = pytest.importorskip("anthropic.types", reason="otel_ia[libraries] has it")
    kinds = (
        types.RawMessageStartEvent,
        types.RawContentBlockDeltaEvent,
        types.RawMessageDeltaEvent,
        types.RawMessageStopEvent,
    )
    events = [kind.model_validate(event) for kind, event in zip(kinds, EVENTS, strict=True)]
    assert said_of(*events, in_chunks=True) == expected


def test_ollamas_answers_are_read():
    assert said_of(OLLAMA) == {name: value for name, value in WHOLE.items() if name != "gen_ai.response.id"}


def test_several_choices_end_each_in_its_own_way():
    chunks = [
        {"choices": [{"index": 1, "finish_reason": "length"}]},
        {"choices": [{"index": 0, "finish_reason": "stop"}]},
        {"choices": [{"index": 0, "delta": {}}]},
    ]
    assert said_of(*chunks, in_chunks=True) == {"gen_ai.response.finish_reasons": ("stop", "length")}


def test_what_is_said_beside_an_answer_counts_more():
    with record() as seen, inference(model="m", provider="openai") as call:
        call.record(CHAT, output_tokens=35)
    assert seen.spans[0].attributes["gen_ai.usage.output_tokens"] == 35
    assert seen.spans[0].attributes["gen_ai.usage.input_tokens"] == 12


@pytest.mark.parametrize("answer", ["hi", b"hi", 7, None, object(), [], {}, {"usage": 7, "choices": 8, "id": []}, type])
def test_what_says_nothing_disturbs_nothing(answer):
    assert said_of(answer, answer, in_chunks=True).keys() <= {"gen_ai.response.id"}
    assert said_of(answer).keys() <= {"gen_ai.response.id"}


def test_one_that_raises_when_it_is_read_disturbs_nothing():
    class Hostile:
        def __getattr__(self, name):
            raise RuntimeError(name)

    assert said_of(Hostile(), Hostile(), in_chunks=True) == {}
