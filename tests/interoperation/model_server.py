"""A real HTTP server on loopback that speaks OpenAI's chat completions and Anthropic's messages, streamed and not."""

import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse

WORDS = ("Roses", " are", " red")
ANSWER = "".join(WORDS)
INPUT_TOKENS, CACHED_TOKENS, OUTPUT_TOKENS = 12, 4, 3
REFUSED = "refused"
"""A model that is asked too often."""
app = FastAPI()


@app.post("/v1/chat/completions")
async def complete(request: Request) -> Any:
    asked = await request.json()
    if asked["model"] == REFUSED:
        return JSONResponse({"error": {"message": "too many requests", "code": "rate_limit"}}, 429)
    if asked.get("stream"):
        return StreamingResponse(_events(_chunks(asked)), media_type="text/event-stream")
    return {
        **_head(asked, "chat.completion"),
        "choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
        "usage": _usage(),
    }


@app.post("/v1/messages")
async def message(request: Request) -> Any:
    asked = await request.json()
    if asked["model"] == REFUSED:
        return JSONResponse({"type": "error", "error": {"type": "rate_limit_error", "message": "too many"}}, 429)
    if asked.get("stream"):
        return StreamingResponse(_named_events(_parts(asked)), media_type="text/event-stream")
    return {**_message(asked), "content": [{"type": "text", "text": ANSWER}], "stop_reason": "end_turn"}


def _head(asked: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": int(time.time()), "model": f"{asked['model']}-2024-07-18"}


def _usage() -> dict[str, Any]:
    return {
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS},
    }


def _chunks(asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    head = _head(asked, "chat.completion.chunk")
    for word in WORDS:
        yield {**head, "choices": [{"index": 0, "delta": {"role": "assistant", "content": word}}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": _usage()}


def _message(asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": INPUT_TOKENS - CACHED_TOKENS,
            "cache_read_input_tokens": CACHED_TOKENS,
            "output_tokens": OUTPUT_TOKENS,
        },
    }


def _parts(asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    begun = _message(asked)
    yield {"type": "message_start", "message": {**begun, "usage": {**begun["usage"], "output_tokens": 0}}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for word in WORDS:
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
    yield {"type": "content_block_stop", "index": 0}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": OUTPUT_TOKENS},
    }
    yield {"type": "message_stop"}


async def _events(parts: Iterator[dict[str, Any]]) -> AsyncIterator[str]:
    for part in parts:
        yield f"data: {json.dumps(part)}\n\n"
    yield "data: [DONE]\n\n"


async def _named_events(parts: Iterator[dict[str, Any]]) -> AsyncIterator[str]:
    for part in parts:
        yield f"event: {part['type']}\ndata: {json.dumps(part)}\n\n"


@contextmanager
def serving_models() -> Iterator[str]:
    """The server's address, for the time of the block."""
    started = threading.Event()

    class Watched(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            started.set()

    server = Watched(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert started.wait(20)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
