"""Secrets that a program handles, and those it needs to reach its collector: on no disk, in no log, in no telemetry."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from planted import BARE, IN_CONTEXT, RUN
from receiver import CLOSE, HANG, Receiver, Reply, receiving

from .programs import deliver_what_is_left, finish

trustme = pytest.importorskip("trustme")

PLANTED = {name: (secret, secret) for name, secret in BARE.items()} | {
    name: (form.format(secret), secret) for name, (form, secret) in IN_CONTEXT.items()
}
WINDOW = 8


def found_in(content: bytes, secrets: dict[str, str]) -> set[str]:
    """The names of the secrets of which so many characters in a row are there."""
    runs = {
        secret[at : at + WINDOW].encode(): name
        for name, secret in secrets.items()
        for at in range(len(secret) - WINDOW + 1)
    }
    return {runs[run] for at in range(len(content)) if (run := content[at : at + WINDOW]) in runs}


def test_what_a_program_handles_is_taken_out_before_it_reaches_the_disk(
    receiver: Receiver, spool: Path, tmp_path: Path
) -> None:
    receiver.status = 503
    (tmp_path / "texts.json").write_text(json.dumps([text for text, _ in PLANTED.values()]))
    (tmp_path / "source").mkdir()
    program = [sys.executable, "-W", "error", str(Path(__file__).parent / "planting.py"), receiver.endpoint]
    done = subprocess.run(
        [*program, str(tmp_path / "texts.json"), str(tmp_path / "source")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "OTEL_RESOURCE_ATTRIBUTES": f"deploy.note=Bearer%20{RUN},deploy.password={RUN},deploy=7"},
    )
    assert done.returncode == 0, done.stderr
    secrets = {name: secret for name, (_, secret) in PLANTED.items()}
    assert min(map(len, secrets.values())) >= WINDOW
    kept = b"".join(file.read_bytes() for file in spool.iterdir())
    assert kept.count(b"[redacted: ") > 20 * len(PLANTED)
    assert found_in(kept, secrets) == set()
    receiver.status = 200
    deliver_what_is_left(receiver, spool)
    bodies = [message.SerializeToString() for message in (*receiver.spans, *receiver.logs)]
    assert found_in(b"".join(bodies), secrets) == set()
    assert found_in(json.dumps(receiver.resources).encode(), secrets) == set()
    assert all(resource["deploy"] == "7" for resource in receiver.resources)
    # six spans that ended and two that did not, four log records
    assert len(receiver.spans) == 8 * len(PLANTED)
    assert len(receiver.logs) == 4 * len(PLANTED)


TOLD = """
logging.basicConfig(level="DEBUG")
logging.getLogger("http.client").setLevel("DEBUG")
def record():
    work(1)
    logging.info("logged")
    logging.debug("%r", telemetry)
"""


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=401, body=b"wrong: Bearer {secret}"),
        Reply(status=400, body=b"wrong: Bearer {secret}"),
        Reply(status=503, headers={"Retry-After": "1"}),
        Reply(status=307, headers={"Location": "http://localhost:9/?token={secret}"}),
        Reply(body=b"partial"),
        CLOSE,
        HANG,
    ],
    ids=["401", "400", "503", "307", "partial", "closing", "hanging"],
)
def test_what_it_shows_its_collector_is_on_no_disk_and_in_no_line(
    receiver: Receiver, spool: Path, tmp_path: Path, reply: Reply
) -> None:
    token, password, key = f"token-{RUN}", f"word-{RUN[::-1]}", f"{RUN}key"
    if reply.body == b"partial":
        partial = ExportTracePartialSuccess(rejected_spans=1, error_message=f"not for Bearer {token} of me:{password}")
        reply = Reply(body=ExportTraceServiceResponse(partial_success=partial).SerializeToString())
    reply = Reply(
        status=reply.status,
        headers={name: value.format(secret=token) for name, value in reply.headers.items()},
        body=reply.body.replace(b"{secret}", token.encode()),
        answers=reply.answers,
        closes=reply.closes,
    )
    receiver.behaviour = lambda _: reply
    authority = trustme.CA().issue_cert("me")
    (tmp_path / "key.pem").write_bytes(authority.private_key_pem.bytes())
    (tmp_path / "certificate.pem").write_bytes(authority.cert_chain_pems[0].bytes())
    endpoint = receiver.endpoint.replace("://", f"://me:{password}@")
    program = f"{TOLD}\nrecord()\ntelemetry.flush(1)\nrecord()"
    _, err, status = finish(
        program,
        endpoint,
        OTEL_EXPORTER_OTLP_HEADERS=f"authorization=Bearer%20{token},x-api-key={key}",
        OTEL_EXPORTER_OTLP_CLIENT_KEY=str(tmp_path / "key.pem"),
        OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=str(tmp_path / "certificate.pem"),
        OTEL_EXPORTER_OTLP_TIMEOUT="0.5",
    )
    assert status == 0, err
    assert "logged" in err
    assert receiver.headers[0]["authorization"] == f"Bearer {token}"
    assert receiver.headers[0]["x-api-key"] == key
    secrets = {
        "token": token,
        "password": password,
        "key": key,
        "private key": authority.private_key_pem.bytes().decode().splitlines()[1],
    }
    kept = b"".join(file.read_bytes() for file in spool.iterdir())
    arrived = b"".join(record.SerializeToString() for record in receiver.logs)
    assert found_in(kept + err.encode() + arrived, secrets) == set()
    assert reply.status == 200 or b"logged" in kept


def test_the_spool_is_its_users_alone_and_no_link_is_followed(nobody: str, tmp_path: Path) -> None:
    umask = "import os\nos.umask(0)\n"
    spool = tmp_path / "state" / "spool"
    _, err, status = finish("work(1)", nobody, before=umask, OTEL_IA_SPOOL_DIRECTORY=str(spool))
    assert status == 0, err
    assert {path.stat().st_mode & 0o777 for path in (spool, spool.parent)} == {0o700}
    assert {file.lstat().st_mode & 0o777 for file in spool.iterdir()} == {0o600}
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "link"
    elsewhere.mkdir(mode=0o700)
    link.symlink_to(elsewhere)
    _, err, status = finish("work(1)", nobody, OTEL_IA_SPOOL_DIRECTORY=str(link))
    assert status == 0
    assert "only in memory" in err
    assert list(elsewhere.iterdir()) == []


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[tuple[ssl.SSLContext, str]]:
    """What a server needs, and the file with which a client trusts it."""
    made = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.issue_cert("localhost").configure_cert(context)
    made.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    return context, str(tmp_path / "authority.pem")


def test_a_server_that_is_not_trusted_is_shown_nothing(authority: tuple[ssl.SSLContext, str], spool: Path) -> None:
    context, certificate = authority
    with receiving(tls=context) as receiver:
        _, err, status = finish(
            "work(1)\nassert not telemetry.flush(0.5)",
            receiver.endpoint,
            OTEL_EXPORTER_OTLP_HEADERS=f"authorization=Bearer%20{RUN}",
        )
        assert status == 0, err
        assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in err
        assert (receiver.headers, receiver.spans) == ([], [])
        _, err, status = finish(
            "work(2)\nassert telemetry.flush(10)", receiver.endpoint, OTEL_EXPORTER_OTLP_CERTIFICATE=certificate
        )
        assert (err, status) == ("", 0)
        assert len(receiver.spans) == 2
