"""Whether a loop that nobody stands around was left by an exception: its iterator finds that out by itself."""

import asyncio
import contextlib

import pytest
from opentelemetry.context import get_current

from . import ending_loops, raising_loops
from .training_loops import Broken, outcomes


def play(program):
    with contextlib.suppress(Broken, ArithmeticError, TypeError, KeyError, RecursionError):
        if asyncio.iscoroutinefunction(program):
            asyncio.run(program())
        else:
            program()


@pytest.mark.parametrize("program", raising_loops.PROGRAMS, ids=lambda program: program.__name__)
def test_a_loop_that_an_exception_leaves_is_an_error(telemetry, program):
    outside = get_current()
    play(program)
    assert get_current() == outside
    last = outcomes(telemetry)[-1]
    assert last == ("step", "error")
    assert {outcome for name, outcome in outcomes(telemetry) if name == "training"} == {"error"}
    left = [span for span in telemetry.spans if span.outcome == "error"]
    assert {(span.status, span.message, span.attributes["error.type"]) for span in left} == {
        ("ERROR", "left by an exception", "_OTHER")
    }
    assert [span.exceptions for span in left] == [[]] * len(left)


@pytest.mark.parametrize("program", ending_loops.PROGRAMS, ids=lambda program: program.__name__)
def test_a_loop_that_is_left_otherwise_is_closed_early(telemetry, program):
    play(program)
    found = outcomes(telemetry)
    assert found[0] == ("training", "closed_early")
    assert {outcome for name, outcome in found} <= {"closed_early", "ok"}
    assert {span.status for span in telemetry.spans} == {"UNSET"}
