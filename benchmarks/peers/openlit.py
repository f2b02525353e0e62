"""OpenLIT: `@openlit.trace`."""

from pathlib import Path

from benchmarks.peers.side import Side

REQUIRES = ("openlit", "opentelemetry-sdk")


def prepare(_endpoint: str) -> Side:
    """The provider is there before OpenLIT is initialised, which then adds nothing to it."""
    import openlit
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
    prices = Path("prices.json")  # without a file of prices it would fetch one
    prices.write_text("{}")
    openlit.init(disable_metrics=True, disable_events=True, pricing_json=str(prices))
    return Side(openlit.trace, "@openlit.trace", "no processor on either side")
