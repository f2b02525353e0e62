"""Spools and shippers with real spans, log records and metrics, at a pace that tests can wait for."""

import contextlib
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.resources import Resource

from otel_ia.delivery.payloads import make_payload, span_key, time_of
from otel_ia.delivery.shipping.pace import Pace
from otel_ia.delivery.shipping.shipper import Shipper
from otel_ia.delivery.shipping.transport import make_transport
from otel_ia.delivery.spooling.frames import LOG, METRICS, SPAN
from otel_ia.delivery.spooling.spool import Spool
from otel_ia.delivery.wire.logs import encode_log
from otel_ia.delivery.wire.requests import encode_resource, encode_scope
from otel_ia.delivery.wire.spans import encode_span, static_span

from .collectors import destination

QUICK = Pace(linger=0.01, first_retry=0.01, longest_retry=0.05, scan_every=0.2)
SCOPE_ID = 300
IDENTITY = encode_resource(Resource({"service.name": "tested"}))


def span(name: str, *, is_open: bool = False, number: int = 1) -> bytes:
    """The payload of a SPAN or START frame."""
    now = time.time_ns()
    message = encode_span(static_span(name), 1, number, None, now, 0 if is_open else now)
    return make_payload(SCOPE_ID, message)


def log(body: str) -> bytes:
    """The payload of a LOG frame."""
    return make_payload(SCOPE_ID, encode_log(time.time_ns(), time.time_ns(), 9, "INFO", body))


def metric(name: str) -> bytes:
    """The payload of a METRICS frame."""
    scope = ScopeMetrics(scope=InstrumentationScope(name="tested"), metrics=[Metric(name=name)])
    return ResourceMetrics(scope_metrics=[scope]).SerializeToString()


def append_spans(spool: Spool, *names: str) -> list[str]:
    """Appends spans of these names."""
    for name in names:
        spool.append(SPAN, span(name))
    return list(names)


def append_all(spool: Spool, name: str) -> None:
    """A span, a log record and a metric of one name."""
    spool.append(SPAN, span(name))
    spool.append(LOG, log(name))
    spool.append(METRICS, metric(name))


@contextmanager
def spooling(directory: Path, **options: Any) -> Iterator[Spool]:
    """A spool with a scope, closed at the end."""
    arguments = {
        "fingerprint": b"destination",
        "identity": lambda: IDENTITY,
        "directory": directory,
        "span_key": span_key,
        "time_of": time_of,
        "tell": lambda text: None,
        **options,
    }
    spool = Spool(**arguments)
    try:
        spool.define_scope(make_payload(SCOPE_ID, encode_scope("tested")))
        yield spool
    finally:
        spool.close()


@contextmanager
def shipping(
    directory: Path,
    endpoint: str,
    *,
    signals: tuple[Any, ...] = ("traces",),
    pace: Pace = QUICK,
    spool_options: Any = None,
    teller: Any = None,
    is_started: bool = True,
    **changes: Any,
) -> Iterator[tuple[Spool, Shipper]]:
    """A spool and its shipper, to `endpoint` or, over HTTP, its `/v1/<signal>`; stopped and closed at the end."""
    is_grpc = changes.get("protocol") == "grpc"
    with ExitStack() as opened:
        spool = opened.enter_context(spooling(directory, **(spool_options or {})))
        transports = {
            signal: make_transport(signal, destination(endpoint if is_grpc else f"{endpoint}/v1/{signal}", **changes))
            for signal in signals
        }
        shipper = Shipper(spool, transports, pace=pace, teller=teller)
        opened.callback(shipper.stop, 0.5)
        if is_started:
            shipper.start()
        yield spool, shipper


def wait_until(is_so: Any, timeout: float = 15.0) -> None:
    """Returns when it is so."""
    end = time.monotonic() + timeout
    while not is_so():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)


def segments(directory: Path) -> list[str]:
    """The segments in a spool's directory."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(path.name for path in directory.iterdir() if path.suffix == ".segment")
    return []
