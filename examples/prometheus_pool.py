"""Let Prometheus scrape a pool of processes: one answer counts the calls of all, of those that have ended too.

    python prometheus_pool.py    # and while it runs: http://localhost:9464/metrics

It needs `python -m pip install "otel_ia[prometheus]"`. It prints what Prometheus would see: ten roots and two errors.
"""

import multiprocessing
from collections.abc import Iterator
from contextlib import suppress

import otel_ia
from otel_ia.prometheus import registry

# each process of the pool imports this file: all say the same, and so belong to one service
telemetry = otel_ia.configure(service_name="roots", metrics_exporter="prometheus", console=False)


@otel_ia.monitor("root", attributes={"ia.stage": "inference"})
def root(value: float) -> float:
    """The square root."""
    if value < 0:
        raise ValueError(f"{value} has no root")
    return float(value**0.5)


def work(values: list[float]) -> None:
    """What a process of the pool does before it ends."""
    for value in values:
        with suppress(ValueError):
            root(value)


def shown() -> Iterator[str]:
    """The counts as they are scraped; a web application would mount this registry."""
    for family in registry().collect():
        for sample in family.samples:
            if sample.name == "ia_call_duration_seconds_count":
                yield f"{sample.name} {sample.labels['ia_outcome']} {sample.value:g}"


if __name__ == "__main__":
    processes = multiprocessing.get_context("spawn")
    workers = [processes.Process(target=work, args=([-1.0, *range(5)],)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print("\n".join(sorted(shown())))
    telemetry.shutdown()
