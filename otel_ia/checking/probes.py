"""What is sent of each signal: through the global providers, as the program's own telemetry is."""

import functools
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from opentelemetry import metrics, trace
from opentelemetry.context import Context

from otel_ia import semconv
from otel_ia.checking.chain import Chain
from otel_ia.checking.report import Cause
from otel_ia.delivery.shipping.destination import Signal
from otel_ia.recording.current import attach, leave
from otel_ia.sdk.provider import is_provider_foreign
from otel_ia.sdk.record_handler import record_handler
from otel_ia.values import qualified_name

NAME: Final = "otel_ia.check"
_TRIES: Final = 1_000
"""Root spans begun until one is sampled: of a ratio of 1 % fewer than one check in 20,000 finds none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What was sent, in words; the context of its span, if it is one; what it is asked for by: trace id or query."""

    what: str
    context: Context = field(default_factory=Context)
    key: str = ""


Probe = Callable[[Chain, Context], Sent | Cause]


def send_span(chain: Chain, _context: Context) -> Sent | Cause:
    """One root span, or why it is not recorded."""
    tracer = trace.get_tracer(NAME, schema_url=semconv.SCHEMA_URL)
    for _ in range(_TRIES):
        span = tracer.start_span(NAME, context=Context())
        context = span.get_span_context()
        if span.is_recording() and context.trace_flags.sampled:
            span.end()
            trace_id = f"{context.trace_id:032x}"
            inside = trace.set_span_in_context(trace.NonRecordingSpan(context), Context())
            return Sent(what=f"a span of trace {trace_id}", context=inside, key=trace_id)
    if is_provider_foreign():
        return Cause(
            problem=f"another library's tracer provider ({_foreign()}) is installed, and records no span",
            remedy="change its sampler, do not shut it down before, or call otel_ia.configure() before it is set",
        )
    return Cause(
        problem=f"sampled out: none of {_TRIES:,} traces was kept by the sampler {chain.sampler}",
        remedy="change `sampler` (OTEL_TRACES_SAMPLER) or `sampler_arg` (OTEL_TRACES_SAMPLER_ARG)",
        setting="sampler",
    )


def send_record(_chain: Chain, context: Context) -> Sent | Cause:
    """One record of the standard library's logging, past the handlers of the program."""
    # of no level, for an output leaves out what is below its own
    record = logging.LogRecord(NAME, logging.NOTSET, __file__, 0, "otel_ia check", (), None)
    token = attach(context)
    try:
        record_handler.export(NAME, record)
    finally:
        leave(token)
    return Sent(what="a log record")


def send_point(chain: Chain, _context: Context) -> Sent | Cause:
    """One point of a gauge: the time of the check."""
    now = round(time.time(), 3)  # what is asked for is not to be later than what was sent
    _gauge().set(now, {"service": chain.service})
    chain.collect()
    service = chain.service.replace("\\", "\\\\").replace('"', '\\"')
    return Sent(what=f"a point of {semconv.CHECK_METRIC}", key=f'ia_check{{service="{service}"}} >= {now:.3f}')


@functools.cache
def _gauge() -> Any:
    description = "When the chain was last checked, in seconds since the epoch."
    return metrics.get_meter(NAME, schema_url=semconv.SCHEMA_URL).create_gauge(
        semconv.CHECK_METRIC, description=description
    )


PROBES: Final[Mapping[Signal, Probe]] = {"traces": send_span, "logs": send_record, "metrics": send_point}


def foreign_provider() -> Cause | None:
    """A warning where the tracer provider is another library's."""
    if not is_provider_foreign():
        return None
    return Cause(
        problem=f"another library's tracer provider ({_foreign()}) is installed, and ours is a processor of it",
        remedy="its sampler, limits and resource hold for spans; call otel_ia.configure() first to have ours",
    )


def _foreign() -> str:
    return qualified_name(type(trace.get_tracer_provider()))
