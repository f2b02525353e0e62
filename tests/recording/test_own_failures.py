"""What fails on our side, or in a sampler or processor, never reaches the user's code: told once, raised under test."""

import pytest

PROGRAM = """
import logging
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider, SpanProcessor, sampling
from otel_ia import monitor

class Sampler(sampling.Sampler):
    def should_sample(self, *args, **kwargs):
        if {where!r} == "sampler":
            raise OSError("sampler is down")
        return sampling.ALWAYS_ON.should_sample(*args, **kwargs)
    def get_description(self):
        return "mine"

class Processor(SpanProcessor):
    def on_start(self, span, parent_context=None):
        if {where!r} == "start":
            raise OSError("start is down")
    def on_end(self, span):
        if {where!r} == "end":
            raise OSError("end is down")

provider = TracerProvider(sampler=Sampler(), shutdown_on_exit=False)
provider.add_span_processor(Processor())
if {where!r} == "tracer":
    def broken(*args, **kwargs):
        raise OSError("tracer is down")
    provider.get_tracer = broken
trace.set_tracer_provider(provider)

@monitor
def work(error=None):
    if error:
        raise error
    return 5

@monitor
def stream():
    yield 5

def check():
    assert work() == 5
    assert list(stream()) == [5]
    with monitor("block") as span:
        span.set_attribute("a", 1)
    error = ValueError("mine")
    for call in (lambda: work(error), lambda: block(error)):
        try:
            call()
        except ValueError as raised:
            assert raised is error and raised.__context__ is None
        else:
            raise AssertionError
    assert trace.get_current_span() is trace.INVALID_SPAN

def block(error):
    with monitor("block"):
        raise error
{then}
"""


@pytest.mark.parametrize("where", ["sampler", "start", "end", "tracer"])
def test_in_production_it_is_told_once(run_program, where):
    done = run_program(PROGRAM.format(where=where, then="for _ in range(20): check()"))
    assert done.stderr.count("went on") == 1, done.stderr
    assert f"OSError: {where} is down" in done.stderr


@pytest.mark.parametrize("where", ["sampler", "start", "end"])
def test_under_testing_it_is_raised(run_program, where):
    then = """
from otel_ia.guard import raise_failures
undo = raise_failures()
for call in (work, lambda: block(None) if False else monitor("b").__enter__().end()):
    try:
        call()
    except OSError as error:
        assert "is down" in str(error)
    else:
        raise AssertionError
undo(); undo()
assert work() == 5
"""
    run_program(PROGRAM.format(where=where, then=then))
