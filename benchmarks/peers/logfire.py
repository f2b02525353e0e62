"""Pydantic Logfire: `@logfire.instrument`."""

from benchmarks.peers.side import Side

REQUIRES = ("logfire",)


def prepare(_endpoint: str) -> Side:
    """Nothing is sent or printed: Logfire has no exporter, as the SDK beside it has none."""
    import logfire

    logfire.configure(send_to_logfire=False, console=False, inspect_arguments=False, metrics=False)
    return Side(logfire.instrument("predict"), '@logfire.instrument("predict")', "no exporter on either side")
