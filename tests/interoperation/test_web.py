"""FastAPI on a real server and httpx in front of it, with their own instrumentations, around and under `monitor`."""

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

ROUTES = """
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
"""


@monitor
def ask(address: str, number: int) -> int:
    with httpx.Client() as client:
        return int(client.get(f"{address}/predict/{number}").status_code)


def test_a_request_is_one_trace_over_two_processes_in_the_order_of_the_calls(
    receiver: Receiver, instrumented_httpx: None
) -> None:
    with (
        otel_ia.configure(service_name="client", endpoint=receiver.endpoint),
        serving(ROUTES, receiver) as server,
    ):
        assert ask(server, 21) == 200
    assert parents(receiver.spans) == {
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


def test_their_attributes_events_and_errors_arrive_as_they_made_them(
    receiver: Receiver, instrumented_httpx: None
) -> None:
    with (
        otel_ia.configure(service_name="client", endpoint=receiver.endpoint),
        serving(ROUTES, receiver) as server,
    ):
        assert ask(server, -1) == 500
    client = plain(receiver.span("GET").attributes)
    assert 500 in client.values()
    assert any(str(value).startswith(server) for value in client.values())
    (serving_span,) = [span for span in receiver.spans if span.kind == Span.SPAN_KIND_SERVER]
    assert serving_span.status.code == 2
    (infer,) = [span for span in receiver.spans if span.name == "infer"]
    assert [event.name for event in infer.events] == ["exception"]
    assert plain(infer.attributes)["error.type"] == "ValueError"


def test_many_requests_at_once_keep_to_their_own_traces(receiver: Receiver, instrumented_httpx: None) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with (
        otel_ia.configure(service_name="client", endpoint=receiver.endpoint),
        serving(ROUTES, receiver) as server,
        ThreadPoolExecutor(8) as pool,
    ):
        assert list(pool.map(lambda number: ask(server, number), range(40))) == [200] * 40
    traces: dict[bytes, list[str]] = {}
    for span in receiver.spans:
        traces.setdefault(span.trace_id, []).append(span.name)
    assert len(traces) == 40
    in_each = ("GET", "GET /predict/{number}", *["GET /predict/{number} http send"] * 2, "ask", "infer", "request")
    assert {tuple(sorted(names)) for names in traces.values()} == {in_each}
