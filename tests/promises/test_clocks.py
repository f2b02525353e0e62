"""A wall clock that steps while a program records: everything arrives, and durations stay right."""

from pathlib import Path

import pytest
from receiver import Receiver, plain

from .programs import deliver_what_is_left, finish, numbers

STEPPING = """
import otel_ia.clock
from itertools import cycle
HOUR = 3600 * 10**9
steps = cycle({steps})
offset = 0
otel_ia.clock.wall = lambda: time.time_ns() + offset
for number in range(1000):
    if number % 50 == 0:
        offset = next(steps) * HOUR
        telemetry.flush(0.01)
    work(number)
"""
ENDINGS = {"delivered": "telemetry.flush(20)", "left": "os._exit(0)"}
each_stepping = pytest.mark.parametrize("steps", [[0, -1], [0, -24, 24, 0], [0, 24 * 365], [0, -24 * 365]], ids=str)


@each_stepping
@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())
def test_a_clock_that_steps_loses_nothing(receiver: Receiver, spool: Path, steps: list[int], ending: str) -> None:
    if ending == "os._exit(0)":
        receiver.status = 503
    _, err, status = finish(STEPPING.format(steps=steps) + ending, receiver.endpoint)
    assert status == 0, err
    receiver.status = 200
    deliver_what_is_left(receiver, spool)
    assert numbers(receiver) == list(range(1000))
    assert all(0 <= span.end_time_unix_nano - span.start_time_unix_nano < 10 * 10**9 for span in receiver.spans)


def test_a_call_during_which_the_clock_steps_back_does_not_end_before_it_began(receiver: Receiver) -> None:
    program = """
import otel_ia.clock
with monitor("long", attributes={"kind": "stepped"}):
    otel_ia.clock.wall = lambda: time.time_ns() - 3600 * 10**9
    work(1)
"""
    _, err, status = finish(program, receiver.endpoint)
    assert (err, status) == ("", 0)
    span = receiver.span("long")
    assert plain(span.attributes)["kind"] == "stepped"
    assert 0 <= span.end_time_unix_nano - span.start_time_unix_nano < 10 * 10**9
