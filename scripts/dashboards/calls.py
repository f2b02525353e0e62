"""The dashboards of calls: all operations of services, and one operation in depth."""

from __future__ import annotations

from parts import Json, Panel, Query, dashboard, none_yet, number, variable

COUNT = "ia_call_duration_seconds_count"
SERVICE = variable(
    "job", "Service", f"label_values({COUNT}, job)", many=True, description="service.name of the programs to look at."
)
ONE_SERVICE = variable("job", "Service", f"label_values({COUNT}, job)", description="service.name of the programs.")
OPERATION = variable(
    "operation",
    "Operation",
    f'label_values({COUNT}{{job="$job"}}, ia_operation)',
    description="Name of the monitored function or block.",
)
TO_OPERATION = (
    "This operation in depth",
    "/d/otel-ia-operation?var-job=${__field.labels.job}&var-operation=${__field.labels.ia_operation}&${__url_time_range}",
)
ROW_TO_OPERATION = (
    "This operation in depth",
    "/d/otel-ia-operation?var-job=${__data.fields.Service}&var-operation=${__data.fields.Operation}&${__url_time_range}",
)
MINE = '{job=~"$job"}'
CALLS = f"job_operation:ia_call_duration_seconds_count:rate5m{MINE}"
FAILED = f"job_operation:ia_call_failures_per_call:ratio_rate5m{MINE}"
P95 = f"job_operation:ia_call_duration_seconds:p95_5m{MINE}"
OBJECTIVE = f"job_operation:ia_objective_seconds:effective{MINE}"
BUDGET = f"job_operation:ia_error_budget:burn_rate1h{MINE}"
EACH = "{{job}} {{ia_operation}}"
THIS = 'job="$job", ia_operation="$operation"'
THESE = f"{{{THIS}}}"


def overview() -> Json:
    """All operations of the chosen services."""
    return dashboard(
        "otel-ia-overview",
        "otel_ia: services",
        "Rate, errors and duration of every monitored operation. Begin here; a click on a line opens that operation.",
        [SERVICE],
        [("Now", _now()), ("Operations", [_table_of_operations(), *_operations()])],
    )


def operation() -> Json:
    """One operation, down to its traces."""
    return dashboard(
        "otel-ia-operation",
        "otel_ia: one operation",
        "One monitored operation in depth. A dot (exemplar) on a graph is one call and opens its trace in Jaeger.",
        [ONE_SERVICE, OPERATION],
        [("Durations", _durations()), ("Calls", _calls())],
    )


def _now() -> list[Panel]:
    """The numbers at the top, and the alerts that fire."""
    alerts = 'ALERTS{alertstate="firing", alertname=~"Ia.*|Collector.*"}'
    failures = f"job_operation:ia_call_failures:rate5m{MINE}"
    return [
        number("Calls", "Monitored calls that ended, a second, of all operations.", f"sum({CALLS})", "cps"),
        number(
            "Failed",
            "Share of these calls that ended in an error.",
            f"sum({failures}) / (sum({CALLS}) > 0)",
            "percentunit",
        ),
        number("In flight", "Calls that have begun and not ended.", f"sum(ia_call_active{MINE})", "short"),
        number(
            "Too slow",
            "Operations of which more than one call in 20 is slower than its objective.",
            f"count({P95} > {OBJECTIVE}) or vector(0)",
            "short",
        ),
        number(
            "Over budget",
            "Operations that fail so often that their error budget does not last.",
            f"count({BUDGET} > 1) or vector(0)",
            "short",
        ),
        number("Alerts", "How many alerts fire, of all services.", f"count({alerts}) or vector(0)", "short"),
        Panel(
            "Alerts that fire",
            "What Prometheus has found to be wrong. Its page Alerts has what each means and what to look at next.",
            (
                Query(
                    none_yet(f"count by (alertname, job, ia_operation, severity) ({alerts})", "alertname"),
                    "{{alertname}}",
                    kind="table",
                ),
            ),
            "short",
            kind="table",
            width=24,
            height=5,
            columns=(
                ("alertname", "Alert", "string"),
                ("severity", "Severity", "string"),
                ("job", "Service", "string"),
                ("ia_operation", "Operation", "string"),
                ("Value", "Firing", "short"),
            ),
        ),
    ]


def _table_of_operations() -> Panel:
    return Panel(
        "Operations",
        "Each operation now: calls a second, share that failed, the time that 95 of 100 calls stay below, what "
        "it is held to, and how fast it spends its error budget (1: exactly all of it).",
        (
            *(
                Query(f"sum by (job, ia_operation) ({column})", name, kind="table")  # without __name__, to merge
                for name, column in (
                    ("calls", CALLS),
                    ("failed", FAILED),
                    ("p95", P95),
                    ("objective", OBJECTIVE),
                    ("budget", BUDGET),
                )
            ),
        ),
        "short",
        kind="table",
        width=24,
        height=10,
        columns=(
            ("job", "Service", "string"),
            ("ia_operation", "Operation", "string"),
            ("Value #A", "Calls", "cps"),
            ("Value #B", "Failed", "percentunit"),
            ("Value #C", "p95", "s"),
            ("Value #D", "Objective", "s"),
            ("Value #E", "Budget spent at", "short"),
        ),
        link=ROW_TO_OPERATION,
    )


def _operations() -> list[Panel]:
    """How every operation goes."""
    return [
        Panel(
            "Calls",
            "Calls that ended, a second, averaged over five minutes.",
            (Query(CALLS, EACH),),
            "cps",
            link=TO_OPERATION,
        ),
        Panel(
            "Failed calls",
            "Share of calls that ended in an error. Cancelled calls and streams closed early are no errors.",
            (Query(FAILED, EACH),),
            "percentunit",
            link=TO_OPERATION,
        ),
        Panel(
            "Duration that 95 of 100 calls stay below (p95)",
            "One call in 20 takes longer.",
            (Query(P95, EACH),),
            "s",
            link=TO_OPERATION,
        ),
        Panel(
            "Calls in flight",
            "Begun and not ended. A line that only climbs means calls that hang, or more work than the service can do.",
            (Query(f"sum by (job, ia_operation) (ia_call_active{MINE})", EACH),),
            "short",
            link=TO_OPERATION,
        ),
        Panel(
            "How fast the error budget is spent",
            "1 spends exactly what the objective allows, 10 spends a month's budget in three days. An alert begins at "
            "14.4 for an hour.",
            (Query(BUDGET, EACH),),
            "short",
            link=TO_OPERATION,
        ),
        Panel(
            "Errors by type",
            "Failed calls a second, by the class of the exception. A call and the call around it both count.",
            (
                Query(
                    none_yet(
                        f'sum by (error_type) (rate({COUNT}{{job=~"$job", ia_outcome="error"}}[5m]))', "error_type"
                    ),
                    "{{error_type}}",
                ),
            ),
            "cps",
        ),
    ]


def _durations() -> list[Panel]:
    """How long its calls take."""
    buckets = f"sum by (le) (rate(ia_call_duration_seconds_bucket{THESE}[5m]))"
    p95_1h = f"job_operation:ia_call_duration_seconds:p95_1h{THESE}"
    return [
        Panel(
            "How long calls take",
            "Half of the calls are faster than p50, 95 of 100 faster than p95, 99 of 100 faster than p99. Each dot is "
            "one call; it opens its trace in Jaeger.",
            (
                Query(f"histogram_quantile(0.5, {buckets})", "p50", dots=True),
                Query(f"histogram_quantile(0.95, {buckets})", "p95"),
                Query(f"histogram_quantile(0.99, {buckets})", "p99"),
                Query(f"job_operation:ia_call_duration_seconds:mean5m{THESE}", "mean"),
                Query(f"job_operation:ia_objective_seconds:effective{THESE}", "objective for p95"),
            ),
            "s",
            width=24,
            height=10,
        ),
        Panel(
            "Where durations lie",
            "Calls a second in each range of durations, the number in the cell. Two bands mean two kinds of calls. "
            "Dots are calls that open in Jaeger.",
            (Query(buckets, "{{le}}", dots=True, kind="heatmap"),),
            "s",
            kind="heatmap",
            height=10,
        ),
        Panel(
            "Against the day before",
            "p95 of the last hour, divided by that of the same hour a day earlier: 1 is as before, 2 twice as slow. 1 "
            "too where there is nothing to compare with.",
            (Query(f"{p95_1h} / ({p95_1h} offset 1d or {p95_1h})", "times as slow"),),
            "short",
            height=10,
        ),
    ]


def _calls() -> list[Panel]:
    """How its calls end, and where."""
    return [
        Panel(
            "Calls by outcome",
            "Calls that ended, a second: well, with an error, cancelled, or closed early by who consumed the stream.",
            (Query(f"sum by (ia_outcome) (rate({COUNT}{THESE}[5m]))", "{{ia_outcome}}"),),
            "cps",
        ),
        Panel(
            "Errors by type",
            "Failed calls a second, by the class of the exception.",
            (
                Query(
                    none_yet(f'sum by (error_type) (rate({COUNT}{{{THIS}, ia_outcome="error"}}[5m]))', "error_type"),
                    "{{error_type}}",
                ),
            ),
            "cps",
        ),
        Panel(
            "Calls in flight",
            "Begun and not ended, by process.",
            (Query(f"sum by (instance) (ia_call_active{THESE})", "{{instance}}"),),
            "short",
        ),
        Panel(
            "Calls by process",
            "Calls that ended, a second. One process far below the others has a problem of its own.",
            (Query(f"sum by (instance) (rate({COUNT}{THESE}[5m]))", "{{instance}}"),),
            "cps",
        ),
        Panel(
            "Failed, over short and long windows",
            "Share of calls that failed in the last 5 minutes, hour, 6 hours and 3 days, and the share that the "
            "objective allows.",
            (
                *(
                    Query(f"job_operation:ia_call_failures_per_call:ratio_rate{window}{THESE}", window)
                    for window in ("5m", "1h", "6h", "3d")
                ),
                Query(f"job_operation:ia_error_budget:ratio{THESE}", "allowed by the objective"),
            ),
            "percentunit",
        ),
        Panel(
            "By model",
            "p95 by name and version of the model, where calls have them: compare a release with the one before.",
            (
                Query(
                    "histogram_quantile(0.95, sum by (le, ia_model_name, ia_model_version) "
                    f"(rate(ia_call_duration_seconds_bucket{THESE}[5m])))",
                    "p95 {{ia_model_name}} {{ia_model_version}}",
                ),
            ),
            "s",
        ),
    ]
