"""Our side, configured as a program would be: to a collector, with a spool on disk."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import otel_ia
from benchmarks.collector import collecting


@contextmanager
def sending() -> Iterator[Callable[..., otel_ia.Telemetry]]:
    """`configure`, whatever else it is given; the collector and the spool are there for the time of the block."""
    with tempfile.TemporaryDirectory() as spool, collecting() as collector:
        yield partial(
            otel_ia.configure,
            service_name="benchmark",
            console=False,
            endpoint=collector.endpoint,
            spool_directory=spool,
            prometheus_directory=f"{spool}/prometheus",
        )
