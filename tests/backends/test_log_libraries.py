"""Log records of three libraries, each with a level, a field, an exception and ids, in the real Collector's file."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .servers import Collector

pytest.importorskip("loguru")
pytest.importorskip("structlog")
pytestmark = pytest.mark.backends

PROGRAM = """
import logging, sys
import otel_ia, structlog
from loguru import logger
from otel_ia.integrations import loguru, structlog as structlog_events

_, endpoint, protocol = sys.argv
settings = {"service_name": "libraries", "endpoint": endpoint, "protocol": protocol, "log_level": "DEBUG"}
with otel_ia.configure(**settings), loguru.install(), structlog_events.install():
    stdlib, event = logging.getLogger("stdlib"), structlog.get_logger("structlog")
    with otel_ia.bound(tenant="t-1"), otel_ia.monitor("request") as span:
        context = span.get_span_context()
        print(f"{context.trace_id:032x} {context.span_id:016x}")
        for level in ("debug", "info", "warning", "error", "critical"):
            getattr(stdlib, level)("stdlib %s", level, extra={"user": 7, "share": 0.5, "cached": True})
            getattr(logger.bind(user=7, share=0.5, cached=True), level)("loguru {}", level)
            getattr(event, level)(f"structlog {level}", user=7, share=0.5, cached=True)
        try:
            raise ValueError("broken")
        except ValueError:
            stdlib.exception("stdlib failed", extra={"user": 7, "share": 0.5, "cached": True})
            logger.bind(user=7, share=0.5, cached=True).exception("loguru failed")
            event.exception("structlog failed", user=7, share=0.5, cached=True)
"""
SEVERITIES = {
    "debug": (5, "DEBUG"),
    "info": (9, "INFO"),
    "warning": (13, "WARNING"),
    "error": (17, "ERROR"),
    "critical": (21, "CRITICAL"),
    "failed": (17, "ERROR"),
}


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_records_of_stdlib_loguru_and_structlog_arrive_alike(collector: Collector, protocol: str) -> None:
    collector.program.start()
    endpoint = collector.grpc_endpoint if protocol == "grpc" else collector.http_endpoint
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, endpoint, protocol],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
    )
    trace_id, span_id = done.stdout.splitlines()[0].split()
    libraries = ("stdlib", "loguru", "structlog")
    expected = {f"{library} {said}": SEVERITIES[said] for library in libraries for said in SEVERITIES}
    records = collector.wait_for_logs(lambda record: record.trace_id == trace_id, count=len(expected))
    assert sorted(record.body for record in records) == sorted(expected)
    for record in records:
        library, said = record.body.split()
        assert (record.severity_number, record.severity) == expected[record.body]
        assert record.span_id == span_id
        assert record.resource["service.name"] == "libraries"
        kept = {name: record.attributes[name] for name in ("tenant", "user", "share", "cached")}
        assert kept == {"tenant": "t-1", "user": 7, "share": 0.5, "cached": True}, library
        if said == "failed":
            assert record.attributes["exception.type"] == "ValueError"
            assert record.attributes["exception.message"] == "broken"
            assert "ValueError: broken" in record.attributes["exception.stacktrace"]
        else:
            assert not [name for name in record.attributes if name.startswith("exception.")]
