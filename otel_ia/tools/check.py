"""`otel-ia check`: one span, one log record, one metric point through the configured way, and what became of each."""

import argparse
import json
import math
import textwrap
from collections.abc import Iterator
from typing import Final

from otel_ia import configure
from otel_ia.checking.report import Cause, Report, SignalReport
from otel_ia.tools.lines import WIDTH, printable, say

ARRIVED: Final = 0
FAILED: Final = 1
_TIMEOUT: Final = 10.0
_INDENT: Final = " " * 9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `otel-ia check`."""
    parser.add_argument("--jaeger", metavar="URL", help="read the span back from Jaeger, say http://localhost:16686")
    parser.add_argument("--prometheus", metavar="URL", help="read the point back, say from http://localhost:9090")
    parser.add_argument(
        "--timeout", type=_seconds, default=_TIMEOUT, help="seconds for the answer, and for each reading back"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """What `otel-ia check` does with its parsed options; returns the exit status: 0 when all of it arrived, else 1."""
    with configure(console=False) as telemetry:
        report = telemetry.check(timeout=arguments.timeout, jaeger=arguments.jaeger, prometheus=arguments.prometheus)
    say(json.dumps(report.as_dict(), indent=2) if arguments.json else "\n".join(_as_text(report)))
    return ARRIVED if report.is_ok else FAILED


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError("a number of seconds is needed, more than 0")
    return seconds


def _as_text(report: Report) -> Iterator[str]:
    yield f"{printable(report.service)}, process {report.process}"
    for signal in report.signals:
        state = signal.state.upper() if signal.state == "failed" else signal.state
        yield _line(signal.signal, f"{state}{_told(signal)}")
        for cause in signal.causes:
            yield from _advice(cause)
    for warning in report.warnings:
        yield _line("warning", printable(warning.problem))
        yield _line("", printable(warning.remedy))


def _advice(cause: Cause) -> Iterator[str]:
    yield _line("", printable(cause.problem))
    yield _line("", printable(cause.remedy))


def _line(label: str, text: str) -> str:
    """The text in 80 columns beside its label; URLs and paths stay in one piece."""
    return textwrap.fill(
        f"{label:<{len(_INDENT)}}{text}",
        WIDTH,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def _told(signal: SignalReport) -> str:
    parts = [signal.remark] if signal.remark else []
    if signal.sent:
        parts.append(f"sent {printable(signal.sent)}")
    if signal.is_accepted and signal.delay is not None:
        parts.append(f"accepted after {signal.delay:.2f} s")
    if signal.found_after is not None:
        parts.append(f"found after {signal.found_after:.2f} s")
    return f": {', '.join(parts)}" if parts else ""
