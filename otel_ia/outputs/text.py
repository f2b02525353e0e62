"""A log record as a line for people.

    2026-11-22 14:33:48.123 INFO     app.models: scored 7 words  batch=32  trace_id=72c3… span_id=05d8…

What the message has beyond its first line, and a stack trace, stand below it, indented, so that no message can pass
for the next line. Control characters are shown as `�`.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from otel_ia import semconv
from otel_ia.outputs.json_line import one_line, plain
from otel_ia.outputs.moments import here, moment_of
from otel_ia.sdk.entries import Entry

_UNSAFE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_TOLD_OTHERWISE: Final = {
    semconv.EXCEPTION_TYPE,
    semconv.EXCEPTION_MESSAGE,
    semconv.EXCEPTION_STACKTRACE,
    semconv.CODE_STACKTRACE,
}
_BARE: Final = re.compile(r"[!#-<>-\[\]-~]+")  # a value that needs no quotes: visible ASCII but for = " and \


def render_text(entry: Entry) -> str:
    """The record as text, of as many lines as it takes."""
    own = entry.own or {}
    body = entry.body if isinstance(entry.body, str) else _quoted(entry.body)
    parts = [f"{here(moment_of(entry))} {entry.level or '-':<8} {entry.logger}: {body}"]
    parts += [f"{key}={_quoted(value)}" for key, value in own.items() if key not in _TOLD_OTHERWISE]
    if entry.trace_id:
        parts.append(f"trace_id={entry.trace_id:032x} span_id={entry.span_id:016x}")
    text = "  ".join(parts)
    for stack in (own.get(semconv.CODE_STACKTRACE), _stack_trace(own)):
        if stack:
            text = f"{text}\n{stack}"
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text.rstrip().replace("\r\n", "\n")).replace("\n", "\n    ")


def _stack_trace(own: Mapping[str, Any]) -> str:
    trace = own.get(semconv.EXCEPTION_STACKTRACE)
    if trace:
        return str(trace)
    kind, message = own.get(semconv.EXCEPTION_TYPE), own.get(semconv.EXCEPTION_MESSAGE)
    return f"{kind}: {message}" if kind else ""


def _quoted(value: object) -> str:
    if type(value) is str and _BARE.fullmatch(value):
        return value
    shown = one_line({"": plain(value)})
    return shown[4:-1]
