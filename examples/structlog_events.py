"""Keep logging with structlog: ids in what it renders, the events exported with their fields.

It gives one trace; both lines bear its id, and with a collector they arrive there as log records of the same spans:

    restock
    └─ count
"""

import structlog

from otel_ia import configure, monitor
from otel_ia.integrations.structlog import install

log = structlog.get_logger()


@monitor
def count(shelf: list[str]) -> int:
    """How many things are there."""
    log.info("counted", shelf=len(shelf))
    return len(shelf)


@monitor
def restock(shelf: list[str], wanted: int) -> list[str]:
    """The shelf with what was missing."""
    missing = wanted - count(shelf)
    log.warning("added", missing=missing)
    return shelf + ["box"] * missing


if __name__ == "__main__":
    structlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()])
    with configure(service_name="shelf"), install():
        restock(["box"], 3)
