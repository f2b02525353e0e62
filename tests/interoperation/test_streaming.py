"""A monitored generator, streamed by FastAPI on a real server and read by httpx: one trace, however it ends."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from receiver import Receiver, plain

import otel_ia
from otel_ia import monitor

from .serving import parents, serving

httpx = pytest.importorskip("httpx")
pytest.importorskip("uvicorn")
pytest.importorskip("opentelemetry.instrumentation.fastapi")
pytest.importorskip("opentelemetry.instrumentation.httpx")

TOKENS = 40
LEFT = {"cancelled", "closed_early"}
"""How a generator ends that is left: while it works, or while its item is on its way."""
ROUTES = """
@monitor
async def draw(number):
    await asyncio.sleep(0.01)
    return f"{number}\\n"


@monitor(attributes={"ia.model.name": "counter"}, reduce=lambda _, token: {"last": int(token)})
async def generate(count, fails):
    for number in range(count):
        if number == fails:
            raise ValueError("out of tokens")
        yield await draw(number)


@app.get("/stream/{count}")
async def stream(count: int, fails: int = -1):
    return StreamingResponse(generate(count, fails), media_type="text/plain")
"""


@monitor
async def lines(address: str) -> AsyncIterator[int]:
    async with httpx.AsyncClient() as client, client.stream("GET", address) as response:
        async for line in response.aiter_lines():
            yield int(line)


@monitor
async def ask(address: str, enough: int) -> list[int]:
    found = []
    flow = lines(address)
    async for number in flow:
        found.append(number)
        if len(found) == enough:
            break
    await flow.aclose()
    return found


def tree(spans: Iterable[Span]) -> dict[str, str]:
    """The parents, without what FastAPI tells of single messages."""
    return {
        name: parent
        for name, parent in parents(spans).items()
        if not name.endswith((" http send INTERNAL", " http receive INTERNAL"))
    }


def outcomes(spans: Iterable[Span], name: str) -> set[str]:
    return {str(plain(span.attributes).get("ia.outcome", "ok")) for span in spans if span.name == name}


TREE = {
    "ask INTERNAL": "",
    "lines INTERNAL": "ask",
    "GET CLIENT": "lines",
    "GET /stream/{count} SERVER": "GET",
    "generate INTERNAL": "GET /stream/{count}",
    "draw INTERNAL": "generate",
}


def test_a_stream_that_is_read_to_its_end_is_one_trace(receiver: Receiver, instrumented_httpx: None) -> None:
    with otel_ia.configure(service_name="client", endpoint=receiver.endpoint), serving(ROUTES, receiver) as server:
        assert asyncio.run(ask(f"{server}/stream/5", enough=TOKENS)) == list(range(5))
    assert tree(receiver.spans) == TREE
    assert len({span.trace_id for span in receiver.spans}) == 1
    assert all(outcomes(receiver.spans, name) == {"ok"} for name in ("ask", "lines", "generate", "draw"))
    generate = receiver.span("generate")
    said = plain(generate.attributes)
    assert (said["ia.stream.items"], said["last"], said["ia.model.name"]) == (5, 4, "counter")
    (event,) = generate.events
    assert event.name == "ia.stream.first_item"
    first = next(span for span in receiver.spans if span.name == "draw")
    assert first.end_time_unix_nano <= event.time_unix_nano <= generate.end_time_unix_nano


def test_a_client_that_leaves_half_way_gives_one_trace(receiver: Receiver, instrumented_httpx: None) -> None:
    with otel_ia.configure(service_name="client", endpoint=receiver.endpoint), serving(ROUTES, receiver) as server:
        assert asyncio.run(ask(f"{server}/stream/100000", enough=TOKENS)) == list(range(TOKENS))
    assert tree(receiver.spans) == TREE
    assert len({span.trace_id for span in receiver.spans}) == 1
    assert outcomes(receiver.spans, "ask") == {"ok"}
    assert outcomes(receiver.spans, "lines") == {"closed_early"}
    assert outcomes(receiver.spans, "generate") <= LEFT
    said = plain(receiver.span("generate").attributes)
    assert TOKENS <= said["ia.stream.items"] < 100_000
    assert said["last"] == said["ia.stream.items"] - 1
    assert not [event for span in receiver.spans for event in span.events if event.name == "exception"]
    assert {span.status.code for span in receiver.spans} == {0}


def test_an_error_half_way_is_told_where_it_was_raised(receiver: Receiver, instrumented_httpx: None) -> None:
    with (
        otel_ia.configure(service_name="client", endpoint=receiver.endpoint),
        serving(ROUTES, receiver) as server,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        asyncio.run(ask(f"{server}/stream/9?fails=3", enough=TOKENS))
    assert tree(receiver.spans) == TREE
    generate = receiver.span("generate")
    said = plain(generate.attributes)
    assert (said["ia.outcome"], said["error.type"], said["ia.stream.items"]) == ("error", "ValueError", 3)
    assert [event.name for event in generate.events] == ["ia.stream.first_item", "exception"]
    assert outcomes(receiver.spans, "lines") == outcomes(receiver.spans, "ask") == {"error"}


def test_streams_at_the_same_time_keep_to_their_own_traces(receiver: Receiver, instrumented_httpx: None) -> None:
    async def ask_at_once(server: str) -> None:
        await asyncio.gather(*(ask(f"{server}/stream/20", enough=number + 1) for number in range(24)))

    with otel_ia.configure(service_name="client", endpoint=receiver.endpoint), serving(ROUTES, receiver) as server:
        asyncio.run(ask_at_once(server))
    traces: dict[bytes, list[Span]] = {}
    for span in receiver.spans:
        traces.setdefault(span.trace_id, []).append(span)
    assert len(traces) == 24
    assert all(tree(spans) == TREE for spans in traces.values())
