"""Langfuse: `@observe`."""

from benchmarks.peers.side import DroppingExporter, Side, batching_into_nothing

REQUIRES = ("langfuse",)


def prepare(endpoint: str) -> Side:
    """Its own batch processor, whose exporter drops every span, beside the SDK's with the same exporter."""
    from langfuse import Langfuse, observe

    Langfuse(public_key="benchmark", secret_key="none", base_url=endpoint, span_exporter=DroppingExporter())  # noqa: S106
    return Side(
        observe(name="predict"),
        '@observe(name="predict")',
        "batch processors on both sides whose exporters drop",
        batching_into_nothing,
    )
