"""Streams: resolved when written, one write a tree, colour where it belongs, harmless when broken."""

import io
import os
import pty
import re
import subprocess
import sys
import termios
import textwrap

import pytest

ESCAPES = re.compile(r"\x1b\[[\d;]*m")


class CountedWrites(io.RawIOBase):
    def __init__(self):
        super().__init__()
        self.writes = []

    def writable(self):
        return True

    def write(self, data):
        self.writes.append(bytes(data))
        return len(data)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run_script(body, **environ):
    """Runs a program whose spans go to the default stream; what it printed on its own terminal."""
    script = textwrap.dedent("""
        import sys, time
        from opentelemetry.sdk.trace import TracerProvider
        from otel_ia.console import console_processors
        spans, logs = console_processors()
        provider = TracerProvider(); provider.add_span_processor(spans)
        span = provider.get_tracer("script").start_as_current_span
    """) + textwrap.dedent(body)
    parent, child = pty.openpty()
    termios.tcsetwinsize(child, (40, 80))
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script],
        stdout=child,
        stderr=child,
        stdin=child,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80", "PYTHONPATH": os.pathsep.join(sys.path), **environ},
    )
    os.close(child)
    printed = b""
    while True:
        try:
            data = os.read(parent, 65536)
        except OSError:
            break
        if not data:
            break
        printed += data
    os.close(parent)
    assert process.wait(30) == 0, printed.decode()
    return printed.decode().replace("\r\n", "\n")


def record_request(program):
    with program.span("request", 0, 10, user="ada"), program.span("predict", 0, 9):
        pass


def test_a_tree_is_one_write(start_program):
    raw = CountedWrites()
    with io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", line_buffering=True) as stream:
        program = start_program(stream)
        with program.span("request", 0, 1000):
            for number in range(39):
                with program.span("stage" * 20 + str(number), number, number + 1):
                    program.log("x" * 250, number)
        assert len(raw.writes) == 1
        assert len(raw.writes[0]) > 8192
        program.shutdown()


def test_the_default_stream_is_stderr_as_it_is_when_written(start_program, monkeypatch):
    program = start_program("the stream that the console takes by itself")
    for replaced in (io.StringIO(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", replaced)
        record_request(program)
        assert "request" in replaced.getvalue()
    monkeypatch.setattr(sys, "stderr", None)
    record_request(program)


@pytest.mark.parametrize(
    "error", [OSError(28, "full"), BrokenPipeError(), ValueError("closed"), RuntimeError("reentrant")]
)
def test_a_broken_stream_never_raises(start_program, error):
    class Broken(io.StringIO):
        def write(self, text):
            raise error

    record_request(start_program(Broken()))


def test_a_closed_stream_never_raises(start_program):
    stream = io.StringIO()
    stream.close()
    program = start_program(stream)
    record_request(program)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "shift_jis", "utf-8", "utf-16", "koi8-r"])
def test_every_encoding_gets_what_it_can_carry_in_the_same_columns(start_program, encoding):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="\n")
    program = start_program(stream)
    with program.span("request", 0, 10):
        for name in ("load", "推論", "größe"):
            with program.span(name, 2, 5):
                program.log("naïve 🙂", 3)
    lines = raw.getvalue().decode(encoding).splitlines()
    assert len(lines) == 8
    assert "request" in lines[1]
    if encoding == "ascii":
        assert lines[2].startswith("|- load")
        assert lines[4].startswith("|- ????  ")
        assert lines[6].startswith("`- gr??e")
        assert lines[2].endswith("3.00 ms    =====")
    program.shutdown()


def test_a_terminal_gets_colour_and_a_file_does_not(start_program):
    terminal, file = Terminal(), io.StringIO()
    record_request(start_program(terminal))
    record_request(start_program(file))
    assert "\x1b[" in terminal.getvalue()
    assert ESCAPES.sub("", terminal.getvalue()).replace(" \n", "\n") == file.getvalue()


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
    ],
)
def test_colour_follows_the_environment(start_program, monkeypatch, environ, coloured):
    for name, setting in environ.items():
        monkeypatch.setenv(name, setting)
    stream = Terminal()
    record_request(start_program(stream))
    assert ("\x1b[" in stream.getvalue()) is coloured


def test_colour_is_forced_on_a_file(program, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    record_request(program)
    assert "\x1b[" in program.text


def test_a_real_terminal_shows_the_tree():
    printed = run_script("""
        with span("request"):
            with span("predict"): pass
        provider.shutdown()
    """)
    assert "\x1b[" in printed
    assert "└─ predict" in ESCAPES.sub("", printed)


def test_a_progress_bar_of_tqdm_is_not_torn():
    pytest.importorskip("tqdm")
    printed = run_script("""
        from tqdm import tqdm
        for step in tqdm(range(3), desc="training", ascii=True, mininterval=0):
            with span("step"): pass
        provider.shutdown()
    """)
    screen = screen_of(ESCAPES.sub("", printed))
    assert sum("training" in line for line in screen) == 1
    assert sum("step" in line for line in screen) == 3
    assert [line for line in screen if line][-1].startswith("training: 100%")


def test_a_live_display_of_rich_is_not_torn():
    printed = run_script("""
        from rich.progress import Progress
        with Progress() as progress:
            task = progress.add_task("training", total=3)
            for _ in range(3):
                with span("step"): pass
                progress.advance(task)
        provider.shutdown()
    """)
    screen = screen_of(ESCAPES.sub("", printed))
    assert sum("training" in line for line in screen) == 1
    assert sum(line.startswith("step") for line in screen) == 3
    assert next(line for line in reversed(screen) if line).startswith("training")


def screen_of(printed):
    """The lines that stay on a terminal: carriage returns, cursor up and erased lines obeyed."""
    screen, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[\??[\d;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", printed):
        if part == "\r":
            column = 0
        elif part == "\n":
            row, column = row + 1, 0
            screen += [""] * (row + 1 - len(screen))
        elif part.startswith("\x1b"):
            if part.endswith("A"):
                row -= int(part[2:-1] or 1)
            elif part.endswith("K"):
                screen[row] = ""
        else:
            line = screen[row].ljust(column)
            screen[row] = line[:column] + part + line[column + len(part) :]
            column += len(part)
    return [line.rstrip() for line in screen]
