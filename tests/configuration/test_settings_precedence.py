"""Which source wins, for every option."""

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_ia.configuration.resolution import resolve
from otel_ia.configuration.settings import OPTIONS, SIGNALS, Settings
from otel_ia.errors import SettingError

FILES = (__file__, os.__file__, json.__file__)

# For each option or ending of options: what the environment says, what arguments and files say, what it becomes.
NUMBERS = [(str(number), number, number) for number in (0, 1, 7, 2**31 - 1)]
PATHS = [(path, path, path) for path in FILES]
NAMES = [("otlp", ["otlp"], ("otlp",)), ("console, OTLP", "console,otlp", ("console", "otlp")), ("none", ["none"], ())]
LEVELS = [("debug", "DEBUG", 10), ("30", 30, 30), ("ERROR", 40, 40)]
BOOLEANS = [("true", True, True), ("FALSE", False, False)]
SAMPLES = {
    "disabled": BOOLEANS,
    "service_name": [("a", "a", "a"), (" ü b ", "ü b", "ü b"), ("c=,", "c=,", "c=,")],
    "endpoint": [(url, url, url) for url in ("http://a:1", "https://b/path", "http://u:p@[::1]:99")],
    "protocol": [("http/protobuf", "http/protobuf", "http/protobuf"), ("GRPC", "grpc", "grpc")],
    "headers": [("A=b%20c", {"a": "b c"}, {"a": "b c"}), ("x=1,y=2", {"X": "1", "y": " 2 "}, {"x": "1", "y": "2"})],
    "timeout": [("1", 1, 1.0), ("2.5", 2.5, 2.5), ("1e3", 1000, 1000.0)],
    "compression": [("gzip", "gzip", "gzip"), ("None", "none", "none")],
    "certificate": PATHS,
    "client_key": PATHS,
    "client_certificate": PATHS,
    "insecure": BOOLEANS,
    "proxy": [(url, url, url) for url in ("http://a:1", "http://u:p@b", "http://[::1]:3128/")],
    "traces_exporter": NAMES,
    "logs_exporter": NAMES,
    "metrics_exporter": NAMES,
    "console": BOOLEANS,
    "capture": [("Summary", "SUMMARY", "summary"), ("values", "values", "values"), ("none", "none", "none")],
    "call_metrics": BOOLEANS,
    "metric_attributes": [("a, b", ["a", "b"], ("a", "b"))],
    "duration_buckets": [("0.1, 1", [0.1, 1], (0.1, 1.0)), ("5", "5", (5.0,))],
    "metric_cardinality_limit": NUMBERS[1:],
    "metric_export_interval": [("1000", 1, 1.0), ("2500.5", 2.5005, 2.5005)],
    "metric_temporality": [("DELTA", "delta", "delta"), ("lowmemory", "LowMemory", "lowmemory")],
    "exemplar_filter": [("always_off", "always_off", "always_off")],
    "sampler": [("Always_On", "always_on", "always_on"), ("traceidratio", "traceidratio", "traceidratio")],
    "sampler_arg": [("0", 0, 0.0), ("0.25", 0.25, 0.25), ("1", 1, 1.0)],
    "sampling_rules": [
        ("GET /h*=0,a@b=c=0.5", {"GET /h*": 0, "a@b=c": 0.5}, {"GET /h*": 0.0, "a@b=c": 0.5}),
        ("@k=v=1", "@k=v=1", {"@k=v": 1.0}),
    ],
    "keep_errors": BOOLEANS,
    "keep_slower_than": [("0", 0, 0.0), ("0.25", 0.25, 0.25), ("3600", 3600, 3600.0)],
    "keep_size": [*NUMBERS, (str(10 << 30), 10 << 30, 10 << 30)],
    "uncaught_exceptions": BOOLEANS,
    "exception_signal": [("logs", "logs", "logs"), ("a,LOGS/DUP", "Logs/Dup", "logs/dup"), ("a", "events", "events")],
    "propagators": [("baggage", ["baggage"], ("baggage",)), ("none", "none", ())],
    "log_level": LEVELS,
    "log_levels": [("a.b=INFO,c=40", {"a.b": 20, "c": "ERROR"}, {"a.b": 20, "c": 40}), ("d=1", {"d": 1}, {"d": 1})],
    "log_console": [("text", "TEXT", "text"), ("None", "none", "none")],
    "log_console_level": LEVELS,
    "log_file": PATHS,
    "log_file_format": [("ECS", "ecs", "ecs"), ("otlp", "otlp", "otlp")],
    "log_file_level": LEVELS,
    "log_file_period": [("Day", "day", "day"), ("week", "week", "week")],
    "log_file_shared": BOOLEANS,
    "log_otlp_level": LEVELS,
    "prometheus_host": [
        ("localhost", "localhost", "localhost"),
        ("::", "::", "::"),
        ("a.example", "a.example", "a.example"),
    ],
    "prometheus_port": [("0", 0, 0), ("9464", 9464, 9464)],
    "prometheus_directory": [("/a/b", "/a/b", "/a/b"), (" /c d ", "/c d", "/c d")],
    "exit_timeout": [("0", 0, 0.0), ("0.5", 0.5, 0.5)],
    "spool": BOOLEANS,
    "spool_directory": [("/a/b", "/a/b", "/a/b"), (" /c d ", "/c d", "/c d")],
    "spool_size": NUMBERS,
    "spool_age": [("0", 0, 0.0), ("86400.5", 86400.5, 86400.5)],
    "durability": [("process", "process", "process"), ("DISK", "disk", "disk")],
    "redact": BOOLEANS,
    "redact_keys": [("a, b", ["a", "b"], ("a", "b")), ("c", "c", ("c",))],
    "redact_patterns": [("x+", ["x+"], ("x+",)), ("a{2,3}|b", "a{2,3}|b", ("a{2,3}|b",))],
    "redact_emails": BOOLEANS,
    "limit": NUMBERS,
}
SOURCES = ("argument", "environment", "file")
MERGED = "resource_attributes"


def general_of(name):
    signal, _, rest = name.partition("_")
    return rest if signal in SIGNALS and rest in SAMPLES and name not in SAMPLES else None


def samples(name):
    return SAMPLES.get(general_of(name) or name, SAMPLES["limit"])


def effective(read, name):
    general = general_of(name)
    return getattr(getattr(read, name.partition("_")[0]), general) if general else getattr(read, name)


def spelled_in_toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {json.dumps(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


FOR_ARGUMENTS = {name for name, option in OPTIONS.items() if option.environment is None}
GENERAL = {general_of(name) for name in OPTIONS}
EFFECTIVE = sorted(OPTIONS.keys() - GENERAL - FOR_ARGUMENTS - {MERGED})


@st.composite
def gifts(draw):
    """An option and what each source says, of it by its own name or of the general one it follows."""
    name = draw(st.sampled_from(EFFECTIVE))
    forms = [name] + ([OPTIONS[name].general] if OPTIONS[name].general else [])
    places = [(source, form) for source in SOURCES for form in forms]
    return name, draw(st.dictionaries(st.sampled_from(places), st.sampled_from(samples(name)), max_size=len(places)))


@pytest.mark.parametrize("name", EFFECTIVE)
def test_the_environment_sets_every_option(name):
    for said, _, expected in samples(name):
        arguments = {"sampler": "traceidratio"} if name == "sampler_arg" else {}
        if name.endswith("client_key"):
            arguments["client_certificate"] = __file__
        read = resolve(arguments, environ={OPTIONS[name].environment: said}).settings
        assert effective(read, name) == expected


@settings(deadline=None)
@given(gifts())
def test_the_stronger_source_wins_and_within_a_source_the_narrower_name(gift):
    name, said = gift
    arguments = {form: sample[1] for (source, form), sample in said.items() if source == "argument"}
    environ = {
        OPTIONS[form].environment: sample[0] for (source, form), sample in said.items() if source == "environment"
    }
    content = [
        f"{form} = {spelled_in_toml(sample[1])}\n" for (source, form), sample in said.items() if source == "file"
    ]
    if name == "sampler_arg":
        arguments["sampler"] = "traceidratio"
    if name.endswith("client_key"):
        arguments["client_certificate"] = __file__
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "settings.toml")
        path.write_text("".join(content), "utf-8")
        resolved = resolve(arguments, environ={**environ, "OTEL_IA_CONFIG": str(path)})

    forms = [name, OPTIONS[name].general]
    winner = next(((source, form) for source in SOURCES for form in forms if (source, form) in said), None)
    if winner is None:
        assert effective(resolved.settings, name) == OPTIONS[name].default
        assert str(resolved.origins[name]) == "default"
        return
    source, form = winner
    expected = said[winner][2]
    if form == "endpoint":
        expected = f"{expected}/v1/{name.partition('_')[0]}"
    assert effective(resolved.settings, name) == expected
    origins = {
        "argument": "argument",
        "environment": f"environment {OPTIONS[form].environment}",
        "file": f"file {path}",
    }
    assert str(resolved.origins[name]) == origins[source]


def test_a_general_argument_beats_the_environment_of_one_signal():
    resolved = resolve({"timeout": 3}, environ={"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "7"})
    assert resolved.settings.traces.timeout == 3


def test_within_the_environment_one_signal_beats_the_general():
    environ = {"OTEL_EXPORTER_OTLP_TIMEOUT": "3", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "7"}
    read = resolve({}, environ=environ).settings
    assert (read.traces.timeout, read.logs.timeout) == (7, 3)


def test_an_argument_of_none_and_an_empty_variable_are_not_given():
    resolved = resolve({"timeout": None}, environ={"OTEL_EXPORTER_OTLP_TIMEOUT": " ", "OTEL_SERVICE_NAME": ""})
    assert resolved.settings == Settings()
    assert {str(origin) for origin in resolved.origins.values()} == {"default"}


def test_a_wrong_value_that_a_stronger_source_overrules_is_not_looked_at():
    assert resolve({"timeout": 3}, environ={"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"}).settings.traces.timeout == 3


def test_headers_of_a_signal_replace_the_general_ones():
    environ = {"OTEL_EXPORTER_OTLP_HEADERS": "a=1", "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "b=2"}
    read = resolve({}, environ=environ).settings
    assert (read.traces.headers, read.logs.headers) == ({"a": "1"}, {"b": "2"})


def test_empty_headers_as_argument_silence_those_of_the_environment():
    assert resolve({"headers": {}}, environ={"OTEL_EXPORTER_OTLP_HEADERS": "a=1"}).settings.traces.headers == {}


def test_resource_attributes_are_merged_key_by_key(tmp_path):
    path = tmp_path / "read.toml"
    path.write_text('[resource_attributes]\na = "file"\nb = "file"\ndeployment.environment.name = "test"\n')
    environ = {"OTEL_RESOURCE_ATTRIBUTES": "b=environment,c=environ%2Cment", "OTEL_IA_CONFIG": str(path)}
    resolved = resolve({"resource_attributes": {"c": "argument", "d": [1, 2]}}, environ=environ)
    assert resolved.settings.resource_attributes == {
        "a": "file",
        "b": "environment",
        "c": "argument",
        "d": (1, 2),
        "deployment.environment.name": "test",
    }
    origin = f"argument, environment OTEL_RESOURCE_ATTRIBUTES, file {path}"
    assert str(resolved.origins["resource_attributes"]) == origin


def test_the_service_is_named_by_its_attributes_where_no_source_names_it():
    resolved = resolve({}, environ={"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop,a=b"})
    assert resolved.settings.service_name == "shop"
    assert resolved.settings.resource_attributes == {"a": "b"}
    assert str(resolved.origins["service_name"]) == "environment OTEL_RESOURCE_ATTRIBUTES"


def test_a_service_name_beats_the_name_among_the_attributes():
    environ = {"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop", "OTEL_SERVICE_NAME": "till"}
    read = resolve({"resource_attributes": {"service.name": "desk"}}, environ=environ).settings
    assert read.service_name == "till"
    assert read.resource_attributes == {}


def test_limits_of_spans_follow_the_general_limit():
    read = resolve({"attribute_count_limit": 5}, environ={"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "9"}).settings
    assert (read.span_attribute_count_limit, read.event_attribute_count_limit) == (5, 5)
    read = resolve({"attribute_count_limit": 5, "event_attribute_count_limit": 9}, environ={}).settings
    assert (read.span_attribute_count_limit, read.event_attribute_count_limit) == (5, 9)


def test_a_ratio_without_a_sampler_is_a_mistake_in_code_and_as_in_opentelemetry_none_in_the_environment():
    with pytest.raises(SettingError, match="sampler"):
        resolve({"sampler_arg": 0.1}, environ={})
    assert resolve({}, environ={"OTEL_TRACES_SAMPLER_ARG": "0.1"}).settings.sampler_arg == 0.1
