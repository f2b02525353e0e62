"""More at once than a collector takes: nothing is dropped."""

from pathlib import Path

from .programs import deliver_what_is_left, finish
from .tally import Tally, tallying

TRIES = 3

TYPICAL = """
import threading
FIXED = {"gen_ai.system": "openai", "gen_ai.operation.name": "chat", "server.address": "localhost", "server.port": 8080}

def record(number):
    with monitor("step", attributes=FIXED) as span:
        span.set_attributes({"number": number, "model": "gpt-4o", "temperature": 0.5, "stream": True})
        span.add_event("first token", {"index": 1})

"""
TELLING = """
delivered = telemetry.flush(60)
print(delivered, telemetry.stats().dropped)
"""

# of the processor, for what the clock says depends on what else the machine does
TELLING_EFFORT = "print(time.thread_time() - effort)\n"

BURST = """
effort = time.thread_time()
for number in range(50_000):
    with monitor("step", attributes={"number": number}):
        pass
"""

AT_FORTY_THOUSAND_A_SECOND = """
began, effort = time.monotonic(), time.thread_time()
for number in range(400_000):
    if number % 400 == 0:  # never faster; on a machine that cannot, as fast as it can
        time.sleep(max(0, began + number / 40_000 - time.monotonic()))
    record(number)
"""

WITH_EIGHT_THREADS = """
SECONDS, THREADS = 10, 8
end = time.monotonic() + SECONDS
made = [0] * THREADS

def go_on(thread):
    while time.monotonic() < end:
        record(made[thread] * THREADS + thread)
        made[thread] += 1

threads = [threading.Thread(target=go_on, args=(thread,)) for thread in range(THREADS)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(*made)
"""


def recorded_within(seconds: float, program: str, count: int, spool: Path) -> None:
    """Has a program record so many, which all arrive, and take so much of a processor, at one try of three."""
    efforts: list[float] = []
    while not efforts or (efforts[-1] >= seconds and len(efforts) < TRIES):  # the machine may have other work
        with tallying() as tally:
            out, err, status = finish(program, tally.endpoint, timeout=300)
            effort, *fate = out.splitlines()
            assert (fate, err, status) == (["True {}"], "", 0)
            assert tally.numbers(1) == list(range(count))
        efforts.append(float(effort))
    assert efforts[-1] < seconds, efforts
    assert list(spool.glob("*.segment")) == []


def test_a_burst_of_fifty_thousand_spans_in_a_second_arrives_whole(spool: Path) -> None:
    recorded_within(1, BURST + TELLING_EFFORT + TELLING, 50_000, spool)


def test_forty_thousand_typical_spans_a_second_for_ten_seconds_arrive(spool: Path) -> None:
    recorded_within(10, TYPICAL + AT_FORTY_THOUSAND_A_SECOND + TELLING_EFFORT + TELLING, 400_000, spool)


def test_eight_threads_at_full_speed_for_ten_seconds_lose_nothing(tally: Tally, spool: Path) -> None:
    out, err, status = finish(TYPICAL + WITH_EIGHT_THREADS + TELLING, tally.endpoint, timeout=300)
    made, fate = out.splitlines()
    assert (fate[-2:], err, status) == ("{}", "", 0)
    deliver_what_is_left(tally, spool)
    counts = [int(count) for count in made.split()]
    expected = sorted(number for thread, count in enumerate(counts) for number in range(thread, 8 * count, 8))
    assert tally.numbers(1) == expected
