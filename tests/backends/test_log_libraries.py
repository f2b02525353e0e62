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

with otel_ia.configure(service_name="libraries", endpoint=sys.argv[1]), loguru.install(), structlog_events.install():
    with otel_ia.bound(tenant="t-1"), otel_ia.monitor("request") as span:
        print(f"{span.get_span_context().trace_id:032x}")
        try:
            raise ValueError("broken")
        except ValueError:
            logging.getLogger("stdlib").exception("stdlib", extra={"user": 7})
            logger.bind(user=7).exception("loguru")
            structlog.get_logger("structlog").exception("structlog", user=7)
"""


def test_records_of_stdlib_loguru_and_structlog_arrive_alike(collector: Collector) -> None:
    collector.program.start()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, collector.http_endpoint],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
    )
    trace_id = done.stdout.splitlines()[0]
    records = collector.wait_for_logs(lambda record: record.trace_id == trace_id, count=3)
    assert sorted(record.body for record in records) == ["loguru", "stdlib", "structlog"]
    assert {(record.severity, record.attributes["tenant"]) for record in records} == {("ERROR", "t-1")}
    assert {record.attributes["exception.type"] for record in records} == {"ValueError"}
    assert {str(record.attributes["user"]) for record in records} == {"7"}
    assert len({record.span_id for record in records}) == 1
