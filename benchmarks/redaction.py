"""What redaction costs beside making the same attributes or text without it: `python -m benchmarks.redaction`.

CPU of the thread. The plain side of a text only encodes it as UTF-8.
"""

import itertools
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from benchmarks.effort import FULL, Effort
from benchmarks.rounds import Operation, interleave
from benchmarks.rows import Row, row_of
from benchmarks.table import print_rows
from otel_ia.redaction import make_redactor

NUMBERS: Final = itertools.count()
PROSE: Final = "The quick brown fox jumps over the lazy dog, and then asks: what does a model know of foxes? "
SECRET: Final = "connecting with api_" + "key=Zq9xW3vB7nM1"
NOTE: Final = "beside the same without redaction"


def measure(effort: Effort) -> Iterator[Row]:
    """One row for each kind of attributes and texts."""
    redactor = make_redactor()
    attributes: Callable[[Mapping[str, object]], object] = redactor.redact_attributes
    text: Callable[[str], object] = redactor.redact_text
    trace = stack_trace()
    prompt, huge = (PROSE * 200)[:16_384], PROSE * 110_000

    def row(operation: str, plain: Operation, redacted: Operation, share: int) -> Row:
        calls = max(1, effort.calls // share)
        rounds = interleave(redacted, plain, calls=calls, rounds=effort.rounds // 2)
        return row_of(operation, rounds, per=calls, note=NOTE)

    yield row("attributes of a call", attributes_of_a_call, lambda: attributes(attributes_of_a_call()), 1)
    yield row("attributes never seen", attributes_never_seen, lambda: attributes(attributes_never_seen()), 1)
    yield row("short text with a secret", SECRET.encode, lambda: text(SECRET), 1)
    yield row(f"stack trace of {len(trace):,} characters", stack_trace, lambda: text(stack_trace()), 2)
    yield row("prompt of 16,384 characters", prompt.encode, lambda: text(prompt), 10)
    yield row("text of 10 MB", huge.encode, lambda: text(huge), 1_000)


def attributes_of_a_call() -> dict[str, object]:
    """Four attributes as a typical call has them."""
    return {"gen_ai.request.model": "gpt-4o-mini", "ia.batch.size": 32, "ia.score": 0.5, "ia.cached": True}


def attributes_never_seen() -> dict[str, object]:
    """The same with an identifier that no other call has."""
    return {"request.id": f"req-{next(NUMBERS):012d}", "ia.batch.size": 32, "ia.score": 0.5, "ia.cached": True}


def stack_trace(depth: int = 30) -> str:
    """The text of an exception that rose through so many calls, with a message that no other has."""
    try:
        return stack_trace(depth - 1) if depth else str(1 // depth)
    except ZeroDivisionError as error:
        if depth < 30:  # noqa: PLR2004 - the outermost call describes it
            raise
        return "".join(traceback.format_exception(error)) + str(next(NUMBERS))


if __name__ == "__main__":
    print_rows(measure(FULL))
