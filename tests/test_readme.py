"""The README's code runs, its output is what it shows, its tables are those of the code."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from delivery.collectors import collecting_grpc
from opentelemetry.trace import StatusCode
from receiver import Receiver

from otel_ia.tools.option_table import render_option_table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def run(program: str, folder: Path, **said: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "80", "PYTHONUNBUFFERED": "1", **said}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        env=environment,
        cwd=folder,
    )


def without_measurements(output: str) -> str:
    """The output without what differs from run to run: ids, the time of day, durations, shares and their bars."""
    output = re.sub(r"\b[0-9a-f]{32}\b", "ID", output)
    output = re.sub(r"\b\d\d:\d\d:\d\d\b", "TIME", output)
    output = re.sub(r"\b[\d.,]+ (µs|ms|s)\b", "DURATION", output)
    output = re.sub(r" +◆ self \d+%", "", output)
    output = re.sub(r" *[━╺╸]+", "  BAR", output)
    output = re.sub(r"<string>:\d+|\w+\.py:\d+", "PLACE", output)
    return "\n".join(re.sub(r"[ ─]{2,}", "  ", line).rstrip() for line in output.strip().splitlines())


def test_the_first_example_prints_what_is_shown(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    done = run(BLOCKS[0], tmp_path)
    assert done.returncode == 0, done.stdout
    assert without_measurements(done.stdout) == without_measurements(shown)


def test_the_call_of_a_language_model_prints_what_is_shown(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.util.genai", reason="otel_ia[genai] has it")
    (program,) = (block for block in BLOCKS if "genai.inference(" in block)
    (shown,) = re.findall(r"```\n(─ weather .*?)```", README, re.DOTALL)
    done = run(program, tmp_path)
    assert done.returncode == 0, done.stdout
    assert without_measurements(done.stdout) == without_measurements(shown)


def test_the_traces_held_are_told_as_shown_and_each_that_failed_arrives(receiver: Receiver, tmp_path: Path) -> None:
    (program,) = (block for block in BLOCKS if "keep_errors" in block)
    (shown,) = re.findall(r"```\n(\{'failed': .*?)```", README, re.DOTALL)
    done = run(program, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
    assert done.returncode == 0, done.stdout
    held, promised = ast.literal_eval(done.stdout), ast.literal_eval(shown)
    assert list(held) == list(promised)
    assert 840 < sum(promised.values()) < 960
    sampled = [span for span in receiver.spans if span.name == "predict" and span.trace_state.startswith("ot=th:e66")]
    failed = [span for span in receiver.spans if span.status.code == StatusCode.ERROR.value]
    whole = {span.trace_id for span in receiver.spans if span.name == "scale"}
    assert whole >= {span.trace_id for span in failed}
    assert len(failed) == 10
    assert held["failed"] == sum(not span.trace_state for span in failed)
    assert len(sampled) + sum(held.values()) == 1_000
    assert 40 < len(sampled) < 160  # six standard deviations


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_each_example_runs(number: int, tmp_path: Path) -> None:
    done = run(BLOCKS[number], tmp_path)
    assert done.returncode == 0, done.stdout


def test_the_option_table_is_the_table_of_settings() -> None:
    assert render_option_table() in README


def test_the_two_commands_that_do_all_set_up_are_the_promised_ones() -> None:
    commands = re.findall(r"```sh\n(.*?)\n```", README, re.DOTALL)
    assert commands[0] == 'python -m pip install -e ".[demo]" && otel-ia demo'
    assert commands[1] == 'python -m pip install -e ".[dev]" && pytest'


def test_the_objective_shown_is_one_of_the_example() -> None:
    (shown,) = (block for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "record:" in block)
    assert shown in (ROOT / "examples" / "compose" / "rules" / "objectives.yaml").read_text()


def test_the_check_prints_what_is_shown(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```\n(digits, process .*?)```", README, re.DOTALL)
    with collecting_grpc() as collector:
        done = subprocess.run(
            [sys.executable, "-m", "otel_ia", "check", "--timeout", "2"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={
                **os.environ,
                "XDG_STATE_HOME": str(tmp_path),
                "OTEL_SERVICE_NAME": "digits",
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
                "OTEL_LOGS_EXPORTER": "none",
                "OTEL_METRICS_EXPORTER": "none",
            },
        )
    assert done.returncode == 1

    def plain(text: str) -> str:
        text = re.sub(r"process \d+", "process ID", re.sub(r"localhost:\d+", "localhost:PORT", text))
        return without_measurements(text)

    assert plain(done.stdout) == plain(shown)
