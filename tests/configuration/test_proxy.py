"""The setting `proxy` in effect, with a real proxy in front of a real receiver."""

import logging
from pathlib import Path

import pytest
from proxy import proxying
from receiver import Receiver

import otel_ia
from otel_ia import monitor
from otel_ia.tools.command_line import main

SECRET = "geheim"


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "otel_ia" / "spool"


def record() -> None:
    with monitor("block"):
        logging.getLogger("app").warning("said")


def test_each_signal_takes_the_way_through_the_proxy(receiver: Receiver) -> None:
    with proxying(f"me:{SECRET}") as proxy:
        way = proxy.url.replace("://", f"://me:{SECRET}@")
        with otel_ia.configure(endpoint=receiver.endpoint, proxy=way, console=False) as telemetry:
            record()
            assert telemetry.flush(10)
    assert set(proxy.forwarded) == {f"{receiver.endpoint}/v1/{signal}" for signal in ("traces", "logs", "metrics")}
    assert (len(receiver.spans), len(receiver.logs)) == (1, 1)


def test_one_signal_may_take_it_alone(receiver: Receiver) -> None:
    with (
        proxying() as proxy,
        otel_ia.configure(endpoint=receiver.endpoint, logs_proxy=proxy.url, console=False) as telemetry,
    ):
        record()
        assert telemetry.flush(10)
    assert set(proxy.forwarded) == {f"{receiver.endpoint}/v1/logs"}
    assert (len(receiver.spans), len(receiver.logs)) == (1, 1)


def test_its_password_is_on_no_disk_and_in_no_line_and_who_knows_it_delivers_what_was_left(
    receiver: Receiver,
    spool: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with proxying("me:other") as proxy:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        monkeypatch.setenv("OTEL_IA_PROXY", proxy.url.replace("://", f"://me:{SECRET}@"))
        with otel_ia.configure(console=False) as telemetry:
            record()
            assert not telemetry.flush(5)
            assert SECRET not in repr(telemetry.settings)
        assert main(["config"]) == 0
        assert main(["spool"]) == 0
        assert main(["spool", "send"]) == 1
        printed = capsys.readouterr().out
        assert "http://***@127.0.0.1" in printed
        assert "407 Proxy Authentication Required" in printed
        assert SECRET not in printed + caplog.text
        assert "OTEL_IA_PROXY" in caplog.text
        assert SECRET.encode() not in b"".join(file.read_bytes() for file in spool.iterdir())
        assert receiver.spans == []
        monkeypatch.setenv("OTEL_IA_PROXY", proxy.url.replace("://", "://me:other@"))
        assert main(["spool", "send"]) == 0
    assert (len(receiver.spans), len(receiver.logs)) == (1, 1)


def test_a_file_that_is_found_may_not_name_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "otel-ia.toml").write_text('proxy = "http://me:geheim@proxy"\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(otel_ia.SettingError, match="OTEL_IA_PROXY") as caught:
        otel_ia.configure()
    assert SECRET not in str(caught.value)
