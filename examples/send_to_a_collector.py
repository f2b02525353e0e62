"""Send to an OTLP collector: the endpoint comes from the environment, the code stays the same.

    OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 python send_to_a_collector.py

It gives one trace, in which the second call fails, and a log record with its trace id:

    report
    ├─ root  value=2.0
    └─ root  value=-2.0, ValueError
"""

import logging
import math

from otel_ia import configure, monitor

logger = logging.getLogger("roots")


def root(value: float) -> float:
    """The square root."""
    with monitor("root", attributes={"value": value}):
        return math.sqrt(value)


@monitor
def report(values: list[float]) -> list[float | None]:
    """The roots of those that have one."""
    roots: list[float | None] = []
    for value in values:
        try:
            roots.append(root(value))
        except ValueError:
            logger.warning("%s has no root", value)
            roots.append(None)
    return roots


if __name__ == "__main__":
    telemetry = configure(service_name="roots")
    print(report([2.0, -2.0]))
    # Not needed at the end of a program, which sends what is left; good before a machine is taken away.
    if not telemetry.flush(timeout=5):
        print("not everything has left yet")
    telemetry.shutdown()
