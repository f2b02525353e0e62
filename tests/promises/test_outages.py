"""Outages of full length, all at once because they are mostly waiting: nothing is lost, doubled or hurried."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

from receiver import HANG, Receiver, Reply, receiving

from .programs import (
    TELL_THE_END,
    TELL_THE_LAST_LINE,
    deliver_what_is_left,
    ended,
    finish,
    last_number,
    numbers,
    read_until,
    start,
)

# the requests are told apart by their moments: each signal has its own
ONE_SIGNAL = {"OTEL_METRICS_EXPORTER": "none"}

# a hundred calls a second, at the end all of it delivered, and what became of it
GOING_ON = """
number = 0
end = time.monotonic() + {seconds}
while time.monotonic() < end:
    work(number)
    number += 1
    {meanwhile}
    time.sleep(0.01)
while not telemetry.flush(10):
    time.sleep(0.01)
stats = telemetry.stats()
print(stats.dropped, stats.set_aside["traces"], stats.refused)
print(number)
"""


def go_on(receiver: Receiver, spool: Path, *, seconds: float, meanwhile: str = "") -> None:
    """Has a program record for so long, which loses and doubles nothing and complains in one line at most."""
    program = GOING_ON.format(seconds=seconds, meanwhile=meanwhile)
    out, err, status = finish(program, receiver.endpoint, **ONE_SIGNAL, OTEL_IA_SPOOL_DIRECTORY=str(spool))
    assert status == 0, err
    assert err.count("\n") == 1, err
    fate, count = out.splitlines()
    assert fate == "{} 0 0"
    assert int(count) > 10 * seconds
    assert numbers(receiver) == list(range(int(count)))
    assert not list(spool.glob("*.refused"))


def fail_for(receiver: Receiver, seconds: float, reply: Reply) -> list[float]:
    """Answers so from the first request on; the moments of all requests."""
    moments: list[float] = []

    def behaviour(_: int) -> Reply:
        moments.append(time.monotonic())
        return reply if moments[-1] - moments[0] < seconds else Reply()

    receiver.behaviour = behaviour
    return moments


def unavailable_for_twenty_seconds(receiver: Receiver, spool: Path) -> None:
    moments = fail_for(receiver, 20, Reply(status=503))
    go_on(receiver, spool, seconds=21)
    assert sum(moment - moments[0] < 20 for moment in moments) <= 8, "it was pestered"


def refusing_everything_for_eight_seconds(receiver: Receiver, spool: Path) -> None:
    fail_for(receiver, 8, Reply(status=400))
    go_on(receiver, spool, seconds=9)


def hanging_until_the_request_times_out(receiver: Receiver, spool: Path) -> None:
    moments = fail_for(receiver, 5, HANG)
    go_on(receiver, spool, seconds=12)
    assert moments[1] - moments[0] >= 10


def asking_twice_to_be_left_alone_for_five_seconds(receiver: Receiver, spool: Path) -> None:
    moments = fail_for(receiver, 5.5, Reply(status=429, headers={"Retry-After": "5"}))
    go_on(receiver, spool, seconds=12, meanwhile="number % 50 or telemetry.flush(0.01)")
    assert all(later - earlier >= 5 for earlier, later in pairwise(moments[:3])), moments


def asking_to_be_left_alone_for_thirty_seconds(receiver: Receiver, spool: Path) -> None:
    moments = fail_for(receiver, 15, Reply(status=429, headers={"Retry-After": "30"}))
    go_on(receiver, spool, seconds=32, meanwhile="number % 50 or telemetry.flush(0.01)")
    assert moments[1] - moments[0] >= 30


def asking_to_be_left_alone_by_a_program_that_ends(receiver: Receiver, spool: Path) -> None:
    receiver.behaviour = lambda _: Reply(status=429, headers={"Retry-After": "30"})
    program = """
for number in range(100):
    work(number)
assert not telemetry.flush(1)
for number in range(100, 200):
    work(number)
"""
    out, err, status = finish(
        program + TELL_THE_LAST_LINE,
        receiver.endpoint,
        before=TELL_THE_END,
        **ONE_SIGNAL,
        OTEL_IA_SPOOL_DIRECTORY=str(spool),
    )
    assert status == 0, err
    last_line, end = map(float, out.split())
    assert end - last_line < 2, "it waited for its deadline; `test_collectors` has nothing beside it, and is stricter"
    assert receiver.requests == 1
    receiver.behaviour = None
    deliver_what_is_left(receiver, spool)
    assert numbers(receiver) == list(range(200))


def a_sibling_that_lives_on(receiver: Receiver, spool: Path) -> None:
    """It looks for what the dead left when it begins, and then every half minute."""
    environment = {"OTEL_IA_SPOOL_DIRECTORY": str(spool)}
    living = start(
        "work(0)\nprint(telemetry.flush(10), flush=True)\nsys.stdin.read()", receiver.endpoint, **environment
    )
    read_until(living, "True")
    killing = """
for number in range(1, 10_000_000):
    work(number)
    print(number, flush=True)
    if number == 500:
        os.kill(os.getpid(), 9)
"""
    out, err, status = finish(killing, receiver.endpoint, **environment)
    assert (err, status) == ("", -9)
    last = last_number(out, at_least=499)
    assert receiver.wait_until(lambda: set(range(last + 1)) <= set(numbers(receiver)), timeout=45)
    assert ended(living)[1:] == ("", 0)
    arrived = numbers(receiver)
    assert len(arrived) - len(set(arrived)) <= max(receiver.sizes)


OUTAGES = [
    unavailable_for_twenty_seconds,
    refusing_everything_for_eight_seconds,
    hanging_until_the_request_times_out,
    asking_twice_to_be_left_alone_for_five_seconds,
    asking_to_be_left_alone_for_thirty_seconds,
    asking_to_be_left_alone_by_a_program_that_ends,
    a_sibling_that_lives_on,
]


def test_outages_of_full_length_lose_and_double_nothing(tmp_path: Path) -> None:
    def pass_through(outage: Callable[[Receiver, Path], None]) -> None:
        with receiving() as receiver:
            outage(receiver, tmp_path / outage.__name__)

    with ThreadPoolExecutor(len(OUTAGES)) as executor:
        passing = [executor.submit(pass_through, outage) for outage in OUTAGES]
    failures = [error for future in passing if (error := future.exception()) is not None]
    if failures:
        raise BaseExceptionGroup("outages", failures)
