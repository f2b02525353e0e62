"""The names that home-made monitoring helpers usually have: change the import, keep the code.

They write their lines at once, and give spans after `configure`. It gives one trace:

    nightly batch
    ├─ load_prices
    └─ write report
"""

import logging
import statistics
import sys
from itertools import pairwise

from otel_ia import configure, log_execution, monitor_context, monitor_decorator


@log_execution
def load_prices() -> list[float]:
    """Two weeks of prices."""
    return [101.2, 101.9, 100.4, 99.8, 102.3, 103.1, 102.7, 104.0, 103.6, 105.2]


@monitor_decorator("nightly batch")
def run() -> str:
    """What is told about the prices."""
    prices = load_prices()
    with monitor_context("write report"):
        changes = [after / before - 1 for before, after in pairwise(prices)]
        return f"mean change {statistics.mean(changes):+.2%}, volatility {statistics.stdev(changes):.2%}"


if __name__ == "__main__":
    logging.basicConfig(level="DEBUG", stream=sys.stdout, format="%(levelname)s %(message)s")
    with configure(service_name="prices"):
        print(run())
