"""gRPC's own instrumentation around and under `monitor`, also where our own delivery speaks gRPC."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from delivery.collectors import collecting_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from receiver import Receiver, plain

import otel_ia
from otel_ia import monitor

instrumentation = pytest.importorskip("opentelemetry.instrumentation.grpc")


@monitor
def infer(content: bytes) -> bytes:
    if not content:
        raise ValueError("nothing to infer")
    return content[::-1]


class Model(grpc.GenericRpcHandler):
    """A service of one method."""

    def service(self, details: Any) -> Any:
        assert details.method == "/shop.Model/Predict"
        return grpc.unary_unary_rpc_method_handler(lambda content, _call: infer(content))


@pytest.fixture
def instrumented() -> Iterator[None]:
    both = (instrumentation.GrpcInstrumentorServer(), instrumentation.GrpcInstrumentorClient())
    for one in both:
        one.instrument()
    yield
    for one in both:
        one.uninstrument()


@pytest.fixture
def model(instrumented: None) -> Iterator[str]:
    """Its address."""
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers((Model(),))
        port = server.add_insecure_port("localhost:0")
        server.start()
        yield f"localhost:{port}"
        server.stop(0).wait()


@monitor
def ask(address: str, content: bytes) -> bytes:
    with grpc.insecure_channel(address) as channel:
        return bytes(channel.unary_unary("/shop.Model/Predict")(content, timeout=10))


def test_a_call_is_one_trace_in_the_order_of_the_calls(receiver: Receiver, model: str) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, console=False):
        assert ask(model, b"abc") == b"cba"
    client, server = sorted((span for span in receiver.spans if "Predict" in span.name), key=lambda span: -span.kind)
    outermost, innermost = receiver.span("ask"), receiver.span("infer")
    assert [client.parent_span_id, server.parent_span_id] == [outermost.span_id, client.span_id]
    assert innermost.parent_span_id == server.span_id
    assert len({span.trace_id for span in receiver.spans}) == 1
    assert plain(server.attributes)["rpc.method"] == "Predict"


def test_a_call_that_fails_is_told_by_each_of_its_spans(receiver: Receiver, model: str) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, console=False), pytest.raises(grpc.RpcError):
        ask(model, b"")
    assert len(receiver.spans) == 4
    assert all("exception" in [event.name for event in span.events] for span in receiver.spans)
    # the instrumentation of the server sets none
    assert {span.status.code for span in receiver.spans if span.kind != Span.SPAN_KIND_SERVER} == {2}
    assert plain(receiver.span("infer").attributes)["error.type"] == "ValueError"


def test_our_own_delivery_over_grpc_is_no_call_to_be_seen() -> None:
    instrumentor = instrumentation.GrpcInstrumentorClient()  # of the client alone, for the collector is in this process
    with (
        contextlib.ExitStack() as undone,
        collecting_grpc() as collector,
        otel_ia.configure(endpoint=collector.endpoint, protocol="grpc", console=False) as telemetry,
    ):
        instrumentor.instrument()
        undone.callback(instrumentor.uninstrument)
        for _ in range(3):
            with monitor("alone"):
                pass
            assert telemetry.flush(10)
    assert collector.spans == ["alone"] * 3
