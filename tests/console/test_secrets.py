"""What the console prints may end in a journal or in the log of a build: no secret is in it."""

import logging
from collections.abc import Callable

import pytest
from console.conftest import Program
from opentelemetry.trace import StatusCode
from polling import poll_until

import otel_ia
from otel_ia import monitor
from otel_ia.redaction import make_redactor

Start = Callable[..., Program]
SECRET = "planted-hunter2-secret"


def test_values_exceptions_and_log_lines_are_printed_without_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @monitor("login", capture="values")
    def login(password: str, settings: dict[str, str], user: str) -> None:
        logging.getLogger("app").warning("signing in with password=%s", password)
        raise ValueError(f"refused: password={password}")

    telemetry = otel_ia.configure(console=True)
    with pytest.raises(ValueError, match="refused"):
        login(SECRET, {"api_key": SECRET}, "ada")
    telemetry.shutdown()
    printed = capsys.readouterr().err
    assert SECRET not in printed
    assert "ada" in printed
    assert printed.count("[redacted") == 4
    assert sum(telemetry.stats().redacted.values()) == 0, "that counts what is sent and kept"


def test_without_redaction_they_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = otel_ia.configure(console=True, redact=False)
    with monitor("login", attributes={"password": SECRET}):
        pass
    telemetry.shutdown()
    assert SECRET in capsys.readouterr().err


def test_so_are_spans_that_are_still_running_and_those_of_other_providers(start_program: Start) -> None:
    program = start_program(delay=0.05, redactor=make_redactor())
    running = program.start(f"get ?token={SECRET}", attributes={"api_key": SECRET})
    running.set_attribute("password", SECRET)
    poll_until(lambda: "running" in program.text)
    ended = program.start("ended", attributes={"password": SECRET})
    ended.set_status(StatusCode.ERROR, f"password={SECRET}")
    program.end(ended)
    program.end(running)
    program.shutdown()
    assert "[redacted" in program.text
    assert SECRET not in program.text
