"""structlog like the standard library's logging: ids on its events, and each of them exported.

    structlog.configure(…)
    otel_ia.integrations.structlog.install()

The one change: the last processor of your chain, the one that renders, is wrapped, in place, so that loggers that exist
already take part. What it renders bears `trace_id`, `span_id` and `trace_flags` inside a span, and what `otel_ia.bound`
binds. A chain of your own, or one configured later, ends with `exporting(renderer)` instead; `add_trace_context` alone
is a processor that adds the ids and exports nothing, say for `foreign_pre_chain`. Events that structlog hands to the
standard library's logging are exported once, with their fields, by its levels.
"""

import logging
import sys
import time
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any

from opentelemetry._logs import LogRecord

from otel_ia import semconv, values
from otel_ia.guard import guarded
from otel_ia.integrations.installing import install_once, require
from otel_ia.recording.correlation import current_fields
from otel_ia.sdk.bridges import Said, SaidFields, SaidText
from otel_ia.sdk.record_handler import record_handler
from otel_ia.sdk.records import severity_number
from otel_ia.undo import Undo

Event = MutableMapping[str, Any]
Processor = Callable[[Any, str, Event], Any]

_NO_FIELDS = {"event", "level", "timestamp", "logger", "logger_name", "exc_info", "exception"}
_LEVELS = {"exception": logging.ERROR, "msg": logging.INFO}


def install() -> Undo:
    """From now on structlog's events bear the trace's ids and are exported. Twice is once.

    Raises:
        MissingLibraryError: structlog is not installed.
    """
    structlog = require("structlog", extra="structlog")
    return install_once("structlog", lambda: _wrap_last(structlog))


def _wrap_last(structlog: Any) -> Callable[[], None]:
    chain = structlog.get_config()["processors"]
    if not isinstance(chain, list):
        structlog.configure(processors=[*chain[:-1], exporting(chain[-1])])
        return lambda: structlog.configure(processors=chain)
    renderer = chain[-1]
    chain[-1] = mine = exporting(renderer)

    def unwrap() -> None:
        chain[:] = [renderer if processor is mine else processor for processor in chain]

    return unwrap


def add_trace_context(_logger: Any, _method: str, event: Event) -> Event:
    """A processor: ids of the current span, if there is one, and bound fields; what the event has already stays."""
    for name, value in (_fields() or {}).items():
        event.setdefault(name, value)
    return event


@guarded
def _fields() -> dict[str, values.Value]:
    fields = current_fields()
    del fields["service_name"]
    return {name: value for name, value in fields.items() if value != ""}


def exporting(renderer: Processor) -> Processor:
    """The renderer as the last processor of a chain, whose events are exported when it has rendered them."""
    return partial(_render, renderer)  # which can be pickled, as loggers can


def _render(renderer: Processor, logger: Any, method: str, event: Event) -> Any:
    said = _said(event)
    rendered = renderer(logger, method, add_trace_context(logger, method, event))
    if said is None:
        return rendered
    if isinstance(logger, logging.Logger):
        return _bearing(rendered, said) or rendered
    _export(said, method, str(event.get("logger") or "structlog"))
    return rendered


@guarded
def _said(event: Event) -> Said:
    error = event.get("exc_info")
    if isinstance(error, tuple):
        error = error[1]
    text = event.get("exception")
    if error is True or text is not None:  # a processor before may have rendered it, and what it was is forgotten
        error = sys.exc_info()[1]
    fields = {name: value for name, value in event.items() if name not in _NO_FIELDS and not name.startswith("_")}
    if text is not None and (error is None or type(error).__name__ not in str(text)):
        return Said(values.legal(event.get("event")), {**fields, semconv.EXCEPTION_STACKTRACE: text})
    return Said(values.legal(event.get("event")), fields, error if isinstance(error, BaseException) else None)


@guarded
def _bearing(rendered: Any, said: Said) -> Any:
    """What was rendered, for the standard library's logging, bearing what was said."""
    if type(rendered) is str:
        text = SaidText(rendered)
        text.said = said
        return text
    if type(rendered) is tuple and rendered[0] and type(rendered[0][0]) is dict:
        fields = SaidFields(rendered[0][0])
        fields.said = said
        return ((fields, *rendered[0][1:]), *rendered[1:])
    return rendered


@guarded
def _export(said: Said, method: str, name: str) -> None:
    level = _LEVELS.get(method) or logging.getLevelNamesMapping().get(method.upper(), logging.INFO)
    record = LogRecord(
        timestamp=time.time_ns(),
        severity_number=severity_number(level),
        severity_text=logging.getLevelName(level),
        body=said.body,
        attributes=said.attributes(),
    )
    record_handler.export(name, record)
