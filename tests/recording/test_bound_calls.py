"""Bound fields on the spans of monitored calls, and in the bodies of monitored generators."""

import asyncio
import contextlib
import subprocess
import sys

import pytest
from opentelemetry import trace
from receiver import Receiver, plain

import otel_ia
from otel_ia import bound, monitor
from otel_ia.recording.current import get_current
from otel_ia.recording.fields import bound_in


def here():
    return dict(bound_in(get_current()) or {})


@monitor(attributes={"own": "site"})
def work():
    return here()


def fields_of(span):
    return {key: value for key, value in span.attributes.items() if not key.startswith(("code.", "ia."))}


def test_monitored_calls_and_blocks_have_the_fields(telemetry):
    with bound(a=1, own="bound"):
        work()
        with monitor("block"):
            pass
    work()
    inside, outside = (fields_of(span) for span in telemetry.spans if span.name == "work")
    assert inside == {"own": "site", "a": 1}
    assert outside == {"own": "site"}
    assert fields_of(telemetry.span("block")) == {"a": 1, "own": "bound"}


def test_what_is_set_in_the_call_wins(telemetry):
    with bound(a=1, b=1), monitor("block") as span:
        span.set_attribute("a", 2)
    assert fields_of(telemetry.span("block")) == {"b": 1, "a": 2}


def test_monitored_calls_arrive_with_the_fields_and_without_secrets(receiver: Receiver):
    with otel_ia.configure(endpoint=receiver.endpoint, console=False), bound({"session.id": "s-1"}, password="x" * 20):
        for _ in range(3):
            work()
    for span in receiver.spans:
        attributes = plain(span.attributes)
        assert (attributes["session.id"], attributes["own"]) == ("s-1", "site")
        assert "x" * 20 not in str(attributes)


def test_an_announced_call_that_dies_has_the_fields(receiver: Receiver, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    program = (
        "import os, sys, otel_ia\n"
        "telemetry = otel_ia.configure(service_name='dying', endpoint=sys.argv[1])\n"
        "with otel_ia.bound(a=1), otel_ia.monitor('open'):\n    os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", program, receiver.endpoint], check=True, timeout=60)
    with otel_ia.configure(service_name="dying", endpoint=receiver.endpoint):
        receiver.wait_for(spans=1)
    assert plain(receiver.span("open").attributes)["a"] == 1


def test_the_limit_of_attributes_holds_with_bound_ones(receiver: Receiver):
    many = {f"k{number}": number for number in range(10)}
    with otel_ia.configure(endpoint=receiver.endpoint, span_attribute_count_limit=6), bound(many):
        work()
    span = receiver.span("work")
    assert len(span.attributes) == 6
    assert span.dropped_attributes_count == 8


@monitor
def rows():
    with bound(a=1), monitor("block"):
        work()
        yield here()
        work()
        yield here()
    yield here()


def test_what_a_monitored_generator_binds_lasts_over_its_items_and_does_not_leak(telemetry):
    found = [(inside, here(), trace.get_current_span().get_span_context().is_valid) for inside in rows()]
    assert found == [({"a": 1}, {}, False)] * 2 + [({}, {}, False)]


def test_a_block_in_a_monitored_generator_is_current_again_after_an_item(telemetry):
    list(rows())
    assert telemetry.tree == ["rows", ["block", ["work", "work"]]]


def test_the_same_holds_in_a_monitored_async_generator(telemetry):
    @monitor
    async def stream():
        with bound(a=1), monitor("block"):
            work()
            yield here()
            await asyncio.sleep(0)
            work()
            yield here()

    async def main():
        return [(inside, here()) async for inside in stream()]

    assert asyncio.run(main()) == [({"a": 1}, {})] * 2
    assert telemetry.tree == ["stream", ["block", ["work", "work"]]]


@pytest.mark.parametrize("step", ["send", "throw"])
def test_what_is_sent_or_thrown_in_finds_the_bodys_own_context(telemetry, step):
    found = []

    @monitor
    def body():
        with bound(a=1):
            with contextlib.suppress(KeyError):
                yield
            found.append(here())
            yield

    stream = body()
    next(stream)
    stream.send("x") if step == "send" else stream.throw(KeyError("x"))
    stream.close()
    assert found == [{"a": 1}]
    assert here() == {}


def test_a_generator_that_binds_and_is_closed_early_leaves_nothing_bound(telemetry):
    stream = rows()
    next(stream)
    with bound(consumer=1):
        stream.close()
        assert here() == {"consumer": 1}
    assert here() == {}
