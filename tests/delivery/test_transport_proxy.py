"""The way through a real proxy: requests forwarded, tunnels made, logins asked for, and what is told when it fails."""

import ssl
from pathlib import Path

import pytest
from proxy import proxying

from otel_ia.delivery.shipping.answers import accepted
from otel_ia.delivery.shipping.transport import make_transport

from .collectors import Reply, closed_port, collecting, collecting_grpc, destination

trustme = pytest.importorskip("trustme")
LOGIN = "me:p@ss word%"


def with_login(url, login="me:p%40ss%20word%25"):
    return url.replace("://", f"://{login}@")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """What an authority and its server have, and another authority."""
    folder = tmp_path_factory.mktemp("certificates")
    authority, other = trustme.CA(), trustme.CA()
    paths = {name: str(folder / f"{name}.pem") for name in ("authority", "other", "server")}
    authority.cert_pem.write_to_path(paths["authority"])
    other.cert_pem.write_to_path(paths["other"])
    server = authority.issue_cert("localhost", "collector.internal")
    server.private_key_and_cert_chain_pem.write_to_path(paths["server"])
    return paths


@pytest.fixture
def tls(files):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files["server"])
    return context


def send(endpoint, proxy, *, times=1, body=b"", **changes):
    """The last answer."""
    transport = make_transport("traces", destination(endpoint, proxy=proxy, **changes))
    try:
        return [transport.send(body, 5) for _ in range(times)][-1]
    finally:
        transport.close()


def test_a_plain_request_is_forwarded_whole_and_the_proxys_login_stays_with_the_proxy():
    with collecting() as collector, proxying(LOGIN) as proxy:
        address = f"{collector.endpoint}/some/path?key=1"
        changes = {"headers": {"Authorization": "Bearer x"}, "compression": "gzip", "body": b"\0" * 100_000}
        assert send(address, with_login(proxy.url), times=3, **changes) == accepted()
    assert proxy.forwarded == [address] * 3
    assert (proxy.tunnels, proxy.refused) == ([], 0)
    request = collector.taken[0]
    assert (request.path, request.body) == ("/some/path?key=1", b"\0" * 100_000)
    assert request.headers["authorization"] == "Bearer x"
    assert request.headers["host"] == collector.endpoint.removeprefix("http://")
    assert "proxy-authorization" not in request.headers


def test_a_user_of_the_collector_is_not_shown_to_the_proxy_in_the_address():
    with collecting() as collector, proxying() as proxy:
        assert send(with_login(f"{collector.endpoint}/v1/traces"), proxy.url) == accepted()
    assert proxy.forwarded == [f"{collector.endpoint}/v1/traces"]
    assert collector.taken[0].headers["authorization"].startswith("Basic ")


def test_to_an_https_collector_there_is_one_tunnel_and_the_collector_itself_is_verified(files, tls):
    with collecting(tls=tls) as collector, proxying(LOGIN) as proxy:
        way = with_login(proxy.url)
        assert send(f"{collector.endpoint}/v1/traces", way, times=3, certificate=files["authority"]) == accepted()
        assert proxy.tunnels == [collector.endpoint.removeprefix("https://")]
        answer = send(f"{collector.endpoint}/v1/traces", way, certificate=files["other"])
    assert [request.path for request in collector.taken] == ["/v1/traces"] * 3
    assert "proxy-authorization" not in collector.taken[0].headers
    assert (answer.outcome, "certificate" in answer.reason) == ("blocked", True)


@pytest.mark.parametrize("is_secure", [False, True], ids=["http", "https"])
def test_names_are_looked_up_by_the_proxy(files, tls, is_secure):
    with collecting(tls=tls if is_secure else None) as collector, proxying() as proxy:
        port = collector.endpoint.rpartition(":")[2]
        proxy.resolves = {"collector.internal": "localhost", f"collector.internal:{port}": f"localhost:{port}"}
        address = collector.endpoint.replace("localhost", "collector.internal")
        assert send(address, proxy.url, certificate=files["authority"]) == accepted()


@pytest.mark.parametrize("is_secure", [False, True], ids=["http", "https"])
def test_a_proxy_that_wants_another_login_is_told_of_without_it(tls, files, is_secure):
    with collecting(tls=tls if is_secure else None) as collector, proxying(LOGIN) as proxy:
        answer = send(collector.endpoint, with_login(proxy.url, "me:geheim"), certificate=files["authority"])
    assert answer.outcome == "blocked"
    assert "407 Proxy Authentication Required" in answer.reason
    assert "see the setting `proxy` (OTEL_IA_PROXY)" in answer.reason
    assert "geheim" not in answer.reason
    assert collector.requests == []


@pytest.mark.parametrize(("status", "outcome"), [(403, "blocked"), (404, "blocked"), (429, "retry"), (503, "retry")])
def test_a_tunnel_that_is_not_made_waits_or_wants_a_person(tls, files, status, outcome):
    with collecting(tls=tls) as collector, proxying() as proxy:
        proxy.status = status
        answer = send(collector.endpoint, proxy.url, certificate=files["authority"])
    assert answer.outcome == outcome
    assert answer.reason.startswith(f"the proxy {proxy.url} answers {status}")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_collector_that_the_proxy_does_not_reach_is_tried_again(scheme):
    with proxying() as proxy:
        answer = send(f"{scheme}://localhost:{closed_port()}", proxy.url)
    assert (answer.outcome, "502 Bad Gateway" in answer.reason) == ("retry", True)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_named_without_its_login(scheme):
    port = closed_port()
    answer = send(f"{scheme}://localhost:1", f"http://me:geheim@127.0.0.1:{port}")
    assert (answer.outcome, answer.reason) == ("retry", f"connection refused, at the proxy http://***@127.0.0.1:{port}")
    answer = send(f"{scheme}://localhost:1", "http://proxy.invalid")
    assert (answer.outcome, answer.reason) == (
        "retry",
        "the host's name is not known, at the proxy http://proxy.invalid",
    )


def test_the_environment_has_no_say(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    with collecting() as collector, proxying() as proxy:
        assert send(collector.endpoint, proxy.url) == accepted()
        assert send(collector.endpoint, None) == accepted()
    assert len(proxy.forwarded) == 1


def test_a_tunnel_that_was_closed_while_idle_is_made_anew_unnoticed(tls, files):
    with collecting(lambda _: Reply(headers={"Connection": "close"}), tls=tls) as collector, proxying() as proxy:
        assert send(collector.endpoint, proxy.url, times=2, certificate=files["authority"]) == accepted()
    assert len(proxy.tunnels) == 2


def grpc_collector(files, *, is_secure):
    import grpc

    server = Path(files["server"]).read_bytes()
    return collecting_grpc(credentials=grpc.ssl_server_credentials([(server, server)]) if is_secure else None)


@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "tls"])
def test_grpc_goes_through_a_tunnel(files, is_secure):
    with grpc_collector(files, is_secure=is_secure) as collector, proxying(LOGIN) as proxy:
        changes = {"protocol": "grpc", "certificate": files["authority"], "headers": {"x-team": "a"}}
        assert send(collector.endpoint, with_login(proxy.url), times=2, **changes) == accepted()
    assert proxy.tunnels == [collector.endpoint.partition("://")[2]]
    assert collector.taken[0].headers["x-team"] == "a"


def test_a_proxy_that_lets_grpc_not_through_is_told_of_without_its_login(files):
    with grpc_collector(files, is_secure=False) as collector, proxying(LOGIN) as proxy:
        answer = send(collector.endpoint, with_login(proxy.url, "me:geheim"), protocol="grpc")
        address = with_login(proxy.url, "***")
        reason = (
            f"the proxy {address} answers 407 Proxy Authentication Required; see the setting `proxy` (OTEL_IA_PROXY)"
        )
        assert (answer.outcome, answer.reason) == ("blocked", reason)
        proxy.status = 503
        answer = send(collector.endpoint, with_login(proxy.url), protocol="grpc")
        assert (answer.outcome, answer.reason) == ("retry", f"the proxy {address} answers 503 Service Unavailable")
    answer = send(collector.endpoint, f"http://me:geheim@127.0.0.1:{closed_port()}", protocol="grpc")
    assert (answer.outcome, "geheim" in answer.reason) == ("retry", False)


def test_without_a_proxy_of_its_own_grpc_asks_none(files, monkeypatch):
    for name in ("grpc_proxy", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    with grpc_collector(files, is_secure=False) as collector:
        assert send(collector.endpoint, None, protocol="grpc") == accepted()
