"""`otel-ia config` and the README's table of options."""

import argparse
import json
from dataclasses import fields

import pytest

from otel_ia.configuration.settings import OPTIONS, SIGNALS, Destination
from otel_ia.tools.command_line import main
from otel_ia.tools.config import add_arguments, run, show
from otel_ia.tools.option_table import render_option_table

ENVIRON = {
    "OTEL_SERVICE_NAME": "shop",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "https://user:secret@otlp-gateway-prod-eu-west-2.example.net/otlp?key=secret",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20secret,x-tenant=secret",
    "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "3",
    "OTEL_IA_PROXY": "http://user:secret@proxy:3128",
    "OTEL_RESOURCE_ATTRIBUTES": ",".join(f"attribute.number.{number}=value" for number in range(20)),
}


@pytest.mark.parametrize("as_json", [False, True])
def test_no_secret_is_printed(capsys, tmp_path, as_json):
    assert show(as_json=as_json, environ=ENVIRON, working_directory=tmp_path) == 0
    printed = capsys.readouterr().out
    assert "secret" not in printed
    assert "authorization" in printed
    assert "http://***@proxy:3128" in printed


def test_each_setting_is_printed_with_its_value_and_origin_in_80_columns(capsys, tmp_path):
    (tmp_path / "otel-ia.toml").write_text("console = true\n")
    show(environ=ENVIRON, working_directory=tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 80 and " " in line.strip()] == []
    at = lines.index("service_name = shop")
    assert lines[at + 1] == "    from environment OTEL_SERVICE_NAME"
    assert "headers = authorization=***, x-tenant=***" in lines
    assert "logs_timeout = 3.0" in lines
    assert "traces_timeout = 10.0" in lines
    assert "compression = none" in lines
    assert "redact_keys = empty" in lines
    text = " ".join(lines)
    names = [name for name in OPTIONS if not name.startswith(("traces_", "logs_", "metrics_"))]
    assert [name for name in [*names, "traces_exporter", "logs_exporter"] if f"{name} =" not in text] == []


def test_json_has_every_setting_of_every_signal(capsys, tmp_path):
    show(as_json=True, environ=ENVIRON, working_directory=tmp_path)
    printed = json.loads(capsys.readouterr().out)
    general = {option.general for option in OPTIONS.values() if option.name.startswith("traces_") and option.general}
    assert printed["settings"].keys() == OPTIONS.keys() - general
    assert printed["settings"]["logs_timeout"] == {
        "value": 3.0,
        "source": "environment OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
        "environment": "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
    }
    assert printed["file"] is None


def test_a_wrong_setting_prints_one_message_and_ends_with_2(capsys, monkeypatch):
    monkeypatch.setenv("OTEL_IA_EXIT_TIMEOUT", "soon")
    assert main(["config"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "otel-ia: environment OTEL_IA_EXIT_TIMEOUT: exit_timeout = 'soon' is not a number of seconds from 0 to 3600\n"
    )


def test_a_file_of_others_sends_no_control_characters_to_the_terminal(capsys, tmp_path):
    (tmp_path / "otel-ia.toml").write_text(
        'service_name = "\\u001b[2J"\nresource_attributes = {"\\u001b" = "\\u009b"}\n'
    )
    assert show(environ={}, working_directory=tmp_path) == 0
    assert capsys.readouterr().out.replace("\n", "").isprintable()


def test_the_command_line_reads_its_options(capsys, monkeypatch, tmp_path):
    for option in OPTIONS.values():
        if option.environment is not None:
            monkeypatch.delenv(option.environment, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_args(["--json"])) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["service_name"]["value"] == "shop"
    assert run(parser.parse_args([])) == 0
    assert "service_name = shop" in capsys.readouterr().out


def test_the_table_of_options_has_a_row_for_each_general_option():
    table = render_option_table()
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    signals = [name for name, option in OPTIONS.items() if option.general in {"endpoint", "headers"}]
    assert len(rows) == len(OPTIONS) - len(SIGNALS) * len(fields(Destination))
    assert len(signals) == 6
    assert all(line.count("|") == 5 for line in rows)
    assert "| `exit_timeout` | `OTEL_IA_EXIT_TIMEOUT` | `2` |" in table
