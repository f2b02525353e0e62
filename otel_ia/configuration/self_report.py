"""What becomes of the telemetry, as metrics: delivery's plain counters, asked for when metrics are read.

The names are OpenTelemetry's where there are any. Spans started and live are not among them: they are not counted,
which would take time in every call. Metrics are counted by the export and not by the data point, so that they go by
our own names alone.
"""

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from opentelemetry.metrics import CallbackOptions, CallbackT, Meter, MeterProvider, Observation

from otel_ia import semconv
from otel_ia.configuration.stats import Stats, take_stats
from otel_ia.outputs.losses import Losses
from otel_ia.redaction import Redactor
from otel_ia.sdk.outbox import Outbox

_NOUNS: Final = {"traces": "span", "logs": "log"}
_UNITS: Final = {"traces": "{span}", "logs": "{log_record}"}
_SPOOL: Final = {semconv.COMPONENT_TYPE: "otel_ia.spool"}


@dataclass(slots=True, weakref_slot=True, eq=False)
class Report:
    """One configuration's counters, and whether they are to be told at the moment."""

    outboxes: Sequence[Outbox]
    redactor: Redactor | None
    is_asked: Callable[[], bool]
    losses: Losses | None = None
    """Of log files."""
    taken: Stats | None = field(default=None)
    """The numbers of one reading: to count what waits takes a while when it is much."""


_reports: Final[weakref.WeakSet[Report]] = weakref.WeakSet()
_registered: Final[weakref.WeakSet[MeterProvider]] = weakref.WeakSet()
Ask = Callable[[Report, Stats], Iterable[Observation]]


def report_through(provider: MeterProvider, report: Report) -> None:
    """From now on the report is told by instruments of this provider, as long as somebody keeps it."""
    _reports.add(report)
    if provider not in _registered:
        _registered.add(provider)
        _register(provider.get_meter("otel_ia", schema_url=semconv.SCHEMA_URL))


def _register(meter: Meter) -> None:
    # callbacks are asked in the order in which they were registered: the first one takes the numbers for all
    meter.create_observable_counter(
        semconv.CREATED_LOGS, [_asking(_created, is_first=True)], "{log_record}", "Log records recorded."
    )
    for signal, processed, queued, exported in (
        ("traces", semconv.PROCESSED_SPANS, semconv.QUEUED_SPANS, semconv.EXPORTED_SPANS),
        ("logs", semconv.PROCESSED_LOGS, semconv.QUEUED_LOGS, semconv.EXPORTED_LOGS),
    ):
        unit = _UNITS[signal]
        meter.create_observable_counter(processed, [_asking(_processed, signal)], unit, "Given to the spool.")
        meter.create_observable_up_down_counter(queued, [_asking(_queued, signal)], unit, "Waiting in the spool.")
        meter.create_observable_counter(exported, [_asking(_exported, signal)], unit, "Sent, or refused for good.")
    counters: list[tuple[str, str, str, Ask]] = [
        (semconv.TELEMETRY_DROPPED, "{item}", "Spans, log records and exports of metrics that were lost.", _dropped),
        (semconv.TELEMETRY_REDACTED, "{secret}", "Secrets taken out.", _redacted),
        (semconv.TELEMETRY_REQUESTS, "{request}", "Requests to collectors.", _number("requests")),
        (semconv.TELEMETRY_RETRIED, "{request}", "Requests that were sent again.", _number("retried")),
        (semconv.TELEMETRY_ABANDONED, "{span}", "Spans open in processes that died.", _number("abandoned")),
    ]
    for name, unit, description, ask in counters:
        meter.create_observable_counter(name, [_asking(ask)], unit, description)
    meter.create_observable_up_down_counter(
        semconv.TELEMETRY_WAITING, [_asking(_waiting)], "By", "Not acknowledged, on disk."
    )
    meter.create_observable_gauge(semconv.TELEMETRY_LAG, [_asking(_lag)], "s", "From the end of a span to delivery.")


def _asking(ask: Callable[..., Iterable[Observation]], *more: Any, is_first: bool = False) -> CallbackT:
    def observe(_: CallbackOptions) -> Iterator[Observation]:
        for report in [report for report in list(_reports) if report.is_asked()]:
            if is_first or report.taken is None:
                report.taken = take_stats(report.outboxes, report.redactor, report.losses)
            yield from ask(report, report.taken, *more)

    return observe


def _processed(_: Report, stats: Stats, signal: str) -> Iterator[Observation]:
    if signal in stats.recorded:
        yield Observation(stats.recorded[signal], {**_SPOOL, semconv.COMPONENT_NAME: f"otel_ia.spool/{signal}"})


def _queued(report: Report, _: Stats, signal: str) -> Iterator[Observation]:
    for outbox in report.outboxes:
        if outbox.signal == signal:
            attributes = {**_SPOOL, semconv.COMPONENT_NAME: f"otel_ia.spool/{signal}"}
            yield Observation(outbox.spool.waiting_frames, attributes)


def _exported(report: Report, stats: Stats, signal: str) -> Iterator[Observation]:
    for outbox in report.outboxes:
        if outbox.signal == signal:
            kind = f"otlp_{outbox.protocol}_{_NOUNS[signal]}_exporter"
            attributes = {semconv.COMPONENT_TYPE: kind, semconv.COMPONENT_NAME: f"{kind}/0"}
            yield Observation(stats.delivered[signal] - stats.rejected[signal], attributes)
            for error, counts in ((semconv.REJECTED, stats.rejected), ("refused", stats.set_aside)):
                if counts[signal]:
                    yield Observation(counts[signal], {**attributes, semconv.ERROR_TYPE: error})


def _created(_: Report, stats: Stats) -> Iterator[Observation]:
    if "logs" in stats.recorded:
        yield Observation(stats.recorded["logs"])


def _dropped(_: Report, stats: Stats) -> Iterator[Observation]:
    for reason, count in stats.dropped.items():
        yield Observation(count, {semconv.TELEMETRY_REASON: reason})


def _redacted(_: Report, stats: Stats) -> Iterator[Observation]:
    for rule, count in stats.redacted.items():
        yield Observation(count, {semconv.TELEMETRY_REASON: rule})


def _waiting(_: Report, stats: Stats) -> Iterator[Observation]:
    for signal, size in stats.waiting_bytes.items():
        yield Observation(size, {semconv.TELEMETRY_SIGNAL: signal})


def _lag(_: Report, stats: Stats) -> Iterator[Observation]:
    for signal, seconds in stats.lag.items():
        if seconds:
            yield Observation(seconds, {semconv.TELEMETRY_SIGNAL: signal})


def _number(name: str) -> Ask:
    def ask(_: Report, stats: Stats) -> Iterator[Observation]:
        yield Observation(getattr(stats, name))

    return ask
