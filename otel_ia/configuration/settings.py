"""The table of settings: one row per option, with its environment name, how it is read, its default and its meaning."""

# ruff: noqa: E501, RUF009 - one row per option, each a dataclass field
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal

from otel_ia.configuration.endpoints import endpoint, folder, mask_url, proxy, readable_file
from otel_ia.configuration.mappings import (
    AttributeValue,
    headers,
    log_levels,
    mask_headers,
    resource_attributes,
    sampling_rules,
)
from otel_ia.configuration.numbers import (
    age,
    bounds,
    interval,
    limit,
    port,
    positive_seconds,
    ratio,
    seconds,
    size,
    whole_number,
)
from otel_ia.configuration.numbers import log_level as level
from otel_ia.configuration.parsing import (
    Mask,
    Parser,
    Sampler,
    boolean,
    exception_signal,
    exporters,
    host,
    metric_exporters,
    one_of,
    propagators,
    sampler,
    text,
    texts,
    views,
)
from otel_ia.configuration.redacting import redacting_function, secret_keys, secret_patterns
from otel_ia.recording.measures import CARDINALITY_LIMIT, DURATION_BOUNDS, METRIC_ATTRIBUTES
from otel_ia.redaction.callback import Callback

DEFAULT_SIZE = 10 << 20
SIGNALS = ("traces", "logs", "metrics")
LINE_FORMATS = ("text", "otlp", "ecs")
_OTLP = "OTEL_EXPORTER_OTLP_"
PREFIX = "OTEL_IA_"
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One row of the table. The name is the argument of `configure` and the key in a file."""

    name: str
    environment: str | None  # None: only an argument can be it
    parse: Parser
    default: Any
    doc: str
    mask: Mask | None = None  # what is secret about it is hidden by this
    may_be_found: bool = True  # whether a file found from the working directory may set it
    general: str | None = None  # within one source, the option that holds when this one is not given


def row(environment: str | None, parse: Parser, default: Any, doc: str, **more: Any) -> Any:
    """A dataclass field that carries its row of the table as metadata."""
    metadata = {"environment": environment, "parse": parse, "default": default, "doc": doc, **more}
    return field(default_factory=lambda: default, metadata=metadata)


# fmt: off
@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where the telemetry of one signal goes.

    `endpoint` is the full URL over HTTP, "scheme://host:port" or "host:port" over gRPC, and None where nothing named one.
    `insecure` says whether the connection is without TLS.
    """

    endpoint: str | None = row(f"{_OTLP}ENDPOINT", endpoint, None, "URL of the OTLP collector; over HTTP `/v1/traces`, `/v1/logs`, `/v1/metrics` are appended.", mask=mask_url, may_be_found=False)
    protocol: Literal["http/protobuf", "grpc"] = row(f"{_OTLP}PROTOCOL", one_of("http/protobuf", "grpc"), "http/protobuf", "How to speak to it: `http/protobuf` or `grpc`.")
    headers: Mapping[str, str] = row(f"{_OTLP}HEADERS", headers, _NOTHING, "Headers of each request: a mapping, or `name=value` pairs with commas between, percent-encoded.", mask=mask_headers, may_be_found=False)
    timeout: float = row(f"{_OTLP}TIMEOUT", positive_seconds, 10.0, "Seconds one request may take.")
    compression: Literal["none", "gzip"] = row(f"{_OTLP}COMPRESSION", one_of("none", "gzip"), "none", "`none` or `gzip`.")
    certificate: str | None = row(f"{_OTLP}CERTIFICATE", readable_file, None, "File with the certificates (PEM) that the collector's is checked against.", may_be_found=False)
    client_key: str | None = row(f"{_OTLP}CLIENT_KEY", readable_file, None, "File with the client's private key (PEM), for mutual TLS.", may_be_found=False)
    client_certificate: str | None = row(f"{_OTLP}CLIENT_CERTIFICATE", readable_file, None, "File with the client's certificate (PEM), for mutual TLS.", may_be_found=False)
    insecure: bool = row(f"{_OTLP}INSECURE", boolean, False, "gRPC without TLS, where the endpoint has no scheme; `http://` and `https://` decide themselves.", may_be_found=False)
    proxy: str | None = row(f"{PREFIX}PROXY", proxy, None, "URL of the HTTP proxy on the way to it, with `user:password@` if it wants them; `HTTP_PROXY` and its like are not looked at.", mask=mask_url, may_be_found=False)

    def __repr__(self) -> str:
        """Without secrets: this ends up in logs and tracebacks."""
        shown = ", ".join(f"{column.name}={mask(column.metadata.get('mask'), getattr(self, column.name))!r}" for column in fields(self))
        return f"Destination({shown})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting, read and checked. `resolve` makes them; `Settings()` are the defaults."""

    disabled: bool = row("OTEL_SDK_DISABLED", boolean, False, "Record nothing; monitored calls go straight through.")
    service_name: str | None = row("OTEL_SERVICE_NAME", text, None, "Name of this service; without it `service.name` of the resource attributes, else OpenTelemetry's `unknown_service`.")
    resource_attributes: Mapping[str, AttributeValue] = row("OTEL_RESOURCE_ATTRIBUTES", resource_attributes, _NOTHING, "What describes this service: a mapping, or `key=value` pairs with commas between, percent-encoded; the sources are merged key by key.")
    traces: Destination = field(default_factory=Destination)
    logs: Destination = field(default_factory=Destination)
    metrics: Destination = field(default_factory=Destination)
    traces_exporter: tuple[str, ...] | None = row("OTEL_TRACES_EXPORTER", exporters, None, "Where spans go: `otlp`, `console`, both, or `none`; unset: `otlp` if there is an endpoint.")
    logs_exporter: tuple[str, ...] | None = row("OTEL_LOGS_EXPORTER", exporters, None, "Where log records go: `otlp`, `console`, both, or `none`; unset: `otlp` if there is an endpoint.")
    metrics_exporter: tuple[str, ...] | None = row("OTEL_METRICS_EXPORTER", metric_exporters, None, "Where metrics go: `otlp`, `console` (as JSON), `prometheus`, several of them, or `none`; unset: `otlp` if there is an endpoint.")
    console: bool | None = row("OTEL_IA_CONSOLE", boolean, None, "Print a tree per trace; unset: on a terminal or in a notebook when there is no endpoint.")
    sampler: str | Sampler = row("OTEL_TRACES_SAMPLER", sampler, "parentbased_always_on", "Which traces are kept: `always_on`, `always_off`, `traceidratio`, each also with `parentbased_` before it; as argument also a `Sampler`.")
    sampler_arg: float = row("OTEL_TRACES_SAMPLER_ARG", ratio, 1.0, "Share of traces that the ratio samplers keep, from 0 to 1.")
    sampling_rules: Mapping[str, float] = row("OTEL_IA_SAMPLING_RULES", sampling_rules, _NOTHING, "Shares of single kinds of traces, by name and attributes of their first span as it begins: a mapping, or `GET /health*=0,predict@ia.model.name=tiny*=0.1`; the first that fits holds, before `monitor(sample=…)` and `sampler`.")
    keep_errors: bool = row("OTEL_IA_KEEP_ERRORS", boolean, False, "Keep traces with a failed span that were not sampled too: their spans are held until the first of this process ends.")
    keep_slower_than: float | None = row("OTEL_IA_KEEP_SLOWER_THAN", seconds, None, "Seconds; keep those too whose first span in this process took longer.")
    keep_size: int = row("OTEL_IA_KEEP_SIZE", size, 16 << 20, "Bytes of spans that are held for that at once, at most an eighth of `spool_size`; beyond, the oldest trace is given up, and counted.")
    propagators: tuple[str, ...] = row("OTEL_PROPAGATORS", propagators, ("tracecontext", "baggage"), "How the trace travels in headers: `tracecontext`, `baggage`, `b3`, `b3multi`, `jaeger`, `xray`, `ottrace`, or `none`.")
    log_level: int | None = row("OTEL_IA_LOG_LEVEL", level, None, "Lowest level of the log records collected, a name or a number; unset: as the loggers are set.")
    log_levels: Mapping[str, int] = row("OTEL_IA_LOG_LEVELS", log_levels, _NOTHING, "Lowest levels of single loggers and what is below them: a mapping, or `app.db=WARNING` with commas between.")
    log_console: Literal["tree", "text", "otlp", "ecs", "none"] = row("OTEL_IA_LOG_CONSOLE", one_of("tree", *LINE_FORMATS, "none"), "tree", "Log records on the console: inside the `tree`, where there is one, or each at once as a line of `text`, `otlp` or `ecs`, or `none`.")
    log_console_level: int | None = row("OTEL_IA_LOG_CONSOLE_LEVEL", level, None, "Lowest level there, of what `log_level` lets through.")
    log_file: str | None = row("OTEL_IA_LOG_FILE", folder, None, "File that log records are written to; a second process writes one of its own beside it, `app.2.log` beside `app.log`.", may_be_found=False)
    log_file_format: Literal["text", "otlp", "ecs"] = row("OTEL_IA_LOG_FILE_FORMAT", one_of(*LINE_FORMATS), "text", "Its lines: `text`, or JSON in the names of OpenTelemetry (`otlp`) or of the Elastic Common Schema (`ecs`).")
    log_file_level: int | None = row("OTEL_IA_LOG_FILE_LEVEL", level, None, "Lowest level there, of what `log_level` lets through.")
    log_file_size: int = row("OTEL_IA_LOG_FILE_SIZE", whole_number, DEFAULT_SIZE, "Bytes at which it is set aside for a new one; 0: never. Not with `log_file_period`.")
    log_file_period: Literal["minute", "hour", "day", "week"] | None = row("OTEL_IA_LOG_FILE_PERIOD", one_of("minute", "hour", "day", "week"), None, "Set it aside each `minute`, `hour`, `day` (at midnight) or `week` instead.")
    log_file_backups: int = row("OTEL_IA_LOG_FILE_BACKUPS", whole_number, 5, "How many of those set aside are kept.")
    log_file_shared: bool = row("OTEL_IA_LOG_FILE_SHARED", boolean, False, 'All processes write the one file, under a lock; needs `pip install "otel_ia[files]"`.')
    log_otlp_level: int | None = row("OTEL_IA_LOG_OTLP_LEVEL", level, None, "Lowest level of the log records exported, of what `log_level` lets through.")
    uncaught_exceptions: bool = row("OTEL_IA_UNCAUGHT_EXCEPTIONS", boolean, True, "Send exceptions that nobody catches as log records too: of the main program, threads, asyncio and finalizers.")
    exception_signal: Literal["events", "logs", "logs/dup"] = row("OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN", exception_signal, "events", "How what a monitored call raises is told: `events` of spans, `logs` in their place, or both with `logs/dup`; in the variable any other value is `events`.")
    capture: Literal["none", "summary", "values"] = row("OTEL_IA_CAPTURE", one_of("none", "summary", "values"), "none", "What spans say of arguments and results where `monitor(capture=…)` does not: `none`, their `summary` (type, shape, dtype, device, bytes, columns), or their `values`.", may_be_found=False)
    call_metrics: bool = row("OTEL_IA_CALL_METRICS", boolean, True, "Count every monitored call in `ia.call.duration` and `ia.call.active`.")
    metric_attributes: tuple[str, ...] = row("OTEL_IA_METRIC_ATTRIBUTES", texts, METRIC_ATTRIBUTES, "Attributes of a call site, and fields bound around it, that its metrics have too.")
    duration_buckets: tuple[float, ...] = row("OTEL_IA_DURATION_BUCKETS", bounds, DURATION_BOUNDS, "Upper bounds, in seconds, of the buckets that durations of calls are counted in.")
    metric_cardinality_limit: int = row("OTEL_IA_METRIC_CARDINALITY_LIMIT", limit, CARDINALITY_LIMIT, "Most series of a metric; what is beyond is counted in one with `otel.metric.overflow`.")
    metric_export_interval: float = row("OTEL_METRIC_EXPORT_INTERVAL", interval, 60.0, "Seconds from one export of metrics to the next; the variable counts in milliseconds.")
    metric_temporality: Literal["cumulative", "delta", "lowmemory"] = row(f"{_OTLP}METRICS_TEMPORALITY_PREFERENCE", one_of("cumulative", "delta", "lowmemory"), "cumulative", "What OTLP is given of sums and histograms: all since the beginning (`cumulative`), or what has come since the last export (`delta`; `lowmemory`: where that needs no memory).")
    metric_views: tuple[Any, ...] = row(None, views, (), "Views of OpenTelemetry's SDK for your own instruments; as an argument only.")
    exemplar_filter: Literal["trace_based", "always_on", "always_off"] = row("OTEL_METRICS_EXEMPLAR_FILTER", one_of("trace_based", "always_on", "always_off"), "trace_based", "Which measurements may be shown with their trace: `trace_based` (those of sampled spans), `always_on`, `always_off`.")
    prometheus_host: str = row("OTEL_EXPORTER_PROMETHEUS_HOST", host, "localhost", "Name or address of this machine where Prometheus may fetch metrics; `0.0.0.0` or `::` for all it has.", may_be_found=False)
    prometheus_port: int = row("OTEL_EXPORTER_PROMETHEUS_PORT", port, 9464, "The port there; 0: none, for metrics that your own web application shows.", may_be_found=False)
    prometheus_directory: str | None = row("OTEL_IA_PROMETHEUS_DIRECTORY", folder, None, "Where the processes of a service show each other their metrics; unset: `$XDG_STATE_HOME/otel_ia/prometheus` or `~/.local/state/otel_ia/prometheus`.", may_be_found=False)
    exit_timeout: float = row("OTEL_IA_EXIT_TIMEOUT", seconds, 2.0, "Seconds the end of the program waits for telemetry to leave.")
    spool: bool | None = row("OTEL_IA_SPOOL", boolean, None, "Keep on disk what waits; unset: where there is an endpoint; `true`: without one too, for `otel-ia spool send`; `false`: in memory only.")
    spool_directory: str | None = row("OTEL_IA_SPOOL_DIRECTORY", folder, None, "Where; unset: `$XDG_STATE_HOME/otel_ia/spool` or `~/.local/state/otel_ia/spool`.", may_be_found=False)
    spool_size: int = row("OTEL_IA_SPOOL_SIZE", size, 512 << 20, "Bytes it may take, all processes together, and never over a tenth of the free space; the oldest goes first, and is counted.")
    spool_age: float = row("OTEL_IA_SPOOL_AGE", age, 72 * 3600.0, "Seconds after which it is given up, and counted.")
    durability: Literal["process", "disk"] = row("OTEL_IA_DURABILITY", one_of("process", "disk"), "process", "What a finished call outlives: the end of its `process`, or with `disk`, each call waiting for it, a power cut.")
    redact: bool = row("OTEL_IA_REDACT", boolean, True, "Take passwords, tokens and keys out of what is sent, kept and printed; `false` leaves what the next four say.", may_be_found=False)
    redact_keys: tuple[str, ...] = row("OTEL_IA_REDACT_KEYS", secret_keys, (), "Further attribute keys whose values are taken out.")
    redact_patterns: tuple[str, ...] = row("OTEL_IA_REDACT_PATTERNS", secret_patterns, (), "Further regular expressions of what is taken out of texts: a list, or one as text; of a group `(?P<secret>…)` only that.")
    redact_emails: bool = row("OTEL_IA_REDACT_EMAILS", boolean, False, "Take e-mail addresses out too.")
    redact_callback: Callback | None = row(None, redacting_function, None, "Function of path (the attribute's key, or empty) and value that returns the value to keep, `None` to take it out.")
    attribute_value_length_limit: int | None = row("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", whole_number, None, "Longest text of an attribute, in characters.")
    attribute_count_limit: int = row("OTEL_ATTRIBUTE_COUNT_LIMIT", whole_number, 128, "Most attributes of a span, event or link.")
    span_attribute_value_length_limit: int | None = row("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", whole_number, None, "The same for spans; unset: as `attribute_value_length_limit`.", general="attribute_value_length_limit")
    span_attribute_count_limit: int = row("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", whole_number, 128, "Most attributes of a span; unset: as `attribute_count_limit`.", general="attribute_count_limit")
    span_event_count_limit: int = row("OTEL_SPAN_EVENT_COUNT_LIMIT", whole_number, 128, "Most events of a span.")
    span_link_count_limit: int = row("OTEL_SPAN_LINK_COUNT_LIMIT", whole_number, 128, "Most links of a span.")
    event_attribute_count_limit: int = row("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", whole_number, 128, "Most attributes of an event; unset: as `attribute_count_limit`.", general="attribute_count_limit")
    link_attribute_count_limit: int = row("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", whole_number, 128, "Most attributes of a link; unset: as `attribute_count_limit`.", general="attribute_count_limit")
# fmt: on


def mask(hide: Mask | None, value: object) -> object:
    """The value as it may be shown."""
    return value if hide is None or value is None else hide(value)


def _rows() -> Iterator[Option]:
    for column in fields(Settings):
        if column.name == SIGNALS[0]:
            yield from (Option(name=general.name, **general.metadata) for general in fields(Destination))
        if column.name in SIGNALS:
            for general in fields(Destination):
                prefix = _OTLP if general.metadata["environment"].startswith(_OTLP) else PREFIX
                environment = general.metadata["environment"].replace(prefix, f"{prefix}{column.name.upper()}_")
                name = f"{column.name}_{general.name}"
                yield Option(name=name, **{**general.metadata, "environment": environment, "general": general.name})
        else:
            yield Option(name=column.name, **column.metadata)


OPTIONS: Mapping[str, Option] = MappingProxyType({option.name: option for option in _rows()})
