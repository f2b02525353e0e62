"""FastAPI on a real server and httpx in front of it, with their own instrumentations, around and under `monitor`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from receiver import Receiver, plain

import otel_ia
from otel_ia import monitor

httpx = pytest.importorskip("httpx")
pytest.importorskip("uvicorn")
pytest.importorskip("opentelemetry.instrumentation.fastapi")
HTTPXClientInstrumentor = pytest.importorskip("opentelemetry.instrumentation.httpx").HTTPXClientInstrumentor

SERVER = """
import asyncio
import logging
import sys

import uvicorn
from fastapi import FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

import otel_ia
from otel_ia import monitor

app = FastAPI()
FastAPIInstrumentor.instrument_app(app)


@monitor(attributes={"ia.model.name": "doubler"})
async def infer(number):
    logging.getLogger("app").warning("inferring %d", number)
    if number < 0:
        raise ValueError("below zero")
    await asyncio.sleep(0)
    return number * 2


@app.get("/predict/{number}")
async def predict(number: int):
    with monitor("request"):
        return {"answer": await infer(number)}


async def main():
    telemetry = otel_ia.configure(service_name="server", endpoint=sys.argv[1])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving
    telemetry.shutdown()


asyncio.run(main())
"""
CLIENT, INTERNAL, SERVING = Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_SERVER


@contextmanager
def serving(receiver: Receiver) -> Iterator[str]:
    """A server in a process of its own, whose telemetry goes to the receiver."""
    command = [sys.executable, "-W", "error", "-c", SERVER, receiver.endpoint]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    ) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        try:
            assert port, process.communicate()[1]
            yield f"http://127.0.0.1:{port}"
        finally:
            _, told = process.communicate(timeout=30)
    assert process.returncode == 0, told


@pytest.fixture
def instrumented() -> Iterator[None]:
    HTTPXClientInstrumentor().instrument()
    yield
    HTTPXClientInstrumentor().uninstrument()


@monitor
def ask(address: str, number: int) -> int:
    with httpx.Client() as client:
        return int(client.get(f"{address}/predict/{number}").status_code)


def parents(receiver: Receiver) -> dict[str, str]:
    """The name of each span's parent, by the span's name and kind."""
    names = {span.span_id: span.name for span in receiver.spans}
    return {
        f"{span.name} {Span.SpanKind.Name(span.kind)[len('SPAN_KIND_') :]}": names.get(span.parent_span_id, "")
        for span in receiver.spans
    }


def test_a_request_is_one_trace_over_two_processes_in_the_order_of_the_calls(
    receiver: Receiver, instrumented: None
) -> None:
    with (
        otel_ia.configure(service_name="client", endpoint=receiver.endpoint),
        serving(receiver) as server,
    ):
        assert ask(server, 21) == 200
    assert parents(receiver) == {
        "ask INTERNAL": "",
        "GET CLIENT": "ask",
        "GET /predict/{number} SERVER": "GET",
        "request INTERNAL": "GET /predict/{number}",
        "infer INTERNAL": "request",
        "GET /predict/{number} http send INTERNAL": "GET /predict/{number}",
    }
    assert len({span.trace_id for span in receiver.spans}) == 1
    services = {span.name: resource["service.name"] for resource, span in receiver.spans_by_resource}
    assert (services["ask"], services["GET"], services["infer"]) == ("client", "client", "server")
    assert plain(receiver.span("infer").attributes)["ia.model.name"] == "doubler"
    (record,) = receiver.logs
    assert (record.body.string_value, record.span_id) == ("inferring 21", receiver.span("infer").span_id)


def test_their_attributes_events_and_errors_arrive_as_they_made_them(receiver: Receiver, instrumented: None) -> None:
    with (
        otel_ia.configure(service_name="client", endpoint=receiver.endpoint),
        serving(receiver) as server,
    ):
        assert ask(server, -1) == 500
    client = plain(receiver.span("GET").attributes)
    assert 500 in client.values()
    assert any(str(value).startswith(server) for value in client.values())
    (serving_span,) = [span for span in receiver.spans if span.kind == SERVING]
    assert serving_span.status.code == 2
    (infer,) = [span for span in receiver.spans if span.name == "infer"]
    assert [event.name for event in infer.events] == ["exception"]
    assert plain(infer.attributes)["error.type"] == "ValueError"


def test_many_requests_at_once_keep_to_their_own_traces(receiver: Receiver, instrumented: None) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with (
        otel_ia.configure(service_name="client", endpoint=receiver.endpoint),
        serving(receiver) as server,
        ThreadPoolExecutor(8) as pool,
    ):
        assert list(pool.map(lambda number: ask(server, number), range(40))) == [200] * 40
    traces: dict[bytes, list[str]] = {}
    for span in receiver.spans:
        traces.setdefault(span.trace_id, []).append(span.name)
    assert len(traces) == 40
    in_each = ("GET", "GET /predict/{number}", *["GET /predict/{number} http send"] * 2, "ask", "infer", "request")
    assert {tuple(sorted(names)) for names in traces.values()} == {in_each}
