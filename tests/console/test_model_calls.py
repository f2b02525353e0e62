"""A call of a language model at 80 columns: the model and what it cost come first."""

import json
import re

CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.request.stream": True,
    "gen_ai.request.temperature": 0.2,
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 34,
    "gen_ai.usage.cache_read.input_tokens": 1024,
    "gen_ai.response.time_to_first_chunk": 0.312,
    "gen_ai.input.messages": json.dumps([{"role": "user", "parts": []}] * 9),
    "gen_ai.output.messages": "[]",
}


def test_model_tokens_and_time_to_the_first_chunk_come_first(program):
    with program.span("answer", 0, 900), program.span("chat gpt-4o-mini", 1, 800, **CALL):
        pass
    shown = re.sub(r" +[\d.]+ ms [ ━╺╸]+$|  ◆ self \d+%", "", program.text, flags=re.MULTILINE)
    assert shown.splitlines()[1:] == [
        "answer",
        "└─ chat gpt-4o-mini  model=gpt-4o-mini",
        "     tokens=1200 → 34  first=312 ms  provider=openai",
        "     temperature=0.2  finish=[stop]  cached=1024",
    ]
    assert max(map(len, program.text.splitlines())) <= 80


def test_tokens_in_one_direction_stand_alone(program):
    with program.span("embeddings e", 0, 10, **{"gen_ai.usage.input_tokens": 9}):
        pass
    with program.span("generate", 0, 10, **{"gen_ai.usage.output_tokens": 9}):
        pass
    assert "tokens=9" in program.text
    assert "→" not in program.text
    assert "usage.output_tokens=9" in program.text


def test_attributes_of_other_spans_keep_their_order(program):
    with program.span("step", 0, 10, **{"b": 1, "gen_ai.request.model": "m", "a": 2}):
        pass
    assert "step  b=1  model=m  a=2" in program.text
