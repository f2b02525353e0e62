"""Write log records to a file, as JSON that Kibana correlates: set aside by size, so many kept, by settings alone.

The same without a change of code: `OTEL_IA_LOG_FILE=app.jsonl OTEL_IA_LOG_FILE_FORMAT=ecs python serve.py`. It gives
a trace for each order; its lines in the file bear `trace.id` and `span.id`:

    order
    └─ price
"""

import json
import logging
import sys
import tempfile
from pathlib import Path

from otel_ia import configure, monitor

logger = logging.getLogger("shop")


@monitor
def price(items: int) -> float:
    """What so many items cost."""
    if items < 1:
        raise ValueError("an order has items")
    logger.info("%d items", items, extra={"items": items})
    return items * 2.5


@monitor
def order(items: int) -> None:
    """One order; a bad one is logged with its stack trace."""
    try:
        price(items)
    except ValueError:
        logger.exception("order refused")


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    file = folder / "shop.jsonl"
    with configure(
        service_name="shop",
        log_level="INFO",
        log_file=file,
        log_file_format="ecs",
        log_file_size=2_000,
        log_file_backups=2,
    ):
        for items in (3, 0, 2, 5, 0, 1):
            order(items)
    for path in sorted(folder.glob("shop.jsonl*")):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            print(path.name, entry["log.level"], entry["message"], entry["trace.id"][:8])
