"""Puts settings into effect: providers, processors, log records, propagators."""

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import cast

from opentelemetry import propagate
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, sampling

from otel_ia import semconv
from otel_ia.configuration.settings import Settings
from otel_ia.configuration.telemetry import Telemetry
from otel_ia.delivery import official
from otel_ia.delivery.sender import Sender
from otel_ia.recording.correlation import add_handler_above_root, stamp_records
from otel_ia.sdk import logs, tracing
from otel_ia.sdk.records import record_handler

_logger = logging.getLogger("otel_ia")


def put_into_effect(settings: Settings) -> Telemetry:
    """Makes the settings take effect on top of what is in effect; the handle takes them back."""
    if settings.disabled:
        return Telemetry(settings, [], lambda: None)
    with ExitStack() as changes:
        resource = make_resource(settings)
        senders: list[Sender] = []
        spans: list[SpanProcessor] = []
        records: list[LogRecordProcessor] = []
        is_shown = _wants_console(settings)
        if is_shown:
            from otel_ia.console import console_processors

            console_spans, console_records = console_processors()
            spans.append(console_spans)
            if settings.logs_exporter is None or "console" in settings.logs_exporter:
                records.append(console_records)
            senders += [Sender(console_spans), Sender(console_records)]
        if _wants_otlp(settings.traces_exporter, settings.traces.endpoint):
            spans.append(official.span_processor(settings.traces))
            senders.append(Sender(spans[-1]))
        if _wants_otlp(settings.logs_exporter, settings.logs.endpoint):
            records.append(official.log_processor(settings.logs))
            senders.append(Sender(records[-1]))
        if not spans and settings.traces_exporter is None and settings.console is None:
            _logger.warning(
                "otel_ia has no output: set OTEL_EXPORTER_OTLP_ENDPOINT (say http://localhost:4318) to send to a "
                "collector, or OTEL_IA_CONSOLE=true to print here"
            )
        state = tracing.TracingState(
            spans, resource=resource, sampler=_make_sampler(settings), span_limits=_make_limits(settings)
        )
        changes.callback(tracing.install_tracing(state))
        if tracing.is_provider_foreign():
            _logger.info("another library's tracer provider is installed; otel_ia is added to it as a processor")
        changes.callback(collect_records(records, resource, is_shown=is_shown))
        changes.callback(_set_propagators(settings.propagators))
        if settings.log_level is not None:
            changes.callback(_set_root_level(settings.log_level))
        undo = changes.pop_all().close
    return Telemetry(settings, senders, undo)


def collect_records(
    processors: Sequence[LogRecordProcessor], resource: Resource, *, is_shown: bool = False, above_all: bool = False
) -> Callable[[], None]:
    """Ids on every record of the standard library's logging, and each handed to the processors; returns the undo."""
    with ExitStack() as changes:
        state = logs.LoggingState(processors, resource=resource, is_shown=is_shown)
        changes.callback(stamp_records(str(resource.attributes.get(semconv.SERVICE_NAME, ""))))
        changes.callback(logs.install_logging(state, above_all=above_all))
        changes.callback(add_handler_above_root(record_handler))
        return changes.pop_all().close


def make_resource(settings: Settings) -> Resource:
    """What describes this process: settings, then OpenTelemetry's own detectors."""
    attributes = dict(settings.resource_attributes)
    if settings.service_name is not None:
        attributes[semconv.SERVICE_NAME] = settings.service_name
    return Resource.create(attributes)


def _wants_otlp(exporters: tuple[str, ...] | None, endpoint: str | None) -> bool:
    return "otlp" in exporters if exporters is not None else endpoint is not None


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


def _make_sampler(settings: Settings) -> sampling.Sampler:
    if not isinstance(settings.sampler, str):
        return cast(sampling.Sampler, settings.sampler)
    name = settings.sampler.removeprefix("parentbased_")
    root: sampling.Sampler = {
        "always_on": sampling.ALWAYS_ON,
        "always_off": sampling.ALWAYS_OFF,
        "traceidratio": sampling.TraceIdRatioBased(settings.sampler_arg),
    }[name]
    return sampling.ParentBased(root) if name != settings.sampler else root


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


def _set_root_level(level: int) -> Callable[[], None]:
    root = logging.getLogger()
    before = root.level
    root.setLevel(level)

    def undo() -> None:
        if root.level == level:
            root.setLevel(before)

    return undo
