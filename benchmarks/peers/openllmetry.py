"""OpenLLMetry (traceloop-sdk): `@workflow`."""

import os

from benchmarks.peers.side import Side, batching_into_nothing

REQUIRES = ("traceloop-sdk", "httpx")  # which it imports without requiring it


def prepare(_endpoint: str) -> Side:
    """Its hooks in a batch processor whose exporter drops every span, beside such a one of the SDK's."""
    os.environ["TRACELOOP_TELEMETRY"] = "false"
    from traceloop.sdk import Traceloop
    from traceloop.sdk.decorators import workflow

    Traceloop.init("benchmark", processor=batching_into_nothing(), telemetry_enabled=False, instruments=set())
    note = "batch processors on both sides whose exporters drop"
    return Side(workflow(name="predict"), '@workflow(name="predict")', note, batching_into_nothing)
