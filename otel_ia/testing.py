"""See what was recorded, in tests: `with record() as seen:`."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.metrics.export import HistogramDataPoint, Metric, MetricsData, NumberDataPoint
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator

from otel_ia import clock, guard, semconv
from otel_ia.configuration.effect import collect_records
from otel_ia.recording.measures import CARDINALITY_LIMIT, Counting
from otel_ia.recording.switch import switch_on
from otel_ia.sdk.home import TracingState
from otel_ia.sdk.metering import MeteringState, install_metering
from otel_ia.sdk.provider import install_tracing
from otel_ia.sdk.reading import Reading

Tree = list[Any]
"""Names of spans, each followed by the list of its children if it has any: `["request", ["preprocess", "infer"]]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSeen:
    """An event of a span; `time` in nanoseconds since the epoch."""

    name: str
    attributes: Mapping[str, Any]
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanSeen:
    """A span that has ended; ids in hex, times in nanoseconds since the epoch."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    start: int
    end: int
    attributes: Mapping[str, Any]
    events: Sequence[EventSeen]
    status: str
    """`UNSET`, `OK` or `ERROR`."""
    message: str | None
    """The status's description."""
    kind: str
    links: Sequence[tuple[str, str]]
    """Trace id and span id of each link."""
    scope: str
    resource: Mapping[str, Any]

    @property
    def seconds(self) -> float:
        """From start to end."""
        return (self.end - self.start) / 1e9

    @property
    def outcome(self) -> str:
        """How the call ended: `ok` or what `ia.outcome` says."""
        return str(self.attributes.get(semconv.OUTCOME, "ok"))

    @property
    def exceptions(self) -> list[Mapping[str, Any]]:
        """The attributes of the span's `exception` events."""
        return [event.attributes for event in self.events if event.name == semconv.EXCEPTION_EVENT]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSeen:
    """A log record; ids in hex, empty outside a span."""

    body: Any
    severity: str
    logger: str
    trace_id: str
    span_id: str
    attributes: Mapping[str, Any]
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSeen:
    """One series of a metric: its name and attributes, and what it has come to."""

    name: str
    unit: str
    attributes: Mapping[str, Any]
    value: float
    """Of a histogram the sum."""
    count: int
    """How many values a histogram has; 1 for other metrics."""
    buckets: Mapping[float, int]
    """Of a histogram: how many values lie in each bucket that has any, by its upper bound."""
    exemplars: Sequence[str]
    """Ids of the traces that values are taken from."""
    scope: str


@dataclass(slots=True)
class Recording:
    """What was recorded since the block began: spans in the order they ended, log records as they were written."""

    spans: list[SpanSeen] = field(default_factory=list)
    logs: list[LogSeen] = field(default_factory=list)
    read_metrics: Callable[[], list[MetricSeen]] = list

    @property
    def metrics(self) -> list[MetricSeen]:
        """Every series at this moment."""
        return self.read_metrics()

    def metric(self, name: str, attributes: Mapping[str, Any] | None = None) -> MetricSeen:
        """The one series of this metric that has these attributes, and perhaps more.

        Raises:
            LookupError: there is none, or there are several.
        """
        wanted = (attributes or {}).items()
        series = self.metrics
        found = [seen for seen in series if seen.name == name and wanted <= seen.attributes.items()]
        if len(found) != 1:
            others = ", ".join(f"{seen.name} {dict(seen.attributes)}" for seen in series) or "no metrics"
            raise LookupError(
                f"{len(found)} series are named {name!r} with {dict(attributes or {})}; there are {others}"
            )
        return found[0]

    def span(self, name: str) -> SpanSeen:
        """The one span of this name.

        Raises:
            LookupError: there is none, or there are several.
        """
        found = [span for span in self.spans if span.name == name]
        if len(found) != 1:
            names = ", ".join(span.name for span in self.spans) or "no spans"
            raise LookupError(f"{len(found)} spans are named {name!r}; there are {names}")
        return found[0]

    @property
    def names(self) -> list[str]:
        """The spans' names, in the order the spans began."""
        return [span.name for span in self._by_start()]

    @property
    def tree(self) -> Tree:
        """The spans by parent, in the order they began."""
        children: dict[str | None, list[SpanSeen]] = {}
        known = {span.span_id for span in self.spans}
        for span in self._by_start():
            children.setdefault(span.parent_id if span.parent_id in known else None, []).append(span)
        return list(_branches(children, None))

    def _by_start(self) -> list[SpanSeen]:
        # of spans with one start the parent, which ends last, comes first
        last_first = self.spans[::-1]
        return sorted(last_first, key=lambda span: span.start)

    def clear(self) -> None:
        """Forgets what was recorded so far."""
        self.spans.clear()
        self.logs.clear()


@contextmanager
def record(*, deterministic: bool = False) -> Iterator[Recording]:
    """Records spans, log records and metrics in memory instead of delivering them, for the time of the block.

    What `configure` has set up is back afterwards. Inside, our own failures, swallowed in production, are raised.

    Args:
        deterministic: ids count from 1, and the clock starts at 2020-01-01 and advances by 1 ms a reading.
    """
    seen = Recording()
    resource = Resource.create({semconv.SERVICE_NAME: "test"})
    with ExitStack() as changes:
        changes.callback(guard.raise_failures())
        reading = Reading(limit=CARDINALITY_LIMIT, keeps_exemplars=True)
        metering = MeteringState([reading], resource=resource, counting=Counting(), tell=lambda _: None)
        seen.read_metrics = lambda: list(_metrics_seen(reading.read()))
        if deterministic:
            changes.callback(_set_clock(itertools.count(1_577_836_800_000_000_000, 1_000_000).__next__))
        state = TracingState(
            [_SpanMemory(seen)],
            resource=resource,
            id_generator=_CountingIds() if deterministic else None,
            heeds_shares=False,
        )
        changes.callback(switch_on())
        changes.callback(install_tracing(state, above_all=True))
        changes.callback(install_metering(metering, above_all=True))
        changes.callback(collect_records([_LogMemory(seen)], resource, above_all=True))
        yield seen


def _branches(children: Mapping[str | None, list[SpanSeen]], parent: str | None) -> Iterator[Any]:
    for span in children.get(parent, ()):
        yield span.name
        if below := list(_branches(children, span.span_id)):
            yield below


def _set_clock(read: Callable[[], int]) -> Callable[[], None]:
    before = clock.wall, clock.monotonic
    clock.wall = clock.monotonic = read

    def undo() -> None:
        clock.wall, clock.monotonic = before

    return undo


class _CountingIds(IdGenerator):
    def __init__(self) -> None:
        self._trace_ids = itertools.count(1)
        self._span_ids = itertools.count(1)

    def generate_trace_id(self) -> int:
        return next(self._trace_ids)

    def generate_span_id(self) -> int:
        return next(self._span_ids)


class _SpanMemory(SpanProcessor):
    def __init__(self, seen: Recording) -> None:
        self._seen = seen

    def on_end(self, span: ReadableSpan) -> None:
        self._seen.spans.append(_span_seen(span))


class _LogMemory(LogRecordProcessor):
    def __init__(self, seen: Recording) -> None:
        self._seen = seen

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        self._seen.logs.append(_log_seen(log_record))

    def shutdown(self) -> None:
        """Has nothing to end."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the processor's signature
        return True


def _span_seen(span: ReadableSpan) -> SpanSeen:
    context = span.get_span_context()
    assert context is not None
    return SpanSeen(
        name=span.name,
        trace_id=f"{context.trace_id:032x}",
        span_id=f"{context.span_id:016x}",
        parent_id=f"{span.parent.span_id:016x}" if span.parent is not None else None,
        start=span.start_time or 0,
        end=span.end_time or 0,
        attributes=dict(span.attributes or {}),
        events=[
            EventSeen(name=event.name, attributes=dict(event.attributes or {}), time=event.timestamp)
            for event in span.events
        ],
        status=span.status.status_code.name,
        message=span.status.description,
        kind=span.kind.name,
        links=[(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}") for link in span.links],
        scope=span.instrumentation_scope.name if span.instrumentation_scope is not None else "",
        resource=dict(span.resource.attributes),
    )


def _log_seen(record: ReadWriteLogRecord) -> LogSeen:
    written = record.log_record
    scope = record.instrumentation_scope
    return LogSeen(
        body=written.body,
        severity=written.severity_text or "",
        logger=scope.name if scope is not None else "",
        trace_id=f"{written.trace_id:032x}" if written.trace_id else "",
        span_id=f"{written.span_id:016x}" if written.span_id else "",
        attributes=dict(written.attributes or {}),
        time=written.timestamp or 0,
    )


def _metrics_seen(data: MetricsData | None) -> Iterator[MetricSeen]:
    for resource in data.resource_metrics if data is not None else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    yield _metric_seen(scope.scope.name, metric, point)


def _metric_seen(scope: str, metric: Metric, point: Any) -> MetricSeen:
    is_histogram = isinstance(point, HistogramDataPoint)
    bounds = [*point.explicit_bounds, math.inf] if is_histogram else []
    return MetricSeen(
        name=metric.name,
        unit=metric.unit or "",
        attributes=dict(point.attributes or {}),
        value=point.value if isinstance(point, NumberDataPoint) else point.sum,
        count=1 if isinstance(point, NumberDataPoint) else point.count,
        buckets={bound: count for bound, count in zip(bounds, point.bucket_counts, strict=True) if count}
        if is_histogram
        else {},
        exemplars=[f"{exemplar.trace_id:032x}" for exemplar in point.exemplars if exemplar.trace_id],
        scope=scope,
    )
