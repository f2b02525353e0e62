"""`otel-ia check`: exit status, lines of 80 columns, JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from delivery.collectors import closed_port
from receiver import Receiver

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}


def check(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "otel_ia", "check", "--timeout", "2", *arguments],
        cwd=tmp_path,
        env={**ENVIRONMENT, "XDG_STATE_HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_arrives_is_status_0(receiver: Receiver, tmp_path: Path) -> None:
    done = check(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, OTEL_SERVICE_NAME="digits")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("digits, process ")
    assert [line.split(":")[0] for line in lines if line[0] != " "][1:] == [
        "traces   ok",
        "logs     ok",
        "metrics  ok",
    ]
    assert "accepted after" in done.stdout
    assert {resource["service.name"] for resource in receiver.resources} == {"digits"}


def test_what_does_not_is_status_1_with_the_cause_and_what_to_change(tmp_path: Path) -> None:
    port = closed_port()
    done = check(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
    assert done.returncode == 1
    assert done.stdout.count(f"         nothing listens on 127.0.0.1:{port}\n") == 3
    assert done.stdout.count("`endpoint` (OTEL_EXPORTER_OTLP_ENDPOINT)") == 3
    assert "traces   FAILED: sent a span" in done.stdout


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_lines_fit_80_columns_without_colour(receiver: Receiver, tmp_path: Path, protocol: str) -> None:
    done = check(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint.replace("http:", "https:"),
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        FORCE_COLOR="1",
    )
    assert done.returncode == 1
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout


def test_without_an_endpoint_it_says_what_to_set(tmp_path: Path) -> None:
    done = check(tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count("no endpoint is configured") == 3


def test_a_wrong_setting_is_status_2(tmp_path: Path) -> None:
    done = check(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="not a url")
    assert (done.returncode, done.stdout) == (2, "")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in done.stderr


@pytest.mark.parametrize("wrong", ["0", "nan", "soon"])
def test_a_wrong_timeout_is_status_2(tmp_path: Path, wrong: str) -> None:
    assert check(tmp_path, "--timeout", wrong).returncode == 2


def test_json_has_all_of_it(receiver: Receiver, tmp_path: Path) -> None:
    done = check(tmp_path, "--json", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{receiver.endpoint}/v1/traces")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["is_ok"] is False
    traces, logs, metrics = report["signals"]
    assert (traces["signal"], traces["state"], traces["is_accepted"], traces["is_found"]) == (
        "traces",
        "ok",
        True,
        None,
    )
    assert 0 <= traces["delay"] < 2
    assert (logs["state"], logs["causes"][0]["setting"]) == ("failed", "endpoint")
    assert (metrics["state"], metrics["causes"][0]["setting"]) == ("failed", "endpoint")
    assert report["warnings"] == []


def test_what_could_not_be_delivered_waits_and_comes_later(receiver: Receiver, tmp_path: Path) -> None:
    receiver.status = 503
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
    assert check(tmp_path, **environment).returncode == 1
    receiver.status = 200
    assert check(tmp_path, **environment).returncode == 0
    receiver.wait_for(spans=1, logs=1)


def test_an_address_that_is_not_jaegers_or_nobodys_is_named(receiver: Receiver, tmp_path: Path) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
    for address, problem in (
        (receiver.endpoint, f"what answers at {receiver.endpoint} has no query API of Jaeger's (/api/v3)"),
        (f"http://127.0.0.1:{closed_port()}", "cannot be asked: NewConnectionError"),
    ):
        done = check(tmp_path, "--json", "--jaeger", address, **environment)
        assert done.returncode == 1
        traces, logs, _ = json.loads(done.stdout)["signals"]
        assert (traces["state"], traces["is_accepted"], traces["is_found"]) == ("failed", True, False)
        assert problem in traces["causes"][0]["problem"]
        assert logs["state"] == "ok"


def test_prometheus_is_not_asked_for_what_is_not_sent(receiver: Receiver, tmp_path: Path) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_METRICS_EXPORTER": "none"}
    done = check(tmp_path, "--prometheus", "http://nobody:9090", **environment)
    assert done.returncode == 0
    assert "warning  http://nobody:9090 was not asked: no metrics are sent" in done.stdout
