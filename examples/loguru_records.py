"""Keep logging with loguru: the trace's id in your own format, the records exported with their fields.

It gives one trace; both lines bear its id, and with a collector they arrive there as log records of the same spans:

    restock
    └─ count
"""

import sys

from loguru import logger

from otel_ia import configure, monitor
from otel_ia.integrations.loguru import install


@monitor
def count(shelf: list[str]) -> int:
    """How many things are there."""
    logger.bind(shelf=len(shelf)).info("counted")
    return len(shelf)


@monitor
def restock(shelf: list[str], wanted: int) -> list[str]:
    """The shelf with what was missing."""
    missing = wanted - count(shelf)
    logger.success("{} added", missing)
    return shelf + ["box"] * missing


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stdout, format="{level} {extra[trace_id]} {message}")
    with configure(service_name="shelf"), install():
        restock(["box"], 3)
