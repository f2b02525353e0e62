"""Nothing lost, never in the way: real programs that use `configure` and `monitor` and come to a bad end."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from receiver import Receiver, plain, receiving

BEGINNING = """
import logging, os, sys, time
import otel_ia
from otel_ia import monitor

@monitor
def work(number):
    with monitor("step", attributes={"number": number}):
        return number * 2

telemetry = otel_ia.configure(service_name="promised", endpoint=sys.argv[1])
"""


def start(program: str, endpoint: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", BEGINNING + program, endpoint],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def finish(program: str, endpoint: str, **environment: str) -> tuple[str, str, int]:
    process = start(program, endpoint, **environment)
    out, err = process.communicate(timeout=60)
    return out, err, process.returncode


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "otel_ia" / "spool"


@pytest.fixture
def nobody() -> str:
    """An endpoint where nothing listens."""
    with receiving() as gone:
        return gone.endpoint


def numbers(receiver: Receiver) -> list[int]:
    return sorted(plain(span.attributes)["number"] for span in receiver.spans if span.name == "step")


def deliver_what_is_left(receiver: Receiver) -> None:
    """A program of the same service and endpoint that records nothing itself."""
    _, err, status = finish(
        "telemetry.flush(20)\nos.environ.clear()\ntime.sleep(1)\ntelemetry.flush(20)", receiver.endpoint
    )
    assert (err, status) == ("", 0)


def test_what_a_killed_program_had_finished_arrives_with_the_next(receiver: Receiver) -> None:
    receiver.status = 503
    program = "for number in range(10_000_000):\n    work(number)\n    print(number, flush=True)"
    process = start(program, receiver.endpoint)
    assert process.stdout is not None
    done = -1
    while done < 500:
        done = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split()
    process.wait()
    process.stdout.close()
    assert process.stderr is not None
    process.stderr.close()
    last = max([done, *(int(number) for number in rest if number.isdigit())])
    receiver.status = 200
    deliver_what_is_left(receiver)
    arrived = numbers(receiver)
    assert arrived[: last + 1] == list(range(last + 1))
    assert len(arrived) == len(set(arrived))


def test_a_call_that_was_open_when_the_program_was_killed_arrives_as_abandoned(receiver: Receiver) -> None:
    receiver.status = 503
    process = start("with monitor('training'):\n    print('open', flush=True)\n    time.sleep(60)", receiver.endpoint)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    receiver.status = 200
    deliver_what_is_left(receiver)
    span = receiver.span("training")
    assert plain(span.attributes)["ia.outcome"] == "abandoned"
    assert span.status.code == 2
    assert span.end_time_unix_nano >= span.start_time_unix_nano


def test_os_exit_loses_nothing(receiver: Receiver) -> None:
    finish("for number in range(1000):\n    work(number)\nos._exit(0)", receiver.endpoint)
    deliver_what_is_left(receiver)
    assert sorted(set(numbers(receiver))) == list(range(1000))


def test_a_collector_that_is_down_for_the_whole_program_gets_everything_from_the_next(nobody: str) -> None:
    began = time.monotonic()
    out, err, status = finish("for number in range(2000):\n    work(number)\nprint('done')", nobody)
    assert time.monotonic() - began < 10
    assert (out, status) == ("done\n", 0)
    assert err.count("\n") <= 1, err
    with receiving(port=int(nobody.rpartition(":")[2])) as receiver:
        deliver_what_is_left(receiver)
        assert numbers(receiver) == list(range(2000))


def test_forked_children_that_leave_by_os_exit_lose_nothing(receiver: Receiver) -> None:
    program = """
from multiprocessing import get_context
work(0)
with get_context("fork").Pool(4) as pool:
    assert pool.map(work, range(1, 401)) == [2 * number for number in range(1, 401)]
telemetry.flush(10)
"""
    _, err, status = finish(program, receiver.endpoint)
    assert (err, status) == ("", 0)
    deliver_what_is_left(receiver)
    assert sorted(set(numbers(receiver))) == list(range(401))
    assert len({span.span_id for span in receiver.spans}) >= 802


def test_a_wrong_token_keeps_everything_and_says_so_once(receiver: Receiver) -> None:
    receiver.status = 401
    program = "for number in range(100):\n    work(number)\n    time.sleep(0.01)"
    _, err, status = finish(program, receiver.endpoint, OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20geheim")
    assert status == 0
    assert err.count("not delivered") == 1, err
    assert "geheim" not in err
    assert receiver.spans == []


def test_secrets_are_not_on_disk_and_not_sent(receiver: Receiver, spool: Path) -> None:
    receiver.status = 503
    secret = "hunter2" * 3
    program = f"""
with monitor("login", attributes={{"db.password": "{secret}", "input_tokens": 12}}) as span:
    span.set_attribute("url", "https://me:{secret}@example.org/")
    span.add_event("sent", {{"authorization": "Bearer {secret}"}})
    logging.getLogger("app").error("api_key=%s", "{secret}", extra={{"cookie": "{secret}"}})
try:
    with monitor("failing"):
        raise ValueError("password={secret}")
except ValueError:
    pass
"""
    finish(program, receiver.endpoint, OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20geheim")
    kept = b"".join(file.read_bytes() for file in spool.iterdir())
    assert b"login" in kept
    assert secret.encode() not in kept
    assert b"geheim" not in kept
    assert spool.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in spool.iterdir()} == {0o600}


def test_another_service_does_not_adopt_what_is_left(receiver: Receiver, nobody: str) -> None:
    finish("work(1)", nobody)
    with receiving(port=int(nobody.rpartition(":")[2])) as other:
        _, err, status = finish(
            "os.environ\notel_ia.configure(service_name='another', endpoint=sys.argv[1]).flush(10)\ntime.sleep(0.5)",
            receiver.endpoint,
        )
        assert (err, status) == ("", 0)
        assert other.spans == []
    assert receiver.spans == []


def test_every_hostile_value_arrives_in_some_legal_form(receiver: Receiver) -> None:
    program = r"""
class Hostile:
    def __repr__(self): raise RuntimeError("no")
    __str__ = __len__ = __iter__ = __bool__ = __repr__
    def __getattr__(self, name): return self
values = ["\ud800", 1 << 70, float("nan"), float("inf"), None, b"\xff", [1, "a", None], {"a": {"b": [1]}}]
values += [Hostile(), "x" * 10_000_000, set(), 1j]
for number, value in enumerate(values):
    with monitor(f"hostile {number}") as span:
        span.set_attribute("value", value)
        span.set_attribute("key \ud800", 1)
        span.add_event("event \ud800", {"value": value})
        span.set_attribute("after", "still here")
"""
    _, err, status = finish(program, receiver.endpoint)
    assert status == 0, err
    hostile = [span for span in receiver.spans if re.match(r"hostile \d+", span.name)]
    assert len(hostile) == 12
    assert all(plain(span.attributes)["after"] == "still here" for span in hostile)
