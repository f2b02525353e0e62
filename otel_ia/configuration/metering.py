"""Puts the settings of metrics into effect: what is measured, and where it goes."""

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import get_meter_provider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, MetricsData
from opentelemetry.sdk.resources import Resource

from otel_ia.configuration.self_report import Report, report_through
from otel_ia.configuration.settings import Settings
from otel_ia.outputs.losses import Losses
from otel_ia.recording.measures import Counting
from otel_ia.redaction import Redactor
from otel_ia.sdk.metering import Export, MeteringState, install_metering, is_provider_foreign, provider
from otel_ia.sdk.metric_export import MetricExport
from otel_ia.sdk.outbox import Outbox
from otel_ia.sdk.reading import Reading, Temporality
from otel_ia.sdk.tallies import in_memory

if TYPE_CHECKING:
    from otel_ia.prometheus.scrapes import Scrapes

_logger = logging.getLogger("otel_ia")
WRITTEN_EACH: Final = 5.0
"""Seconds, at most, after which a process shows the others of its service what its instruments have measured."""


def measure(
    settings: Settings,
    resource: Resource,
    outboxes: Sequence[Outbox],
    redactor: Redactor | None,
    losses: Losses | None = None,
) -> tuple[list[Export], Callable[[], None]]:
    """Metrics as the settings want them, of the telemetry itself too; the exports and the undo."""
    outputs: list[tuple[Temporality, Callable[[MetricsData], None]]] = [
        (settings.metric_temporality, _into(outbox, redactor)) for outbox in outboxes if outbox.signal == "metrics"
    ]
    if "console" in (settings.metrics_exporter or ()):
        outputs.append(("cumulative", _print))
    if not (outputs or wants_prometheus(settings)):
        return [], lambda: None
    readings = [make_reading(settings, temporality) for temporality, _ in outputs]
    scrapes = None
    if wants_prometheus(settings):
        if is_provider_foreign():
            _logger.warning("another library's meter provider is installed: otel_ia shows nothing to Prometheus")
        else:
            from otel_ia.configuration.scraping import make_scrapes

            readings.append(make_reading(settings, "cumulative", keeps_exemplars=True))
            scrapes = make_scrapes(settings, resource, readings[-1], redactor)
    state = MeteringState(
        readings,
        resource=resource,
        counting=make_counting(settings),
        views=settings.metric_views,
        exemplar_filter=settings.exemplar_filter,
        allot=scrapes.allot if scrapes is not None else in_memory,
        tell=_tell,
    )
    with ExitStack() as changes:
        changes.callback(install_metering(state))
        if is_provider_foreign():
            _logger.info("another library's meter provider is installed; otel_ia counts calls with its instruments")
            theirs = Report(outboxes, redactor, lambda: True, losses)
            report_through(get_meter_provider(), theirs)
            told = [theirs]
            changes.callback(told.clear)
            return [], changes.pop_all().close
        report = Report(outboxes, redactor, lambda: provider.current is state or state.is_ending, losses)
        report_through(provider, report)
        state.kept.append(report)
        sent = [(reading, output) for reading, (_, output) in zip(readings, outputs, strict=False)]
        exports = _make_exports(settings, state, sent, scrapes)
        for export in exports:
            export.start()
        return exports, changes.pop_all().close


def wants_prometheus(settings: Settings) -> bool:
    """Whether Prometheus is to be shown the metrics."""
    return "prometheus" in (settings.metrics_exporter or ())


def _make_exports(
    settings: Settings,
    state: MeteringState,
    sent: Sequence[tuple[Reading, Callable[[MetricsData], None]]],
    scrapes: "Scrapes | None",
) -> list[Export]:
    interval, patience = settings.metric_export_interval, settings.exit_timeout
    exports: list[Export] = [
        MetricExport(state, reading, [output], interval=interval, patience=patience) for reading, output in sent
    ]
    if scrapes is not None:
        exports.append(MetricExport(state, scrapes, [], interval=min(WRITTEN_EACH, interval), patience=patience))
        scrapes.watch(state)
        exports.append(scrapes)
    return exports


def make_reading(settings: Settings, temporality: Temporality, *, keeps_exemplars: bool = False) -> Reading:
    """A way to read metrics as the settings want it."""
    return Reading(
        temporality,
        limit=settings.metric_cardinality_limit,
        has_exemplars=settings.exemplar_filter != "always_off",
        keeps_exemplars=keeps_exemplars,
    )


def make_counting(settings: Settings) -> Counting:
    """How the settings want calls to be counted."""
    return Counting(
        is_on=settings.call_metrics,
        bounds=settings.duration_buckets,
        attributes=settings.metric_attributes,
        limit=settings.metric_cardinality_limit,
    )


def _into(outbox: Outbox, redactor: Redactor | None) -> Callable[[MetricsData], None]:
    def append(data: MetricsData) -> None:
        from otel_ia.sdk.metric_wire import encode  # loads protobuf, which nothing before needs

        messages, lost = encode(data, redactor)
        for message in messages:
            outbox.append_metrics(message)
        if lost:
            outbox.spool.counters.drop("not encodable", lost)

    return append


def _print(data: MetricsData) -> None:
    ConsoleMetricExporter(out=sys.stderr).export(data)  # the stream of this moment


def _tell(sentence: str) -> None:
    _logger.warning("%s", sentence)
