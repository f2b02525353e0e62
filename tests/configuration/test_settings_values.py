"""How hard values are checked, and what the error says."""

import pickle
from collections.abc import Mapping
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, TraceIdRatioBased
from opentelemetry.util.re import parse_env_headers

from otel_ia.configuration.resolution import resolve
from otel_ia.configuration.settings import OPTIONS
from otel_ia.errors import SettingError

ENVIRONMENT_NAMES = sorted({option.environment for option in OPTIONS.values() if option.environment is not None})
SECRET = [option for option in OPTIONS.values() if option.mask is not None]


def refused(arguments=None, environ=None):
    with pytest.raises(SettingError) as caught:
        resolve(arguments or {}, environ=environ or {})
    return caught.value


async def coroutine(path, value):
    return value


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0", "1_0", "1 0", "ten", "3601", "1e999", "٣", "0x10", "true"])
def test_a_timeout_in_the_environment_is_a_number_of_seconds(value):
    error = refused(environ={"OTEL_EXPORTER_OTLP_TIMEOUT": value})
    assert error.source == "environment OTEL_EXPORTER_OTLP_TIMEOUT"
    assert (error.key, error.value) == ("timeout", value)
    assert "seconds" in error.expected


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 0, True, "1", 10**400, [1], 3601])
def test_a_timeout_as_argument_is_a_number_of_seconds(value):
    assert refused({"timeout": value}).source == "argument"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("disabled", ["true", 1, 0, "yes"]),
        ("service_name", ["", "  ", 5, b"a", "\udc80"]),
        ("protocol", ["http/json", "http", "", 1]),
        ("compression", ["deflate", "zip", False]),
        ("traces_exporter", ["zipkin", "none,otlp", [], "", [1], {"otlp"}, "otlp_proto_http"]),
        ("metrics_exporter", ["zipkin", "prometheus,none", [], "promteheus"]),
        (
            "prometheus_host",
            ["", "http://localhost", "localhost:9464", "a b", "1.2.3", "256.1.1.1", "-a", "a" * 254, 7],
        ),
        ("prometheus_port", [-1, 65_536, "9464", 1.0, True]),
        ("sampler", ["jaeger_remote", "ratio", 0.5, object(), TraceIdRatioBased]),
        ("sampler_arg", [1.1, -0.1, True, "0.5", float("nan")]),
        ("sampling_rules", ["a", "=1", {"": 1}, {"a@b": 1}, {"a@=b": 1}, 5, {1: 1}]),
        ("keep_errors", ["true", 1, 0, "yes"]),
        ("keep_slower_than", [-0.1, True, "2", 3601, float("nan")]),
        ("keep_size", [-1, 1.0, True, "8", 2**51]),
        ("propagators", ["w3c", "tracecontext;baggage", 1, "none,b3"]),
        ("log_level", ["LOUD", -1, True, 1.5, "-10", ""]),
        ("exit_timeout", [-0.1, float("nan"), "2"]),
        ("redact_keys", ["--", ["a", "7"], [1], 5]),
        ("redact_patterns", ["(", ["a", "x*"], [b"a"], 5, ""]),
        ("redact_callback", ["shop:redact", 3, lambda value: value, coroutine]),
        ("span_event_count_limit", [-1, 1.0, True, "8", 2**31]),
        ("headers", [["a=b"], {1: "a"}, {"a": 1}, {"a": None}, "a", 5]),
        ("resource_attributes", [{"a": None}, {"a": object()}, {"a": [1, "b"]}, {"a": [[1]]}, {"": 1}, {1: 2}, "a", 5]),
        (
            "resource_attributes",
            [{"a": 2**63}, {"a": float("nan")}, {"a": "\ud800"}, {"service.name": 5}, {"a": [True, 1]}],
        ),
        ("certificate", ["/nowhere", "", ".", 5, "\x00", "a" * 5000, b"/etc/hosts"]),
    ],
)
def test_wrong_arguments_are_refused_by_name(name, values):
    for value in values:
        arguments = {"sampler": "always_on", name: value}
        error = refused(arguments)
        assert (error.source, error.key) == ("argument", name)


@pytest.mark.parametrize(
    ("environment", "value"),
    [
        ("OTEL_SDK_DISABLED", "1"),
        ("OTEL_IA_CONSOLE", "on"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=%FF"),
        ("OTEL_RESOURCE_ATTRIBUTES", "=a"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=\udc80"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.01"),
        ("OTEL_IA_KEEP_ERRORS", "1"),
        ("OTEL_IA_KEEP_SLOWER_THAN", "5s"),
        ("OTEL_IA_KEEP_SIZE", "16 MB"),
        ("OTEL_IA_LOG_LEVEL", "9" * 5000),
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "localhost:9464"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "metrics"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "65536"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "-1"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "9" * 5000),
        ("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", "nowhere.pem"),
    ],
)
def test_wrong_variables_are_refused_by_name(environment, value):
    assert refused(environ={environment: value}).source == f"environment {environment}"


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0", "::", "::1", "my-host.example.org", "host_1", "3com.example"])
def test_prometheus_may_come_to_any_name_or_address(host):
    environ = {"OTEL_METRICS_EXPORTER": "otlp,prometheus", "OTEL_EXPORTER_PROMETHEUS_HOST": host}
    found = resolve({}, environ=environ).settings
    assert (found.metrics_exporter, found.prometheus_host, found.prometheus_port) == (
        ("otlp", "prometheus"),
        host,
        9464,
    )


@pytest.mark.parametrize(
    "value", ["a=b\r\nc: d", "a=b%0d%0ac:d", "a=b%00", "a=%C3%BC", "a b=c", "a%0aa=b", "a=\x7f", "=b", "b"]
)
def test_a_header_cannot_carry_another(value):
    error = refused(environ={"OTEL_EXPORTER_OTLP_HEADERS": value})
    assert error.value == "***"


@given(
    st.dictionaries(
        st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1),
        st.text(st.characters(min_codepoint=32, max_codepoint=126)).map(str.strip),
        min_size=1,
    )
)
def test_headers_are_read_as_opentelemetry_reads_them(headers):
    spelled = ",".join(f"{name}={quote(value)}" for name, value in headers.items())
    ours = resolve({}, environ={"OTEL_EXPORTER_OTLP_HEADERS": spelled}).settings.traces.headers
    assert ours == parse_env_headers(spelled, liberal=True) == headers


def test_names_are_taken_in_any_case():
    environ = {"OTEL_SDK_DISABLED": "TRUE", "OTEL_TRACES_SAMPLER": "Always_Off", "OTEL_IA_LOG_LEVEL": "warn"}
    read = resolve({}, environ=environ).settings
    assert (read.disabled, read.sampler, read.log_level) == (True, "always_off", 30)


def test_a_sampler_may_be_an_object():
    assert resolve({"sampler": ALWAYS_ON}, environ={}).settings.sampler is ALWAYS_ON


def test_a_propagator_that_is_not_installed_is_refused_with_the_command_that_installs_it():
    error = refused(environ={"OTEL_PROPAGATORS": "tracecontext,ottrace"})
    assert "python -m pip install opentelemetry-propagator-ot-trace" in str(error)


def test_an_unknown_argument_is_refused_with_the_closest_name_and_without_its_value():
    error = refused({"haeders": {"authorization": "secret"}})
    assert str(error) == "argument: haeders is not a setting of otel_ia; did you mean headers?"


def test_a_setting_under_a_wrong_variable_is_refused_with_the_right_one():
    error = refused(environ={"OTEL_IA_ENDPOINT": "http://collector"})
    assert str(error).endswith("OTEL_IA_ENDPOINT is not a setting of otel_ia; set OTEL_EXPORTER_OTLP_ENDPOINT")
    error = refused(environ={"OTEL_IA_REDACT_CALLBACK": "shop:redact"})
    assert str(error).endswith("redact_callback can only be an argument")


def test_an_unknown_variable_with_our_prefix_is_refused_with_the_closest_name():
    error = refused(environ={"OTEL_IA_CONSOL": "secret"})
    assert str(error) == "environment: OTEL_IA_CONSOL is not a setting of otel_ia; did you mean OTEL_IA_CONSOLE?"
    assert "did you mean" not in str(refused(environ={"OTEL_IA_WHATEVER_ELSE": "1"}))


@pytest.mark.parametrize(
    "name",
    [
        "OTEL_IA_REQUIRE_BACKENDS",
        "OTEL_IA_BACKENDS",
        "OTEL_IA_PORT",
        "OTEL_IA_PORT_4318_TCP_ADDR",
        "OTEL_IA_SERVICE_PORT_GRPC",
        "OTEL_IA_COLLECTOR_SERVICE_HOST",
        "OTEL_UNKNOWN",
        "otel_ia_consol",
    ],
)
def test_variables_of_scripts_of_kubernetes_and_of_others_are_let_be(name):
    resolve({}, environ={name: "tcp://10.0.0.1:4318"})


def test_the_error_shows_the_rest_of_a_url_whose_login_it_hides():
    error = refused(environ={"OTEL_EXPORTER_OTLP_ENDPOINT": "htp://user:sec/ret@collector?key=secret"})
    expected = "environment OTEL_EXPORTER_OTLP_ENDPOINT: endpoint = 'htp://***@collector?***' is not a URL"
    assert str(error).startswith(expected)


@pytest.mark.parametrize(("name", "value"), [("console", "true"), ("timeout", "10"), ("spool_size", "100")])
def test_in_code_and_files_numbers_and_booleans_stand_without_quotes(name, value):
    assert str(refused({name: value})).endswith("; write it without quotes")
    assert not str(refused(environ={OPTIONS[name].environment: "x"})).endswith("quotes")


def test_a_spool_may_take_more_than_two_gibibytes():
    assert resolve({"spool_size": 10 << 30}, environ={}).settings.spool_size == 10 << 30


def test_memory_is_not_durable():
    error = refused({"durability": "disk"}, {"OTEL_IA_SPOOL": "false"})
    assert str(error).startswith("argument: durability = 'disk' is not usable where spool is false")
    resolve({"durability": "process", "spool": False}, environ={})


def test_an_error_survives_the_way_out_of_another_process():
    error = refused({"timeout": -1})
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), copied.value) == (str(error), -1)
    assert str(pickle.loads(pickle.dumps(refused({"haeders": 1})))).startswith("argument: haeders is not")


def test_the_error_does_not_drag_the_secret_along_as_its_cause():
    error = refused(environ={"OTEL_EXPORTER_OTLP_HEADERS": "authorization=secret%FF"})
    assert error.__suppress_context__


hostile = st.one_of(
    st.text(st.characters(exclude_characters="\x00"), max_size=40),
    st.lists(
        st.sampled_from(["http://", "a", "@", ":", "[", "]", "%", "=", ",", "/", "?", "#", "\n", "9", ".", "\udcff"])
    ).map("".join),
)


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), hostile),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=6,
)
variables = st.sampled_from([*ENVIRONMENT_NAMES, "OTEL_IA_CONFIG"]) | hostile.map("OTEL_IA_".__add__)


def tell(arguments, environ):
    """What is shown of the settings, or of the one kind of error there may be."""
    try:
        return repr(resolve(arguments, environ=environ))
    except SettingError as error:
        return str(error)


@settings(deadline=None)
@given(st.dictionaries(variables, hostile, max_size=6))
def test_hostile_variables_give_settings_or_a_setting_error(environ):
    assert tell({}, environ).isprintable()


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(OPTIONS)), anything, max_size=6))
def test_hostile_arguments_give_settings_or_a_setting_error(arguments):
    assert tell(arguments, {}).isprintable()


@settings(deadline=None)
@given(st.sampled_from(SECRET), st.text("abcdefghij", min_size=12, max_size=12), hostile, hostile)
def test_a_secret_is_never_shown_whatever_stands_around_it(option, secret, before, after):
    assume(secret not in before + after)
    is_url = option.name.endswith(("endpoint", "proxy"))
    spelled = f"http://{before}{secret}@{after}" if is_url else f"{before}={secret}{after}"
    assert secret not in tell({}, {option.environment: spelled})


def test_a_mapping_that_holds_itself_is_refused():
    endless: dict[str, object] = {}
    endless["a"] = endless
    refused({"resource_attributes": endless})


def test_settings_cannot_be_changed():
    read = resolve({"headers": {"a": "b"}}, environ={}).settings
    with pytest.raises(AttributeError):
        read.disabled = True
    assert isinstance(read.traces.headers, Mapping)
    with pytest.raises(TypeError):
        read.traces.headers["a"] = "c"


@pytest.mark.parametrize("wrong", [{"a": 2}, {"a": "0.5"}, {"a": True}, "a=b", "a=nan"])
def test_a_share_that_is_none_is_refused_by_the_name_of_its_rule(wrong):
    assert refused({"sampling_rules": wrong}).key == "sampling_rules[a]"
