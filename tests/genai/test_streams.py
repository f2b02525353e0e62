"""An answer in chunks: as it comes, timed, and not kept."""

import asyncio
import gc
import logging
import time
import weakref

import pytest
from opentelemetry import trace

from otel_ia import monitor
from otel_ia.genai import inference, tool
from otel_ia.testing import record


class Chunk(str):
    """A text that can be watched."""

    __slots__ = ("__weakref__",)


def words(*, delay=0.0, number=3):
    time.sleep(delay)
    for index in range(number):
        yield Chunk(f"w{index}")


async def words_later(*, delay=0.0):
    await asyncio.sleep(delay)
    for chunk in words():
        yield chunk


async def listen(chunks):
    return [str(chunk) async for chunk in chunks]


@pytest.mark.parametrize("is_async", [False, True])
def test_the_time_to_the_first_chunk_and_between_chunks_is_taken(is_async):
    with record() as seen, inference(model="m", provider="openai") as call:
        if is_async:
            heard = asyncio.run(listen(call.stream(words_later(delay=0.05))))
        else:
            heard = list(call.stream(words(delay=0.05)))
    assert heard == ["w0", "w1", "w2"]
    attributes = seen.spans[0].attributes
    assert 0.05 <= attributes["gen_ai.response.time_to_first_chunk"] < seen.spans[0].seconds
    assert attributes["gen_ai.request.stream"] is True
    first = seen.metric("gen_ai.client.operation.time_to_first_chunk")
    assert (first.count, first.value) == (1, attributes["gen_ai.response.time_to_first_chunk"])
    assert seen.metric("gen_ai.client.operation.time_per_output_chunk").count == 2


def test_a_call_without_a_stream_has_no_first_chunk():
    with record() as seen, inference(model="m", provider="openai"):
        pass
    assert "gen_ai.response.time_to_first_chunk" not in seen.spans[0].attributes
    assert [metric.name for metric in seen.metrics if "chunk" in metric.name] == []


def test_no_chunk_is_kept():
    with record(), inference(model="m", provider="openai") as call:
        stream = call.stream(words(number=100))
        kept = [weakref.ref(chunk) for chunk in stream]
        gc.collect()
        assert [reference() for reference in kept] == [None] * 100


@pytest.mark.parametrize("is_async", [False, True])
def test_an_error_of_the_stream_passes_as_it_was_raised(is_async):
    error = ConnectionResetError("gone")

    def broken():
        yield "w0"
        raise error

    async def broken_later():
        yield "w0"
        raise error

    asked = inference(model="m", provider="openai")
    with record() as seen, pytest.raises(ConnectionResetError) as raised, asked as call:
        if is_async:
            asyncio.run(listen(call.stream(broken_later())))
        else:
            list(call.stream(broken()))
    assert raised.value is error
    assert [span.status for span in seen.spans] == ["ERROR"]
    assert len(seen.spans[0].exceptions) == 1


def test_what_can_be_no_stream_is_refused_as_without_us():
    with record(), inference(model="m", provider="openai") as call:
        with pytest.raises(TypeError, match="not iterable"):
            list(call.stream(7))
        with pytest.raises(StopIteration):
            next(call.stream([]))


def test_what_else_a_stream_can_do_is_there():
    class Response:
        status = 200
        is_closed = False

        def __iter__(self):
            return iter("ab")

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.close()

        def close(self):
            self.is_closed = True

    response = Response()
    with record(), inference(model="m", provider="openai") as call, call.stream(response) as stream:
        assert (stream.status, list(stream)) == (200, ["a", "b"])
    assert response.is_closed


def test_a_generator_that_is_broken_off_is_no_error_and_logs_nothing(caplog):
    def answer():
        with inference(model="m", provider="openai") as call:
            yield from call.stream(words())

    caplog.set_level(logging.DEBUG)
    with record() as seen:
        for chunk in answer():
            assert chunk == "w0"
            break
        gc.collect()
    assert [(span.status, span.outcome) for span in seen.spans] == [("UNSET", "closed_early")]
    assert caplog.records == []


def test_under_monitor_the_call_is_not_current_in_the_consumer():
    @monitor
    def answer():
        with inference(model="m", provider="openai") as call:
            yield from call.stream(words())

    with record() as seen:
        for _ in answer():
            assert not trace.get_current_span().get_span_context().is_valid
    assert [name.rpartition(".")[2] for name in seen.names] == ["answer", "chat m"]


def test_one_whose_end_comes_in_another_context_ends_and_logs_nothing(caplog):
    async def answer():
        with inference(model="m", provider="openai") as call:
            async for chunk in call.stream(words_later()):
                yield chunk

    async def begin_here_and_end_there():
        chunks = answer()
        await asyncio.create_task(anext(chunks))
        await asyncio.create_task(chunks.aclose())

    caplog.set_level(logging.WARNING)
    with record() as seen:
        asyncio.run(begin_here_and_end_there())
    assert [(span.name, span.outcome) for span in seen.spans] == [("chat m", "closed_early")]
    assert caplog.records == []


def test_a_tools_result_may_come_in_chunks_too():
    with record() as seen, tool("search") as call:
        assert list(call.stream(words())) == ["w0", "w1", "w2"]
    assert seen.names == ["execute_tool search"]
