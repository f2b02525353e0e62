"""A FastAPI application on a real server, in a process of its own, instrumented and configured."""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from opentelemetry.proto.trace.v1.trace_pb2 import Span
from receiver import Receiver

BEGINNING = """
import asyncio
import logging
import sys

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

import otel_ia
from otel_ia import monitor

app = FastAPI()
FastAPIInstrumentor.instrument_app(app)
"""
END = """
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


@contextmanager
def serving(routes: str, receiver: Receiver) -> Iterator[str]:
    """The address of a server with these routes of `app`, whose telemetry goes to the receiver."""
    program = BEGINNING + routes + END
    command = [sys.executable, "-W", "error", "-c", program, receiver.endpoint]
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
    assert "detach" not in told
    assert "Task" not in told


def parents(spans: Iterable[Span]) -> dict[str, str]:
    """The name of each span's parent, by the span's name and kind."""
    spans = list(spans)
    names = {span.span_id: span.name for span in spans}
    return {
        f"{span.name} {Span.SpanKind.Name(span.kind)[len('SPAN_KIND_') :]}": names.get(span.parent_span_id, "")
        for span in spans
    }
