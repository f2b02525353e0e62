"""Whatever is in a name, a message or a value: one line each, no escape sequences, no failure, columns kept."""

import io
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import Status, StatusCode
from rich.cells import cell_len

TEXTS = st.text(st.characters(), max_size=200) | st.sampled_from(
    [
        "[bold]x[/bold] [/] [link=file:///]",
        "\x1b[31mred\x1b[0m\x1b]0;title\x07",
        "line\nbreak\r\n\ttab\x0b\x85\u2028",
        "\ud800lone\udfff",
        "漢字かな交じり文の長い名前" * 10,
        "👩‍👩‍👧‍👦❤️🇩🇪" * 10,
        "\u202eevil\u2066",
        "e\u0301" * 300,
        "",
        " " * 300,
        "🙂" * 300,
    ]
)


def bar_column(line):
    return cell_len(line[: re.search(r"[━╺╸╍]", line).start()])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=TEXTS, message=TEXTS, value=TEXTS, colour=st.booleans())
def test_hostile_text_breaks_no_line(start_program, monkeypatch, name, message, value, colour):
    monkeypatch.setenv("FORCE_COLOR", "1" if colour else "")
    program = start_program()
    with program.span("request", 0, 10, value=value, **{value or "empty": 1}):
        program.log(message, 1, SeverityNumber.WARN)
        with program.span(name, 0, 5) as span:
            span.set_status(Status(StatusCode.ERROR, message))
        with program.span("steady", 0, 5):
            pass
    program.shutdown()
    text = re.sub(r"\x1b\[[\d;]*m", "", program.text) if colour else program.text
    lines = text.split("\n")
    assert lines.pop() == ""
    assert all(cell_len(line) <= 80 for line in lines)
    assert all(line.isprintable() for line in lines)
    text.encode()
    assert len(lines) < 25
    bars = [line for line in lines if re.search(r" (ms|ns) +[━╺╸╍]+$", line)]
    assert len(bars) >= 3
    assert {bar_column(line) for line in bars if "━" in line} == {64}


def test_wide_characters_keep_the_columns(program):
    with program.span("要求", 0, 10):
        for name in ("読み込み", "load", "推論 🙂"):
            with program.span(name, 0, 5):
                pass
    assert {bar_column(line) for line in program.tree} == {64}


def test_markup_of_rich_is_shown_as_it_is(program):
    with program.span("[bold]request[/bold]"):
        program.log("[red]:smile: [/]")
    assert "[bold]request[/bold]" in program.text
    assert "[red]:smile: [/]" in program.text


@pytest.mark.parametrize("body", [None, 7, 2.5, b"bytes", {"a": 1}, [1, [2, {"b": None}]], True, 2**80])
def test_any_body_of_a_log_record_is_told(program, body):
    with program.span("request"):
        program.log(body)
    assert program.tree[1].startswith("  INFO  ")


def test_absurd_times_do_no_harm(start_program):
    stream = io.StringIO()
    program = start_program(stream)
    for start, end in ((1, 2**63 - 1), (0, 0), (2**63 - 1, 1)):
        program.tracer.start_span("request", start_time=start).end(end_time=end)
    assert stream.getvalue().count("request") == 3
