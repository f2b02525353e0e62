"""Write the trace's id on log lines: your own format, your own handlers, no change to the calls that log.

With `log="INFO"` a call writes its start and finish lines itself. It gives one trace; all four lines bear its id, and
with a collector they arrive there as log records of the same spans:

    count_words
    └─ clean
"""

import logging
import sys
from collections import Counter

from otel_ia import configure, monitor

logger = logging.getLogger("words")


@monitor
def clean(text: str) -> list[str]:
    """The words in lower case, without punctuation."""
    words = [word.strip(".,").lower() for word in text.split()]
    logger.info("%d words", len(words))
    return words


@monitor(log="INFO")
def count_words(text: str) -> Counter[str]:
    """How often each word is there."""
    counted = Counter(clean(text))
    logger.info("%d different ones", len(counted))
    return counted


if __name__ == "__main__":
    logging.basicConfig(level="INFO", stream=sys.stdout, format="%(levelname)s %(trace_id)s %(message)s")
    with configure(service_name="words"):
        count_words("Now is better than never, although never is often better than right now.")
