"""What was asked and answered: only where it is asked for, without secrets, bounded, and JSON to its end."""

import json
import re
from pathlib import Path

import pytest
from planted import BARE, IN_CONTEXT
from promises.test_secrets import found_in
from receiver import plain

import otel_ia
from otel_ia.genai import inference, tool
from otel_ia.genai.messages import LIMIT
from otel_ia.testing import record

VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
EVENT = "gen_ai.client.inference.operation.details"
ASKED = [
    {"role": "system", "content": "Answer briefly."},
    {"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {}}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "t-1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}],
    },
    {"role": "tool", "tool_call_id": "t-1", "content": "a cat"},
]
ANSWER = {"choices": [{"message": {"role": "assistant", "content": "A cat."}, "finish_reason": "stop"}]}
SECRETS = {name: (secret, secret) for name, secret in BARE.items()} | {
    name: (form.format(secret), secret) for name, (form, secret) in IN_CONTEXT.items()
}
TO_THE_END = {"cookie", "set-cookie", "proxy", "passphrase"}
"""Secrets that reach as far as their line does: with them all is taken out that JSON has behind them."""


def ask(**facts):
    with inference(model="m", provider="openai", **facts) as call:
        call.record(ANSWER)


def written(attributes, name):
    return json.loads(attributes[f"gen_ai.{name}"])


@pytest.mark.parametrize("value", [None, "", "no_content", "false"])
def test_without_being_asked_for_no_content_is_anywhere(value, monkeypatch, caplog):
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    with record() as seen:
        ask(input_messages="private", system_instructions="private", tool_definitions=[{"name": "private"}])
        with tool("look", tool_arguments="private", tool_result="private"):
            pass
    assert "private" not in str(seen.spans)
    assert "A cat." not in str(
        (seen.spans, [log for log in seen.logs if log.logger != "opentelemetry.util.genai.utils"])
    )


def test_what_is_not_asked_for_is_not_even_looked_at(monkeypatch):
    class Watched:
        def __getattr__(self, name):
            looked_at.append(name)

    looked_at = []
    for mode in ("no_content", "span_only"):
        assert looked_at == []
        monkeypatch.setenv(VARIABLE, mode)
        with record():
            ask(input_messages=Watched())
    assert looked_at != []


def test_what_was_asked_and_answered_stands_on_the_span_in_the_form_of_the_conventions(monkeypatch):
    monkeypatch.setenv(VARIABLE, "span_only")
    tools = [
        {"type": "function", "function": {"name": "look", "description": "looks", "parameters": {"type": "object"}}}
    ]
    with record() as seen:
        ask(input_messages=ASKED, system_instructions="Be kind.", tool_definitions=tools)
    attributes = seen.spans[0].attributes
    said = written(attributes, "input.messages")
    assert [(message["role"], [part["type"] for part in message["parts"]]) for message in said] == [
        ("system", ["text"]),
        ("user", ["text", "text"]),
        ("assistant", ["tool_call"]),
        ("tool", ["tool_call_response"]),
    ]
    assert said[1]["parts"] == [
        {"content": "What is this?", "type": "text"},
        {"content": "<image_url>", "type": "text"},
    ]
    assert said[2]["parts"][0]["name"] == "look"
    assert said[3]["parts"][0]["response"] == "a cat"
    (answered,) = written(attributes, "output.messages")
    assert (answered["role"], answered["parts"]) == ("assistant", [{"content": "A cat.", "type": "text"}])
    assert written(attributes, "system_instructions") == [{"content": "Be kind.", "type": "text"}]
    assert written(attributes, "tool.definitions")[0]["name"] == "look"
    assert seen.logs == []


def test_it_stands_on_an_event_instead_or_on_both(monkeypatch):
    for mode, on_span, on_event in (("event_only", False, True), ("span_and_event", True, True)):
        monkeypatch.setenv(VARIABLE, mode)
        with record() as seen:
            ask(input_messages="What is this?")
        assert ("gen_ai.input.messages" in seen.spans[0].attributes) is on_span
        assert len(seen.logs) == on_event
        (event,) = seen.logs
        assert (event.trace_id, event.span_id) == (seen.spans[0].trace_id, seen.spans[0].span_id)
        assert "What is this?" in str(event.attributes["gen_ai.input.messages"])


def test_a_tools_arguments_and_result_are_content(monkeypatch):
    monkeypatch.setenv(VARIABLE, "span_only")
    with record() as seen, tool("look", tool_arguments={"at": 1}) as call:
        call.record(tool_result="a cat")
    attributes = seen.spans[0].attributes
    assert attributes["gen_ai.tool.call.arguments"] == "{'at': 1}"
    assert attributes["gen_ai.tool.call.result"] == "a cat"


@pytest.mark.parametrize(
    "asked",
    [
        ["x" * 1_000_000] * 3,
        ["\U0001f600" * 20_000] * 50,
        [{"role": "user", "content": "x" * 300}] * 10_000,
        [{"role": "user", "content": [{"type": "text", "text": "x" * 10_000}] * 1_000}] * 100,
    ],
    ids=["long", "escaped", "many", "of many parts"],
)
def test_too_much_is_cut_to_json_that_can_be_read(asked, monkeypatch):
    monkeypatch.setenv(VARIABLE, "span_only")
    with record() as seen:
        ask(input_messages=asked)
    messages = written(seen.spans[0].attributes, "input.messages")
    assert len(seen.spans[0].attributes["gen_ai.input.messages"]) <= LIMIT + 8_192
    parts = [part["content"] for message in messages for part in message["parts"]]
    left_out = re.fullmatch(r"(\d+) messages left out", parts[0])
    assert (len(asked) - len(messages) + 1 == int(left_out[1])) if left_out else len(messages) == len(asked)
    assert len(messages) <= 129
    assert len(messages[-1]["parts"][0]["content"]) >= 300


@pytest.mark.parametrize("mode", ["span_only", "event_only"])
def test_secrets_in_it_reach_neither_disk_nor_collector(mode, receiver, tmp_path: Path, monkeypatch):
    monkeypatch.setenv(VARIABLE, mode)
    receiver.status = 503
    settings = {"service_name": "assistant", "spool_directory": str(tmp_path), "exit_timeout": 0.2}
    with otel_ia.configure(endpoint=receiver.endpoint, **settings):
        for text, _ in SECRETS.values():
            with inference(model="m", provider="openai", input_messages=[{"role": "user", "content": text}]) as call:
                call.record(
                    output_messages=f"you said\n{text}",
                    system_instructions=text,
                    tool_definitions=[{"name": "look", "description": text, "parameters": {"default": text}}],
                )
            with tool("look", tool_arguments={"text": text}, tool_result=text):
                pass
    planted = {name: secret for name, (_, secret) in SECRETS.items()}
    escaped = {name: json.dumps(secret)[1:-1] for name, secret in planted.items()}
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert kept.count(b"[redacted: ") >= len(SECRETS)
    assert found_in(kept, planted) == found_in(kept, escaped) == set()
    receiver.status = 200
    with otel_ia.configure(endpoint=receiver.endpoint, **settings) as telemetry:
        assert receiver.wait_until(lambda: len(receiver.spans) >= 2 * len(SECRETS))
        assert telemetry.flush(10)
    arrived = b"".join(message.SerializeToString() for message in (*receiver.spans, *receiver.logs))
    assert found_in(arrived, planted) == set()
    spans = sorted(receiver.spans, key=lambda span: span.start_time_unix_nano)
    calls = [plain(span.attributes) for span in spans if span.name == "chat m"]
    if mode == "span_only":
        for name, call in zip(SECRETS, calls, strict=True):
            said = call["gen_ai.output.messages"]
            assert said.endswith("]") if name in TO_THE_END else json.loads(said)
    else:
        assert {log.event_name for log in receiver.logs} == {EVENT}
        assert len(receiver.logs) == len(calls) == len(SECRETS)
