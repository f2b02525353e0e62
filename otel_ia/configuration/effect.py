"""Puts settings into effect: providers, processors, log records, propagators."""

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final, cast

from opentelemetry import propagate, trace
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, sampling

from otel_ia import semconv
from otel_ia.configuration.levels import OutputLevels, set_logger_level
from otel_ia.configuration.metering import measure, wants_prometheus
from otel_ia.configuration.settings import LINE_FORMATS, Destination, Settings
from otel_ia.configuration.telemetry import Telemetry
from otel_ia.delivery.shipping.destination import Signal
from otel_ia.delivery.shipping.telling import Teller
from otel_ia.outputs.losses import Losses
from otel_ia.recording.capturing import capture_by_default
from otel_ia.recording.correlation import stamp_records
from otel_ia.recording.first_seen import tell_by
from otel_ia.recording.switch import switch_off
from otel_ia.redaction import Redactor, make_redactor
from otel_ia.sdk import logs
from otel_ia.sdk.exception_records import write_on_span
from otel_ia.sdk.home import TracingState
from otel_ia.sdk.keeping import Keeper
from otel_ia.sdk.log_sink import LogSink
from otel_ia.sdk.outbox import Keeping, Outbox
from otel_ia.sdk.provider import install_tracing, is_provider_foreign
from otel_ia.sdk.record_handler import listen
from otel_ia.sdk.redacted import redacted_resource
from otel_ia.sdk.shares import RuleSampler, read_rule, share_of
from otel_ia.sdk.uncaught import record_uncaught

_logger = logging.getLogger("otel_ia")
_KEPT_IN_SPOOL: Final = 8
"""What is held is an eighth of the spool at most: it may stand there twice, with twice as much that was decided."""


def put_into_effect(settings: Settings) -> Telemetry:  # noqa: C901 - one thing after the other
    """Makes the settings take effect on top of what is in effect; the handle takes them back."""
    if settings.disabled:
        return Telemetry(settings, [], [], switch_off())
    with ExitStack() as changes:
        spans: list[SpanProcessor] = []
        levels, losses, redactor = OutputLevels(), Losses(settings.log_file or ""), make_settings_redactor(settings)
        is_printed = settings.log_console in LINE_FORMATS
        records: list[LogRecordProcessor] = []
        if is_printed or settings.log_file is not None:  # first, for it may be refused
            from otel_ia.configuration.line_outputs import make_line_outputs

            records += make_line_outputs(settings, levels, lambda: state.resource, redactor, losses)
        has_console = _wants_console(settings)
        is_shown = has_console and _wants_records_in_the_tree(settings)
        if has_console:
            from otel_ia.console import console_processors

            console_spans, console_records = console_processors(
                redactor=redactor.uncounted() if redactor is not None else None
            )
            spans.append(console_spans)
            if is_shown:
                from otel_ia.outputs.line_output import SeverityFloor

                records.append(levels.add("console", SeverityFloor(console_records), settings.log_console_level))
        state = TracingState(
            spans,
            resource=make_resource(settings),
            sampler=_make_sampler(settings),
            span_limits=_make_limits(settings),
            redactor=redactor,
        )
        outboxes = _make_outboxes(settings, state)
        for outbox in outboxes:
            if outbox.signal == "traces":
                state.sink = outbox.sink
                state.keeper = _make_keeper(settings, outbox)
            elif outbox.signal == "logs":
                sink = LogSink(outbox.sink, outbox.append_log, state.redactor)
                records.append(levels.add("otlp", sink, settings.log_otlp_level))
        is_without_choice = settings.traces_exporter is None and settings.console is None
        if is_without_choice and not (spans or records or outboxes or wants_prometheus(settings)):
            _logger.warning(
                "otel_ia has no output: set OTEL_EXPORTER_OTLP_ENDPOINT (say http://localhost:4318) to send to a "
                "collector, or OTEL_IA_CONSOLE=true to print here"
            )
        if (settings.keep_errors or settings.keep_slower_than is not None) and state.keeper is None:
            _logger.warning("keep_errors and keep_slower_than are of no effect: they need an endpoint, or spool=True")
        changes.callback(install_tracing(state))
        if is_provider_foreign():
            _logger.info("another library's tracer provider is installed; otel_ia is added to it as a processor")
        changes.callback(collect_records(records, state.resource, is_shown=is_shown, is_printed=is_printed))
        if any(outbox.signal == "logs" for outbox in outboxes):
            changes.callback(_send_exceptions_as_records(settings))
        exports, stop_measuring = measure(settings, state.resource, outboxes, state.redactor, losses)
        changes.callback(stop_measuring)
        changes.callback(_set_propagators(settings.propagators))
        changes.callback(capture_by_default(settings.capture))
        changes.callback(_set_logger_levels(settings))
        undo = changes.pop_all().close
    return Telemetry(
        settings, outboxes, [*spans, *records, *exports], undo, redactor=redactor, levels=levels, losses=losses
    )


def _set_logger_levels(settings: Settings) -> Callable[[], None]:
    with ExitStack() as changes:
        if settings.log_level is not None:
            changes.callback(set_logger_level("", settings.log_level))
        for name, level in settings.log_levels.items():
            changes.callback(set_logger_level(name, level))
        return changes.pop_all().close


def _send_exceptions_as_records(settings: Settings) -> Callable[[], None]:
    with ExitStack() as changes:
        if settings.uncaught_exceptions:
            changes.callback(record_uncaught())
        if settings.exception_signal != "events":
            changes.callback(tell_by(write_on_span, also_as_event=settings.exception_signal == "logs/dup"))
        return changes.pop_all().close


def _make_outboxes(settings: Settings, state: TracingState) -> list[Outbox]:
    destinations: dict[Signal, Destination] = {}
    if _wants_otlp(settings, settings.traces_exporter, settings.traces.endpoint):
        destinations["traces"] = settings.traces
    if _wants_otlp(settings, settings.logs_exporter, settings.logs.endpoint):
        destinations["logs"] = settings.logs
    if _wants_otlp(settings, settings.metrics_exporter, settings.metrics.endpoint):
        destinations["metrics"] = settings.metrics
    service = str(state.resource.attributes.get(semconv.SERVICE_NAME, ""))
    teller = Teller()
    return [
        Outbox(
            signal,
            destination,
            service=service,
            identity=partial(_identity_of, signal, state),
            keeping=make_keeping(settings),
            teller=teller,
        )
        for signal, destination in destinations.items()
    ]


def _identity_of(signal: Signal, state: TracingState) -> bytes:
    """What describes the process that made what is sent; another library's spans have that library's resource."""
    theirs = getattr(trace.get_tracer_provider(), "resource", None) if is_provider_foreign() else None
    resource = theirs if signal == "traces" and isinstance(theirs, Resource) else state.resource
    return redacted_resource(resource, state.redactor)


def make_keeping(settings: Settings) -> Keeping:
    """How the settings want the spool to keep."""
    return Keeping(
        is_on_disk=settings.spool is not False,
        directory=Path(settings.spool_directory) if settings.spool_directory is not None else None,
        size_limit=settings.spool_size,
        age_limit=settings.spool_age,
        durability=settings.durability,
    )


def make_settings_redactor(settings: Settings) -> Redactor | None:
    """What takes out secrets, as the settings want it."""
    own = settings.redact_keys or settings.redact_patterns or settings.redact_emails or settings.redact_callback
    if not (settings.redact or own):
        return None
    return make_redactor(
        keys=settings.redact_keys,
        patterns=settings.redact_patterns,
        emails=settings.redact_emails,
        callback=settings.redact_callback,
        knows_usual=settings.redact,
    )


def collect_records(
    processors: Sequence[LogRecordProcessor],
    resource: Resource,
    *,
    is_shown: bool = False,
    is_printed: bool = False,
    above_all: bool = False,
) -> Callable[[], None]:
    """Ids on every record of the standard library's logging, and each handed to the processors; returns the undo."""
    with ExitStack() as changes:
        state = logs.LoggingState(processors, resource=resource, is_shown=is_shown, is_printed=is_printed)
        changes.callback(stamp_records(str(resource.attributes.get(semconv.SERVICE_NAME, ""))))
        changes.callback(logs.install_logging(state, above_all=above_all))
        listen()
        return changes.pop_all().close


def make_resource(settings: Settings) -> Resource:
    """What describes this process: settings, then OpenTelemetry's own detectors."""
    attributes = dict(settings.resource_attributes)
    if settings.service_name is not None:
        attributes[semconv.SERVICE_NAME] = settings.service_name
    return Resource.create(attributes)


def _wants_otlp(settings: Settings, exporters: tuple[str, ...] | None, endpoint: str | None) -> bool:
    return "otlp" in exporters if exporters is not None else endpoint is not None or settings.spool is True


def _wants_console(settings: Settings) -> bool:
    if settings.console is not None:
        return settings.console
    if "console" in (*(settings.traces_exporter or ()), *(settings.logs_exporter or ())):
        return True
    if settings.traces_exporter is not None:
        return False
    if settings.traces.endpoint is not None or settings.logs.endpoint is not None:
        return False
    stream = sys.stderr
    return "ipykernel" in sys.modules or (stream is not None and stream.isatty())


def _wants_records_in_the_tree(settings: Settings) -> bool:
    is_chosen = settings.logs_exporter is None or "console" in settings.logs_exporter
    return is_chosen and settings.log_console == "tree"


def _make_sampler(settings: Settings) -> sampling.Sampler:
    rules = [read_rule(text, ratio) for text, ratio in settings.sampling_rules.items()]
    if not isinstance(settings.sampler, str):
        own = cast(sampling.Sampler, settings.sampler)
        return RuleSampler(rules, own) if rules else own
    name = settings.sampler.removeprefix("parentbased_")
    share = share_of(settings.sampler_arg) if name == "traceidratio" else None
    known = {"always_on": sampling.ALWAYS_ON, "always_off": sampling.ALWAYS_OFF}
    root: sampling.Sampler = share or known[name]
    sampler = sampling.ParentBased(root) if name != settings.sampler else root
    return RuleSampler(rules, sampler, share) if rules or share is not None else sampler


def _make_keeper(settings: Settings, outbox: Outbox) -> Keeper | None:
    slower_than = settings.keep_slower_than
    if not settings.keep_errors and slower_than is None:
        return None
    keeper = Keeper(
        keeps_errors=settings.keep_errors,
        slower_than=round(slower_than * 1e9) if slower_than is not None else None,
        limit=min(settings.keep_size, settings.spool_size // _KEPT_IN_SPOOL),
    )
    outbox.hold(keeper)
    return keeper


def _make_limits(settings: Settings) -> SpanLimits:
    return SpanLimits(
        max_attributes=settings.attribute_count_limit,
        max_events=settings.span_event_count_limit,
        max_links=settings.span_link_count_limit,
        max_span_attributes=settings.span_attribute_count_limit,
        max_event_attributes=settings.event_attribute_count_limit,
        max_link_attributes=settings.link_attribute_count_limit,
        max_attribute_length=_limit(settings.attribute_value_length_limit),
        max_span_attribute_length=_limit(settings.span_attribute_value_length_limit),
    )


def _limit(value: int | None) -> int:
    return SpanLimits.UNSET if value is None else value


def _set_propagators(names: Sequence[str]) -> Callable[[], None]:
    from importlib.metadata import entry_points

    before = propagate.get_global_textmap()
    found: list[TextMapPropagator] = [
        entry_points(group="opentelemetry_propagator", name=name)[name].load()() for name in names
    ]
    mine = CompositePropagator(found)
    propagate.set_global_textmap(mine)

    def undo() -> None:
        if propagate.get_global_textmap() is mine:
            propagate.set_global_textmap(before)

    return undo
