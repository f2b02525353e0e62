"""OpenInference: `@tracer.chain`."""

from benchmarks.peers.side import Side

REQUIRES = ("openinference-instrumentation", "opentelemetry-sdk")


def prepare(_endpoint: str) -> Side:
    """Its own provider without any processor, as the SDK beside it."""
    from openinference.instrumentation import TracerProvider

    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("benchmark")
    return Side(tracer.chain(name="predict"), '@tracer.chain(name="predict")', "no processor on either side")
