"""Traces that are not sampled, of which the end never came: what a kill leaves, and what others make of it."""

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from polling import poll_until
from receiver import Receiver, plain

from .programs import deliver_what_is_left, ended, finish, numbers, read_until, start

SECRET = "gh" + "p_" + "Zq9xW3vB7nM1kL5jH8gF2dS4aP6oI0uYtReA"
KEEPING = {"OTEL_TRACES_SAMPLER": "parentbased_always_off", "OTEL_IA_KEEP_ERRORS": "true"}


def kill_at(word: str, program: str, receiver: Receiver) -> None:
    """Runs a program that keeps what failed, until it has said the word."""
    process = start(program, receiver.endpoint, **KEEPING)
    read_until(process, word)
    process.kill()
    ended(process)


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
def test_what_was_undecided_at_a_kill_is_kept_and_what_was_decided_is_not(
    receiver: Receiver, spool: Path, death: signal.Signals
) -> None:
    program = """
for number in range(1000):
    work(number)  # ends well: discarded
with monitor("request"):
    for number in range(1000, 4000):
        work(number)
    print("open", flush=True)
    sys.stdin.read()
"""
    process = start(program, receiver.endpoint, **KEEPING)
    read_until(process, "open")
    process.send_signal(death)
    _, _, status = ended(process)
    assert status == -death
    deliver_what_is_left(receiver, spool)
    assert numbers(receiver) == list(range(1000, 4000))
    assert Counter(span.name for span in receiver.spans) == {"work": 3000, "step": 3000, "request": 1}
    assert plain(receiver.span("request").attributes)["ia.outcome"] == "abandoned"


def test_what_is_held_has_its_attributes_and_events_and_no_secret(receiver: Receiver, spool: Path) -> None:
    program = f"""
from opentelemetry import trace

@monitor
def described(number):
    span = trace.get_current_span()
    span.set_attribute("number", number)
    span.set_attribute("answer", "text %d" % number)
    span.add_event("finished", {{"reason": "stop", "items": number}})

@monitor
def secret(number):
    span = trace.get_current_span()
    span.set_attribute("answer", {SECRET!r} if number % 2 else "text")
    span.add_event("finished", {{"reason": "stop" if number % 2 else {SECRET!r}}})

with monitor("request"):
    for number in range(50):
        described(number)
        secret(number)
    print("open", flush=True)
    sys.stdin.read()
"""
    kill_at("open", program, receiver)
    left = b"".join(file.read_bytes() for file in spool.iterdir() if file.is_file())
    assert left.count(b"finished") >= 100
    assert SECRET.encode() not in left
    deliver_what_is_left(receiver, spool)
    described = [span for span in receiver.spans if span.name == "described"]
    assert [plain(span.attributes)["answer"] for span in described] == [f"text {number}" for number in range(50)]
    told = [(event.name, plain(event.attributes)) for span in described for event in span.events]
    assert told == [("finished", {"reason": "stop", "items": number}) for number in range(50)]
    secrets = [span for span in receiver.spans if span.name == "secret"]
    answers = {plain(span.attributes)["answer"] for span in secrets}
    reasons = {plain(event.attributes)["reason"] for span in secrets for event in span.events}
    assert answers == {"text", "[redacted: github_token]"}
    assert reasons == {"stop", "[redacted: github_token]"}


def test_what_was_kept_before_a_kill_comes_once(receiver: Receiver, spool: Path) -> None:
    program = """
for number in range(300):
    try:
        with monitor("request"):
            work(number)
            1 / (number % 3)
    except ZeroDivisionError:
        pass
print("done", flush=True)
sys.stdin.read()
"""
    receiver.status = 503
    kill_at("done", program, receiver)
    receiver.status = 200
    deliver_what_is_left(receiver, spool)
    assert numbers(receiver) == list(range(0, 300, 3))
    assert Counter(span.name for span in receiver.spans) == {"work": 100, "step": 100, "request": 100}


def test_a_call_with_a_segmentation_fault_arrives_with_what_came_before(receiver: Receiver, spool: Path) -> None:
    program = """
import ctypes
with monitor("request"):
    work(1)
    work(2)
    ctypes.string_at(0)
"""
    _, _, status = finish(program, receiver.endpoint, **KEEPING)
    assert status == -signal.SIGSEGV
    deliver_what_is_left(receiver, spool)
    assert numbers(receiver) == [1, 2]
    assert plain(receiver.span("request").attributes)["ia.outcome"] == "abandoned"


def test_after_a_good_end_nothing_is_left(receiver: Receiver, spool: Path) -> None:
    _, err, status = finish("for number in range(5000):\n    work(number)", receiver.endpoint, **KEEPING)
    assert (status, err) == (0, "")
    assert receiver.spans == []
    assert list(spool.glob("*.segment")) == []


def test_the_command_line_shows_what_is_held_and_sends_what_was_undecided(receiver: Receiver, spool: Path) -> None:
    program = 'with monitor("request"):\n    work(1)\n    os.kill(os.getpid(), 9)'
    finish(program, "", OTEL_IA_SPOOL="true", **KEEPING)
    command = [sys.executable, "-m", "otel_ia", "spool"]
    shown = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert sum(group["spans"] for group in json.loads(shown)["waiting"]) == 2
    assert sum(group["open_spans"] for group in json.loads(shown)["waiting"]) == 1
    sent = subprocess.run(
        [*command, "send", "--endpoint", receiver.endpoint, "--yes"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert sent.returncode == 0, sent.stdout + sent.stderr
    assert numbers(receiver) == [1]
    assert receiver.span("request")


@pytest.mark.parametrize("fails", [False, True])
def test_a_call_alone_that_was_decided_is_not_abandoned_by_a_kill(receiver: Receiver, spool: Path, fails: bool) -> None:
    program = f"""
@monitor
def alone():
    1 / {int(not fails)}
try:
    alone()
except ZeroDivisionError:
    pass
telemetry.flush(10)
print("done", flush=True)
sys.stdin.read()
"""
    kill_at("done", program, receiver)
    deliver_what_is_left(receiver, spool)
    assert [plain(span.attributes)["ia.outcome"] for span in receiver.spans] == ["error"] * fails


def test_a_trace_that_stays_open_keeps_nothing_in_the_spool_of_those_that_were_decided_since(
    receiver: Receiver, spool: Path
) -> None:
    program = """
import threading
def serve():
    for number in range(1, 20001):  # each a trace of its own, 300 bytes
        work(number)
with monitor("open"):
    work(0)
    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    print("done", flush=True)
    sys.stdin.read()
"""
    process = start(program, receiver.endpoint, OTEL_IA_SPOOL_SIZE=str(4 << 20), **KEEPING)
    read_until(process, "done")
    poll_until(lambda: sum(file.stat().st_size for file in spool.glob("*.segment")) <= 3 << 20)
    process.kill()
    ended(process)
    deliver_what_is_left(receiver, spool)
    assert numbers(receiver) == [0]
    assert sorted(span.name for span in receiver.spans) == ["open", "step", "work"]
    assert plain(receiver.span("open").attributes)["ia.outcome"] == "abandoned"
