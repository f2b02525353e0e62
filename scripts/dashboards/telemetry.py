"""The dashboard of the telemetry itself: what services tell of their spools, and the Collector of its queues."""

from __future__ import annotations

from parts import Json, Panel, Query, dashboard, none_yet, number, variable

SERVICE = variable(
    "job",
    "Service",
    "label_values(ia_telemetry_requests_total, job)",
    many=True,
    description="service.name of the programs to look at.",
)
SIGNALS = (("spans", "spans"), ("log_records", "log records"), ("metric_points", "metric points"))
MINE = '{job=~"$job"}'
FAILED = '{job=~"$job", error_type!=""}'
TAKEN = '{job=~"$job", error_type=""}'


def telemetry() -> Json:
    """Whether everything that is recorded arrives."""
    return dashboard(
        "otel-ia-telemetry",
        "otel_ia: health of the telemetry",
        "Whether everything that is recorded arrives. Where this is not well, the other dashboards do not tell all.",
        [SERVICE],
        [("Now", _now()), ("Services", [*_waiting(), *_passing()]), ("Collector", _collector())],
    )


def _now() -> list[Panel]:
    """What is lost, refused, waiting and late at this moment."""
    refused = f"(otel_sdk_exporter_span_exported_total{FAILED} or otel_sdk_exporter_log_exported_total{FAILED})"
    return [
        number(
            "Lost",
            "Spans, log records and exports of metrics that these programs have lost since they began. It should be 0.",
            f"sum(ia_telemetry_dropped_total{MINE}) or vector(0)",
            "short",
        ),
        number(
            "Refused",
            "Spans and log records that the collector did not take for good. Set aside in the spool, not lost.",
            f"sum({refused}) or vector(0)",
            "short",
        ),
        number("In the spool", "What waits for the collector.", f"sum(ia_telemetry_waiting_bytes{MINE})", "bytes"),
        number(
            "Late by",
            "Age of the oldest span or log record of the last batch when it was delivered.",
            f"max(ia_telemetry_lag_seconds{MINE})",
            "s",
        ),
        number(
            "Abandoned",
            "Calls that were open when their process died, since these programs began.",
            f"sum(ia_telemetry_abandoned_total{MINE})",
            "short",
        ),
        number(
            "Collector",
            "Ports of the Collector that answer Prometheus: its own numbers and the services'.",
            'sum(up{job=~"collector|telemetry"})',
            "short",
        ),
    ]


def _waiting() -> list[Panel]:
    """What services tell of their spools."""
    return [
        Panel(
            "Lost, by reason",
            "A second. Anything above 0 is missing from graphs and traces; the reason says which limit was met.",
            (
                Query(
                    none_yet(
                        f"sum by (job, ia_telemetry_reason) (rate(ia_telemetry_dropped_total{MINE}[5m]))",
                        "ia_telemetry_reason",
                    ),
                    "{{job}} {{ia_telemetry_reason}}",
                ),
            ),
            "cps",
        ),
        Panel(
            "Waiting in the spool",
            "Bytes that the collector has not acknowledged. It grows while it is away and empties by itself.",
            (
                Query(
                    f"sum by (job, ia_telemetry_signal) (ia_telemetry_waiting_bytes{MINE})",
                    "{{job}} {{ia_telemetry_signal}}",
                ),
            ),
            "bytes",
        ),
        Panel(
            "Delay of delivery",
            "From the end of the oldest span or log record of a batch to its delivery. Usually below a second.",
            (
                Query(
                    f"max by (job, ia_telemetry_signal) (ia_telemetry_lag_seconds{MINE})",
                    "{{job}} {{ia_telemetry_signal}}",
                ),
            ),
            "s",
        ),
        Panel(
            "Spans and log records in the spool",
            "How many wait there.",
            (
                Query(f"sum by (job) (otel_sdk_processor_span_queue_size{MINE})", "spans {{job}}"),
                Query(f"sum by (job) (otel_sdk_processor_log_queue_size{MINE})", "log records {{job}}"),
            ),
            "short",
        ),
    ]


def _passing() -> list[Panel]:
    """What services tell of what they have recorded, sent, taken out and found abandoned."""
    return [
        Panel(
            "Spans, recorded and delivered",
            "A second. The two lines part while something waits, and come together again.",
            (
                _each_second("otel_sdk_processor_span_processed_total", "recorded"),
                _each_second("otel_sdk_exporter_span_exported_total", "delivered", of=TAKEN),
            ),
            "cps",
        ),
        Panel(
            "Log records, recorded and delivered",
            "A second.",
            (
                _each_second("otel_sdk_log_created_total", "recorded"),
                _each_second("otel_sdk_processor_log_processed_total", "in the spool"),
                _each_second("otel_sdk_exporter_log_exported_total", "delivered", of=TAKEN),
            ),
            "cps",
        ),
        Panel(
            "Requests to the collector",
            "A second, and those that came to nothing and were sent again.",
            (
                _each_second("ia_telemetry_requests_total", "requests"),
                _each_second("ia_telemetry_retried_total", "sent again"),
            ),
            "reqps",
        ),
        Panel(
            "Refused by the collector",
            "Spans and log records that it will not take, a second, and why.",
            (
                Query(
                    none_yet(
                        "sum by (job, error_type) (rate(otel_sdk_exporter_span_exported_total"
                        f"{FAILED}[5m]) or rate(otel_sdk_exporter_log_exported_total{FAILED}[5m]))",
                        "error_type",
                    ),
                    "{{job}} {{error_type}}",
                ),
            ),
            "cps",
        ),
        Panel(
            "Secrets taken out",
            "Passwords, tokens and keys that were taken out before anything was written, a second, by rule.",
            (
                Query(
                    none_yet(
                        f"sum by (job, ia_telemetry_reason) (rate(ia_telemetry_redacted_total{MINE}[5m]))",
                        "ia_telemetry_reason",
                    ),
                    "{{job}} {{ia_telemetry_reason}}",
                ),
            ),
            "cps",
        ),
        Panel(
            "Abandoned calls",
            "Calls that were open when their process died (kill, out of memory, a crash), in five minutes.",
            (Query(f"sum by (job) (increase(ia_telemetry_abandoned_total{MINE}[5m]))", "{{job}}"),),
            "short",
        ),
    ]


def _collector() -> list[Panel]:
    """What the Collector tells of its queues."""
    return [
        Panel(
            "Queue",
            "Share of the queue for each backend that is taken. When it is full the Collector refuses.",
            (
                Query(
                    "sum by (exporter) (otelcol_exporter_queue_size)"
                    " / sum by (exporter) (otelcol_exporter_queue_capacity)",
                    "{{exporter}}",
                ),
            ),
            "percentunit",
        ),
        Panel(
            "Refused",
            "Items a second that the Collector sent back to services, which keep them and come again.",
            tuple(
                Query(f"sum(rate(otelcol_receiver_refused_{signal}[5m])) or vector(0)", name)
                for signal, name in SIGNALS
            ),
            "cps",
        ),
        Panel(
            "Received",
            "Items a second that it took.",
            tuple(
                Query(f"sum(rate(otelcol_receiver_accepted_{signal}[5m])) or vector(0)", name)
                for signal, name in SIGNALS
            ),
            "cps",
        ),
        Panel(
            "Sent on",
            "Items a second, by where to.",
            tuple(
                Query(f"sum by (exporter) (rate(otelcol_exporter_sent_{signal}[5m]))", f"{name} {{{{exporter}}}}")
                for signal, name in SIGNALS
            ),
            "cps",
        ),
        Panel(
            "Given up",
            "Items a second that a backend refused for good, or that found the queue full.",
            tuple(
                Query(none_yet(f"sum by (exporter) (rate(otelcol_exporter_{what}_{signal}[5m]))", "exporter"), name)
                for signal, noun in SIGNALS[:2]
                for what, name in (
                    ("send_failed", f"{noun} refused {{{{exporter}}}}"),
                    ("enqueue_failed", f"{noun} no room {{{{exporter}}}}"),
                )
            ),
            "cps",
        ),
        Panel(
            "Memory",
            "Of the Collector's process. Near COLLECTOR_MEMORY_MIB it refuses.",
            (Query("otelcol_process_memory_rss", "{{instance}}"),),
            "bytes",
        ),
    ]


def _each_second(counter: str, name: str, *, of: str = MINE) -> Query:
    return Query(f"sum by (job) (rate({counter}{of}[5m]))", f"{name} {{{{job}}}}")
