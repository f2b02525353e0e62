"""Metrics for Prometheus to scrape, one answer for all processes of a service."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from otel_ia.errors import MissingLibraryError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

__all__ = ["registry"]
_made: list["CollectorRegistry"] = []


def registry() -> "CollectorRegistry":
    """The registry to mount in a web application of your own: `make_asgi_app(registry=registry())`.

    It is the same one each time, and shows what the configuration in effect shows: with `prometheus` among
    `metrics_exporter` the metrics of all processes of the service, else nothing. `prometheus_client`'s own registry is
    left alone, for what it counts is of one process.

    Raises:
        MissingLibraryError: `prometheus_client` is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry
    except ModuleNotFoundError as error:
        if error.name != "prometheus_client":
            raise
        command = 'python -m pip install "otel_ia[prometheus]"'
        raise MissingLibraryError(f"prometheus_client is not installed: {command}", name=error.name) from None
    if not _made:
        made: Any = CollectorRegistry(support_collectors_without_names=True)
        made.register(_InEffect())
        _made.append(made)
    return _made[0]


class _InEffect:
    """Collects what the newest configuration shows."""

    def collect(self) -> Iterator["Metric"]:
        from otel_ia.prometheus.scrapes import shown

        if shown:
            yield from shown[-1].collect()
