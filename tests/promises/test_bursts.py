"""More at once than a collector takes: nothing is dropped."""

from pathlib import Path

from receiver import Receiver

from .programs import deliver_what_is_left, finish, numbers

TYPICAL = """
import threading
FIXED = {"gen_ai.system": "openai", "gen_ai.operation.name": "chat", "server.address": "localhost", "server.port": 8080}
SECONDS, THREADS = 3, 8
end = time.monotonic() + SECONDS
made = [0] * THREADS

def record(thread):
    number = thread
    while time.monotonic() < end:
        with monitor("step", attributes=FIXED) as span:
            span.set_attributes({"number": number, "model": "gpt-4o", "temperature": 0.5, "stream": True})
            span.add_event("first token", {"index": 1})
        number += THREADS
    made[thread] = number // THREADS

threads = [threading.Thread(target=record, args=(thread,)) for thread in range(THREADS)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
telemetry.flush(30)
print(*made)
"""


def test_a_burst_of_fifty_thousand_spans_arrives_whole(receiver: Receiver, spool: Path) -> None:
    program = "for number in range(50_000):\n    with monitor('step', attributes={'number': number}):\n        pass"
    _, err, status = finish(program, receiver.endpoint, OTEL_IA_EXIT_TIMEOUT="30")
    assert (err, status) == ("", 0)
    assert numbers(receiver) == list(range(50_000))
    assert list(spool.glob("*.segment")) == []


def test_eight_threads_at_full_speed_lose_nothing(receiver: Receiver, spool: Path) -> None:
    out, err, status = finish(TYPICAL, receiver.endpoint)
    assert (err, status) == ("", 0)
    deliver_what_is_left(receiver, spool)
    made = [int(count) for count in out.split()]
    assert numbers(receiver) == sorted(
        number for thread, count in enumerate(made) for number in range(thread, 8 * count, 8)
    )
