"""The arguments of `configure`, spelled out for type checkers; a test compares them with the table of settings."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypedDict

from otel_ia.configuration.parsing import Sampler
from otel_ia.redaction.callback import Callback

Attributes = Mapping[str, Any]
Compression = Literal["none", "gzip"]
Protocol = Literal["http/protobuf", "grpc"]


class SettingsArguments(TypedDict, total=False):
    """One key per option; None is the same as not given."""

    disabled: bool | None
    service_name: str | None
    resource_attributes: Attributes | str | None
    endpoint: str | None
    protocol: Protocol | None
    headers: Mapping[str, str] | str | None
    timeout: float | None
    compression: Compression | None
    certificate: str | PathLike[str] | None
    client_key: str | PathLike[str] | None
    client_certificate: str | PathLike[str] | None
    insecure: bool | None
    proxy: str | None
    traces_endpoint: str | None
    traces_protocol: Protocol | None
    traces_headers: Mapping[str, str] | str | None
    traces_timeout: float | None
    traces_compression: Compression | None
    traces_certificate: str | PathLike[str] | None
    traces_client_key: str | PathLike[str] | None
    traces_client_certificate: str | PathLike[str] | None
    traces_insecure: bool | None
    traces_proxy: str | None
    logs_endpoint: str | None
    logs_protocol: Protocol | None
    logs_headers: Mapping[str, str] | str | None
    logs_timeout: float | None
    logs_compression: Compression | None
    logs_certificate: str | PathLike[str] | None
    logs_client_key: str | PathLike[str] | None
    logs_client_certificate: str | PathLike[str] | None
    logs_insecure: bool | None
    logs_proxy: str | None
    metrics_endpoint: str | None
    metrics_protocol: Protocol | None
    metrics_headers: Mapping[str, str] | str | None
    metrics_timeout: float | None
    metrics_compression: Compression | None
    metrics_certificate: str | PathLike[str] | None
    metrics_client_key: str | PathLike[str] | None
    metrics_client_certificate: str | PathLike[str] | None
    metrics_insecure: bool | None
    metrics_proxy: str | None
    traces_exporter: str | Sequence[str] | None
    logs_exporter: str | Sequence[str] | None
    metrics_exporter: str | Sequence[str] | None
    console: bool | None
    sampler: str | Sampler | None
    sampler_arg: float | None
    sampling_rules: Mapping[str, float] | str | None
    keep_errors: bool | None
    keep_slower_than: float | None
    keep_size: int | None
    propagators: str | Sequence[str] | None
    log_level: int | str | None
    log_levels: Mapping[str, int | str] | str | None
    log_console: Literal["tree", "text", "otlp", "ecs", "none"] | None
    log_console_level: int | str | None
    log_file: str | PathLike[str] | None
    log_file_format: Literal["text", "otlp", "ecs"] | None
    log_file_level: int | str | None
    log_file_size: int | None
    log_file_period: Literal["minute", "hour", "day", "week"] | None
    log_file_backups: int | None
    log_file_shared: bool | None
    log_otlp_level: int | str | None
    uncaught_exceptions: bool | None
    exception_signal: Literal["events", "logs", "logs/dup"] | None
    capture: Literal["none", "summary", "values"] | None
    call_metrics: bool | None
    metric_attributes: str | Sequence[str] | None
    duration_buckets: str | Sequence[float] | None
    metric_cardinality_limit: int | None
    metric_export_interval: float | None
    metric_temporality: Literal["cumulative", "delta", "lowmemory"] | None
    metric_views: Sequence[Any] | None
    exemplar_filter: Literal["trace_based", "always_on", "always_off"] | None
    prometheus_host: str | None
    prometheus_port: int | None
    prometheus_directory: str | PathLike[str] | None
    exit_timeout: float | None
    spool: bool | None
    spool_directory: str | PathLike[str] | None
    spool_size: int | None
    spool_age: float | None
    durability: Literal["process", "disk"] | None
    redact: bool | None
    redact_keys: str | Sequence[str] | None
    redact_patterns: str | Sequence[str] | None
    redact_emails: bool | None
    redact_callback: Callback | None
    attribute_value_length_limit: int | None
    attribute_count_limit: int | None
    span_attribute_value_length_limit: int | None
    span_attribute_count_limit: int | None
    span_event_count_limit: int | None
    span_link_count_limit: int | None
    event_attribute_count_limit: int | None
    link_attribute_count_limit: int | None
