"""TLS over HTTP and gRPC, with real certificates: who is trusted, and who has to show a certificate."""

import ssl
from pathlib import Path

import pytest

from otel_ia.delivery.shipping.answers import accepted
from otel_ia.delivery.shipping.transport import make_transport

from .collectors import closed_port, collecting, collecting_grpc, destination

trustme = pytest.importorskip("trustme")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Paths of what an authority, a server and a client have, and of another authority."""
    folder = tmp_path_factory.mktemp("certificates")
    authority, other = trustme.CA(), trustme.CA()
    paths = {name: str(folder / f"{name}.pem") for name in ("authority", "other", "server", "client", "client_key")}
    authority.cert_pem.write_to_path(paths["authority"])
    other.cert_pem.write_to_path(paths["other"])
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(paths["server"])
    client = authority.issue_cert("me@example.org")
    client.cert_chain_pems[0].write_to_path(paths["client"])
    client.private_key_pem.write_to_path(paths["client_key"])
    return paths


def server_context(files, *, wants_client=False):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files["server"])
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(files["authority"])
    return context


def grpc_credentials(files, *, wants_client=False):
    import grpc

    server = Path(files["server"]).read_bytes()
    authority = Path(files["authority"]).read_bytes() if wants_client else None
    return grpc.ssl_server_credentials([(server, server)], authority, wants_client)


def collector_of(protocol, files, *, wants_client=False):
    if protocol == "grpc":
        return collecting_grpc(credentials=grpc_credentials(files, wants_client=wants_client))
    return collecting(tls=server_context(files, wants_client=wants_client))


def send(endpoint, **changes):
    transport = make_transport("traces", destination(endpoint, **changes))
    try:
        return transport.send(b"", 5)
    finally:
        transport.close()


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_server_of_the_given_authority_is_trusted(files, protocol):
    with collector_of(protocol, files) as collector:
        assert send(collector.endpoint, protocol=protocol, certificate=files["authority"]) == accepted()
    assert len(collector.taken) == 1


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("certificate", [None, "other"])
def test_a_server_of_another_authority_is_sent_nothing_and_told(files, protocol, certificate):
    with collector_of(protocol, files) as collector:
        answer = send(collector.endpoint, protocol=protocol, certificate=files[certificate] if certificate else None)
    assert answer.outcome == "blocked"
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in answer.reason
    assert collector.requests == []


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_server_of_another_name_is_sent_nothing(files, protocol):
    with collector_of(protocol, files) as collector:
        endpoint = collector.endpoint.replace("localhost", "127.0.0.1")
        assert send(endpoint, protocol=protocol, certificate=files["authority"]).outcome == "blocked"
    assert collector.requests == []


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_client_with_its_certificate_is_let_in(files, protocol):
    with collector_of(protocol, files, wants_client=True) as collector:
        answer = send(
            collector.endpoint,
            protocol=protocol,
            certificate=files["authority"],
            client_certificate=files["client"],
            client_key=files["client_key"],
        )
    assert answer == accepted()


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_client_without_one_is_not(files, protocol):
    with collector_of(protocol, files, wants_client=True) as collector:
        answer = send(collector.endpoint, protocol=protocol, certificate=files["authority"])
    assert answer.outcome in {"blocked", "retry"}  # the server may have closed before its alert was read
    assert collector.requests == []


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_file_that_is_gone_is_told_by_its_setting(files, protocol):
    answer = send(f"https://localhost:{closed_port()}", protocol=protocol, certificate=files["authority"] + ".gone")
    assert answer.outcome == "blocked"
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in answer.reason


def test_a_server_without_tls_is_told_by_its_setting(files):
    with collecting() as collector:
        answer = send(collector.endpoint.replace("http", "https", 1), certificate=files["authority"])
    assert answer.outcome == "blocked"
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in answer.reason


def test_a_certificate_that_was_put_right_is_read_again(files, tmp_path):
    changing = tmp_path / "authority.pem"
    changing.write_bytes(Path(files["other"]).read_bytes())
    with collecting(tls=server_context(files)) as collector:
        transport = make_transport("traces", destination(collector.endpoint, certificate=str(changing)))
        assert transport.send(b"", 5).outcome == "blocked"
        changing.write_bytes(Path(files["authority"]).read_bytes())
        assert transport.send(b"", 5) == accepted()
        transport.close()
