"""A program that asks language models through the real clients, instrumented by what its first argument names."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import otel_ia
from otel_ia import monitor

INSTRUMENTORS = {
    "official openai": ("opentelemetry.instrumentation.genai.openai", "OpenAIInstrumentor"),
    "official openai, before": ("opentelemetry.instrumentation.openai_v2", "OpenAIInstrumentor"),
    "openinference openai": ("openinference.instrumentation.openai", "OpenAIInstrumentor"),
    "openllmetry openai": ("opentelemetry.instrumentation.openai", "OpenAIInstrumentor"),
    "official anthropic": ("opentelemetry.instrumentation.genai.anthropic", "AnthropicInstrumentor"),
    "openinference anthropic": ("openinference.instrumentation.anthropic", "AnthropicInstrumentor"),
    "openllmetry anthropic": ("opentelemetry.instrumentation.anthropic", "AnthropicInstrumentor"),
}
ASKED: Any = [{"role": "user", "content": "a poem, please"}]
MODEL, REFUSED = "gpt-4o-mini", "refused"


def ask_openai(server: str) -> None:
    import openai

    options: Any = {"base_url": f"{server}/v1", "api_key": "none", "max_retries": 0}
    whole: Any = {"model": MODEL, "messages": ASKED, "temperature": 0.5, "max_tokens": 10}
    streamed: Any = {**whole, "stream": True, "stream_options": {"include_usage": True}}

    @monitor
    def ask(client: Any, **how: Any) -> str:
        return str(client.chat.completions.create(**how).choices[0].message.content)

    @monitor
    def listen(client: Any) -> str:
        chunks = client.chat.completions.create(**streamed)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    @monitor
    async def listen_later() -> str:
        async with openai.AsyncOpenAI(**options) as client:
            said = ""
            async for chunk in await client.chat.completions.create(**streamed):
                said += (chunk.choices[0].delta.content or "") if chunk.choices else ""
            return said

    with openai.OpenAI(**options) as client:
        said = [ask(client, **whole), listen(client), asyncio.run(listen_later())]
        try:
            ask(client, **{**whole, "model": REFUSED})
        except openai.RateLimitError:
            said.append("refused")
    print(said, flush=True)


def ask_anthropic(server: str) -> None:
    import anthropic

    options: Any = {"base_url": server, "api_key": "none", "max_retries": 0}
    whole: Any = {"model": MODEL, "messages": ASKED, "max_tokens": 10}

    @monitor
    def ask(client: Any, **how: Any) -> str:
        return str(client.messages.create(**how).content[0].text)

    @monitor
    def listen(client: Any) -> str:
        events = client.messages.create(**whole, stream=True)
        return "".join(event.delta.text for event in events if event.type == "content_block_delta")

    @monitor
    async def listen_later() -> str:
        async with anthropic.AsyncAnthropic(**options) as client:
            said = ""
            async for event in await client.messages.create(**whole, stream=True):
                said += event.delta.text if event.type == "content_block_delta" else ""
            return said

    with anthropic.Anthropic(**options) as client:
        said = [ask(client, **whole), listen(client), asyncio.run(listen_later())]
        try:
            ask(client, **{**whole, "model": REFUSED})
        except anthropic.RateLimitError:
            said.append("refused")
    print(said, flush=True)


if __name__ == "__main__":
    name, endpoint, address, ending = sys.argv[1:]
    telemetry = otel_ia.configure(service_name="promised", endpoint=endpoint)
    module, instrumentor = INSTRUMENTORS[name]
    getattr(import_module(module), instrumentor)().instrument()
    run: Callable[[str], None] = ask_openai if "openai" in name else ask_anthropic
    run(address)
    if ending == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    telemetry.shutdown()
