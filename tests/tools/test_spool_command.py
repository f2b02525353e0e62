"""`otel-ia spool` and `otel-ia spool send`, with what real programs left behind."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from receiver import Receiver, Reply, plain, receiving

from otel_ia.tools.command_line import main

PROGRAM = """
import logging, os, sys, time
import otel_ia
from otel_ia import monitor

telemetry = otel_ia.configure(service_name=sys.argv[1], endpoint=sys.argv[2] or None)

@monitor
def work(number):
    logging.getLogger("app").warning("worked %d", number)

for number in range(3):
    work(number)
"""
KILLED = "os._exit(0)"
OPEN = "with monitor('training'): os._exit(0)"
WAITING = "print('ready', flush=True); sys.stdin.read()"


def start(service: str, endpoint: str, end: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM + end, service, endpoint],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def leave(service: str, endpoint: str, end: str = KILLED) -> None:
    process = start(service, endpoint, end)
    process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "otel_ia" / "spool"


@pytest.fixture
def nobody() -> str:
    """An endpoint where nothing listens."""
    with receiving() as gone:
        return gone.endpoint


@pytest.fixture
def meant(nobody: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same endpoint, which the settings here name too."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", nobody)
    return nobody


@pytest.fixture
def back(nobody: str) -> Iterator[Receiver]:
    """A collector that has come to that endpoint."""
    with receiving(port=int(nobody.rpartition(":")[2])) as started:
        yield started


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    assert main(["spool", "--json", *arguments]) == 0
    groups = json.loads(capsys.readouterr().out)["waiting"]
    assert isinstance(groups, list)
    return groups


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, its lines joined."""
    return " ".join(capsys.readouterr().out.split())


def test_nothing_is_waiting_where_no_program_ran(capsys, spool):
    assert main(["spool"]) == 0
    assert "nothing is waiting" in capsys.readouterr().out
    assert listed(capsys) == []
    assert not spool.exists()
    assert main(["spool", "send"]) == 0
    assert "nothing is waiting" in capsys.readouterr().out


def test_what_waits_is_listed_with_its_service_and_why(capsys, meant):
    leave("digits", meant)
    by_signal = {str(group["signal"]): group for group in listed(capsys)}
    assert set(by_signal) == {"traces", "logs"}
    traces, logs = by_signal["traces"], by_signal["logs"]
    assert (traces["service"], traces["spans"], traces["open_spans"], traces["state"]) == ("digits", 3, 0, "left")
    assert (logs["service"], logs["log_records"], logs["is_alive"]) == ("digits", 3, False)
    assert isinstance(traces["bytes"], int)
    assert traces["bytes"] > 100
    assert len(str(traces["fingerprint"])) == 8
    assert main(["spool"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 80 and " " in line.strip()] == []
    assert any(line.startswith("digits: 3 spans, ") for line in lines)
    assert "otel-ia spool send" in " ".join(lines)


def test_what_its_process_had_dropped_is_told_when_the_rest_is_sent(capsys, meant, back, monkeypatch):
    monkeypatch.setenv("OTEL_IA_SPOOL_SIZE", str(1 << 20))
    leave("digits", "http://127.0.0.1:9", "for number in range(10_000):\n    work(number)\nos._exit(0)")
    assert main(["spool", "send", "--yes"]) == 0
    told = printed(capsys)
    dropped = sum(int(number.replace(",", "")) for number in re.findall(r"([\d,]+) dropped earlier", told))
    assert dropped > 1000
    assert dropped + len(back.spans) + len(back.logs) == 2 * 10_003


def test_a_span_that_was_open_is_listed_as_open_and_sent_as_abandoned(capsys, meant, back):
    leave("digits", "http://127.0.0.1:9", OPEN)
    (traces,) = [group for group in listed(capsys) if group["signal"] == "traces"]
    assert (traces["spans"], traces["open_spans"]) == (3, 1)
    assert main(["spool", "send", "--yes"]) == 0
    assert plain(back.span("training").attributes)["ia.outcome"] == "abandoned"


def test_what_a_living_process_holds_is_listed_and_left_to_it(capsys, meant, receiver):
    process = start("digits", meant, WAITING)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert {group["state"] for group in listed(capsys)} == {"alive"}
        assert {tuple(group["processes"]) for group in listed(capsys)} == {(process.pid,)}
        assert main(["spool", "send", "--yes", "--endpoint", receiver.endpoint]) == 0
        assert receiver.spans == []
        assert "a running process delivers it itself" in printed(capsys)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert {group["state"] for group in listed(capsys)} == {"left"}


def test_send_delivers_to_the_endpoint_it_was_meant_for_without_asking(capsys, meant, back, spool):
    leave("digits", "http://127.0.0.1:9")  # for another endpoint: it stays
    back.status = 503
    leave("digits", meant)
    back.status = 200
    assert main(["spool", "send"]) == 1
    out = printed(capsys)
    assert f"3 delivered to {meant}/v1/traces" in out
    assert "--yes sends it all the same" in out
    assert (len(back.spans), len(back.logs)) == (3, 3)
    assert {resource["service.name"] for resource in back.resources} == {"digits"}
    assert {group["state"] for group in listed(capsys)} == {"foreign"}
    assert main(["spool", "send", "--yes"]) == 0
    assert (len(back.spans), len(back.logs)) == (6, 6)
    capsys.readouterr()
    assert listed(capsys) == []
    assert [file.name for file in spool.iterdir() if file.name.endswith(".segment")] == []


class Terminal:
    """A standard input at which a person sits."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def isatty(self) -> bool:
        return True

    def readline(self, _limit: int = -1) -> str:
        return self.answer + "\n"


def test_another_endpoint_is_sent_to_only_when_a_person_says_so(capsys, monkeypatch, nobody, receiver):
    leave("digits", nobody)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20geheim")
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    assert main(["spool", "send", "--endpoint", receiver.endpoint]) == 1
    assert receiver.spans == []
    out = printed(capsys)
    assert "3 spans, meant for another endpoint or other credentials." in out
    assert f"Send to {receiver.endpoint}/v1/traces, with the headers authorization? [y/N]" in out
    assert "geheim" not in out
    monkeypatch.setattr(sys, "stdin", Terminal("y"))
    assert main(["spool", "send", "--endpoint", receiver.endpoint]) == 0
    assert (len(receiver.spans), len(receiver.logs)) == (3, 3)


def test_a_collector_that_is_still_down_keeps_everything_and_says_why(capsys, meant):
    leave("digits", meant)
    before = [(group["signal"], group["bytes"]) for group in listed(capsys)]
    assert main(["spool", "send"]) == 1
    assert "the rest stays: " in printed(capsys)
    assert [(group["signal"], group["bytes"]) for group in listed(capsys)] == before


def test_without_an_endpoint_nothing_is_sent(capsys, nobody):
    leave("digits", nobody)
    assert {group["state"] for group in listed(capsys)} == {"unaddressed"}
    assert main(["spool", "send", "--yes"]) == 1
    assert "--endpoint" in printed(capsys)


def test_what_a_server_refuses_for_good_is_set_aside_and_listed_apart(capsys, monkeypatch, meant, back, spool):
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    leave("digits", "http://127.0.0.1:9")
    # all, then the first two, then the first; in between a request with nothing in it, which is accepted
    refused = {0, 1, 3, 5}
    back.behaviour = lambda number: Reply(status=400 if number in refused else 200)
    assert main(["spool", "send", "--yes"]) == 0
    assert "2 delivered" in (out := printed(capsys))
    assert "1 refused and set aside" in out
    assert len(back.spans) == 2
    (kept,) = listed(capsys)
    assert (kept["state"], kept["is_refused"], kept["service"], kept["spans"]) == ("refused", True, "digits", 1)
    (file,) = spool.glob("*.refused")
    assert main(["spool"]) == 0
    out = capsys.readouterr().out
    assert "a server refused it for good" in " ".join(out.split())
    assert file.name in out
    assert main(["spool", "send"]) == 0
    assert "1 span left there" in printed(capsys)


@pytest.fixture
def refused(capsys, monkeypatch, meant, back, spool) -> Path:
    """What is left when a server took two of three spans."""
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    leave("digits", "http://127.0.0.1:9")
    back.behaviour = lambda number: Reply(status=400 if number in {0, 1, 3, 5} else 200)
    assert main(["spool", "send", "--yes"]) == 0
    capsys.readouterr()
    back.behaviour = None
    (file,) = spool.glob("*.refused")
    return file


def test_what_was_refused_is_offered_again_when_a_person_says_so(capsys, monkeypatch, back, refused):
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    assert main(["spool", "send", "--refused"]) == 1
    assert f"1 span, refused by a server. Send to {back.endpoint}/v1/traces? [y/N]" in printed(capsys)
    assert len(back.spans) == 2
    monkeypatch.setattr(sys, "stdin", Terminal("y"))
    assert main(["spool", "send", "--refused"]) == 0
    assert f"1 delivered to {back.endpoint}/v1/traces" in printed(capsys)
    assert len({span.span_id for span in back.spans}) == 3
    assert {plain(span.attributes)["code.function.name"] for span in back.spans} == {"__main__.work"}
    assert not refused.exists()
    assert listed(capsys) == []


def test_without_a_terminal_what_was_refused_is_offered_again_only_with_yes(capsys, back, refused):
    assert main(["spool", "send", "--refused"]) == 1
    assert "--yes sends it all the same" in printed(capsys)
    assert main(["spool", "send", "--refused", "--yes"]) == 0
    assert len(back.spans) == 3


def test_what_is_refused_again_is_kept(capsys, back, refused):
    # the span, then nothing, then the span again
    back.behaviour = lambda number: Reply(status=200 if number % 3 == 1 else 400)
    back.requests = 0
    assert main(["spool", "send", "--refused", "--yes"]) == 1
    assert "0 delivered" in (out := printed(capsys))
    assert "1 refused again and set aside" in out
    (group,) = listed(capsys)
    assert (group["state"], group["spans"]) == ("refused", 1)
    back.behaviour = None
    assert main(["spool", "send", "--refused", "--yes"]) == 0
    assert len(back.spans) == 3
    capsys.readouterr()
    assert listed(capsys) == []


def test_what_was_refused_stays_while_the_server_is_down(capsys, back, refused):
    back.status = 503
    assert main(["spool", "send", "--refused", "--yes"]) == 1
    assert "the rest stays: 503" in printed(capsys)
    assert refused.exists()


def test_what_was_kept_without_an_endpoint_is_sent_after_asking(capsys, monkeypatch, receiver):
    monkeypatch.setenv("OTEL_IA_SPOOL", "true")
    leave("digits", "", OPEN)
    assert {group["state"] for group in listed(capsys)} == {"kept"}
    monkeypatch.setattr(sys, "stdin", Terminal("n"))
    assert main(["spool", "send", "--endpoint", receiver.endpoint]) == 1
    assert "3 spans, 1 open span, kept without an endpoint. Send to" in printed(capsys)
    assert receiver.spans == []
    monkeypatch.setattr(sys, "stdin", Terminal("y"))
    assert main(["spool", "send", "--endpoint", receiver.endpoint]) == 0
    assert (len(receiver.spans), len(receiver.logs)) == (4, 3)
    assert {resource["service.name"] for resource in receiver.resources} == {"digits"}
    assert plain(receiver.span("training").attributes)["ia.outcome"] == "abandoned"
    capsys.readouterr()
    assert listed(capsys) == []


def test_what_a_living_process_keeps_without_an_endpoint_is_left_to_it(capsys, monkeypatch, receiver):
    monkeypatch.setenv("OTEL_IA_SPOOL", "true")
    process = start("digits", "", WAITING)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert {(group["state"], group["is_alive"]) for group in listed(capsys)} == {("keeping", True)}
        assert main(["spool", "send", "--yes", "--endpoint", receiver.endpoint]) == 0
        assert receiver.spans == []
        assert "a running process keeps it" in printed(capsys)
    finally:
        process.communicate(timeout=30)
    assert {group["state"] for group in listed(capsys)} == {"kept"}


def test_another_directory_can_be_named(capsys, monkeypatch, tmp_path, nobody):
    monkeypatch.setenv("OTEL_IA_SPOOL_DIRECTORY", str(tmp_path / "elsewhere"))
    leave("digits", nobody)
    assert len(listed(capsys)) == 2
    monkeypatch.delenv("OTEL_IA_SPOOL_DIRECTORY")
    assert listed(capsys) == []
    assert len(listed(capsys, "--directory", str(tmp_path / "elsewhere"))) == 2
    assert main(["spool", "--directory", str(tmp_path / "elsewhere"), "send"]) == 1


def test_a_service_in_letters_that_the_terminal_lacks_is_listed(nobody):
    leave("Prüfung", nobody)
    done = subprocess.run(
        [sys.executable, "-m", "otel_ia", "spool"],
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Pr\\xfcfung: 3 spans" in done.stdout


def test_a_command_that_is_told_stays_on_one_line(capsys, refused):
    assert main(["spool", "send"]) == 0
    assert "`otel-ia spool send --refused`" in capsys.readouterr().out


def test_a_directory_that_is_not_safe_ends_with_2(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert main(["spool", "--directory", str(tmp_path / "file")]) == 2
    assert "cannot be read" in capsys.readouterr().err
