"""What endpoint, protocol and TLS become for each signal."""

import pytest

from otel_ia.configuration.resolution import resolve
from otel_ia.configuration.settings import SIGNALS
from otel_ia.errors import SettingError


def settle(**arguments):
    return resolve(arguments, environ={}).settings


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ("http://collector:4318", "http://collector:4318/v1/{}"),
        ("http://collector:4318/", "http://collector:4318/v1/{}"),
        ("https://collector/otlp/", "https://collector/otlp/v1/{}"),
        ("https://collector/otlp?tenant=1", "https://collector/otlp/v1/{}?tenant=1"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/{}"),
        ("http://user:word@collector", "http://user:word@collector/v1/{}"),
    ],
)
def test_over_http_the_general_endpoint_gets_the_path_of_the_signal(signal, given, becomes):
    assert getattr(settle(endpoint=given), signal).endpoint == becomes.format(signal)


def test_over_http_the_endpoint_of_a_signal_is_used_as_it_is():
    settings = settle(traces_endpoint="http://collector:4318/own", endpoint="http://other")
    assert settings.traces.endpoint == "http://collector:4318/own"
    assert settings.logs.endpoint == "http://other/v1/logs"


@pytest.mark.parametrize(
    ("endpoint", "chosen", "insecure"),
    [
        ("http://collector:4317", None, True),
        ("https://collector:4317", None, False),
        ("http://collector:4317", False, True),
        ("https://collector:4317", True, False),
        ("localhost:4317", None, False),
        ("localhost:4317", True, True),
        ("[::1]:4317", True, True),
        ("collector", False, False),
    ],
)
def test_over_grpc_a_scheme_decides_about_tls_else_the_setting(endpoint, chosen, insecure):
    traces = settle(protocol="grpc", endpoint=endpoint, insecure=chosen).traces
    assert (traces.endpoint, traces.insecure) == (endpoint, insecure)


def test_without_an_endpoint_there_is_none():
    assert [getattr(settle(), signal).endpoint for signal in SIGNALS] == [None, None, None]


def test_an_exporter_asked_for_by_name_has_the_endpoint_of_opentelemetry():
    settings = settle(traces_exporter="otlp")
    assert (settings.traces.endpoint, settings.logs.endpoint) == ("http://localhost:4318/v1/traces", None)
    settings = settle(logs_exporter=["otlp", "console"], protocol="grpc")
    assert (settings.logs.endpoint, settings.logs.insecure) == ("http://localhost:4317", True)
    assert settle(traces_exporter="console").traces.endpoint is None


def test_signals_may_speak_different_protocols():
    settings = settle(endpoint="http://collector:4317", protocol="grpc", logs_protocol="http/protobuf")
    assert settings.traces.endpoint == "http://collector:4317"
    assert settings.logs.endpoint == "http://collector:4317/v1/logs"


@pytest.mark.parametrize(
    "endpoint",
    [
        "localhost:4318",
        "collector",
        "ftp://collector",
        "file:///etc/passwd",
        "http://",
        "http:///v1/traces",
        "http://:4318",
        "http://collector:port",
        "http://collector:65536",
        "http://collector:0",
        "http://collector:-1",
        "http://collec tor",
        "http://coll\nector",
        "http://coll\tector",
        "http://collector/a path",
        "http://collector/\x00",
        "http://[::1",
        "http://[collector]",
        "http://collector#top",
        "http://köln",
        "http:collector",
        "://collector",
        "//collector",
        "http://a,http://b",
        "",
        " ",
        5,
        True,
        ["http://collector"],
        b"http://collector",
    ],
)
def test_what_is_no_url_is_refused(endpoint):
    with pytest.raises(SettingError, match="argument: endpoint = "):
        settle(endpoint=endpoint)


@pytest.mark.parametrize(
    "endpoint", ["localhost:4317/path", "unix:/socket", "local host:1", "user@localhost:1", "a:b:c"]
)
def test_what_is_no_address_for_grpc_is_refused(endpoint):
    with pytest.raises(SettingError):
        settle(endpoint=endpoint, protocol="grpc")


def test_a_login_in_the_endpoint_is_refused_for_grpc_without_showing_it():
    with pytest.raises(SettingError, match="headers") as caught:
        settle(endpoint="http://user:secret@collector:4317", protocol="grpc")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["x|y", "trace-bin"])
def test_header_names_that_grpc_cannot_send_are_refused_for_grpc_only(name):
    assert settle(headers={name: "1"}).traces.headers == {name: "1"}
    with pytest.raises(SettingError, match="gRPC"):
        settle(headers={name: "1"}, protocol="grpc")


@pytest.mark.parametrize(
    "proxy",
    [
        "proxy:3128",
        "https://proxy:3128",
        "socks5://proxy",
        "http://",
        "http://proxy/path",
        "http://proxy?a",
        "http://a b",
    ],
)
def test_what_is_no_http_proxy_is_refused_without_its_login(proxy):
    with pytest.raises(SettingError, match="proxy = ") as caught:
        settle(endpoint="http://collector", proxy=proxy.replace("://", "://me:geheim@"))
    assert "geheim" not in str(caught.value)


def test_each_signal_may_have_a_proxy_of_its_own():
    settings = settle(endpoint="http://collector", proxy="http://one", logs_proxy="http://two:3128")
    assert [getattr(settings, signal).proxy for signal in SIGNALS] == ["http://one", "http://two:3128", "http://one"]
    read = resolve({}, environ={"OTEL_IA_LOGS_PROXY": "http://two"}).settings
    assert (read.traces.proxy, read.logs.proxy) == (None, "http://two")


def test_a_client_key_needs_its_certificate():
    with pytest.raises(SettingError, match="client_certificate"):
        settle(client_key=__file__)
    assert settle(client_certificate=__file__).traces.client_certificate == __file__
    with pytest.raises(SettingError, match="client_key"):
        settle(client_certificate=__file__, protocol="grpc")


def test_no_secret_is_in_the_representation():
    settings = settle(endpoint="https://user:secret@collector/?key=secret", headers={"authorization": "Bearer secret"})
    assert "secret" not in repr(settings)
    assert "'authorization': '***'" in repr(settings)
    assert settings.traces.headers["authorization"] == "Bearer secret"
