"""What redaction costs beside making the same attributes or text: `python benchmarks/redaction.py`.

Each round times both sides one after the other; printed are the median of our side, the ratio of the medians and the
quartiles of the ratios of single rounds.
"""

import itertools
import statistics
import time
import traceback
from collections.abc import Callable, Mapping

from otel_ia.redaction import make_redactor

ROUNDS = 41
NUMBERS = itertools.count()
PROSE = "The quick brown fox jumps over the lazy dog, and then asks: what does a model know of foxes? "
SECRET = "connecting with api_" + "key=Zq9xW3vB7nM1"


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


def main() -> None:
    """Prints one line for each operation."""
    redactor = make_redactor()
    attributes: Callable[[Mapping[str, object]], object] = redactor.redact_attributes
    text: Callable[[str], object] = redactor.redact_text
    trace = stack_trace()
    report("attributes of a call", attributes_of_a_call, lambda: attributes(attributes_of_a_call()), 20_000)
    report("attributes never seen", attributes_never_seen, lambda: attributes(attributes_never_seen()), 10_000)
    report("short text with a secret", SECRET.encode, lambda: text(SECRET), 500)
    report(f"stack trace of {len(trace):,} characters", stack_trace, lambda: text(stack_trace()), 300)
    prompt = (PROSE * 200)[:16_384]
    report("prompt of 16,384 characters", prompt.encode, lambda: text(prompt), 100)
    huge = PROSE * 110_000
    report("text of 10 MB", huge.encode, lambda: text(huge), 1)


def report(operation: str, plain: Callable[[], object], redacted: Callable[[], object], times: int) -> None:
    """Times both in turn; for the texts the plain side only encodes them as UTF-8."""
    rounds = [(seconds(plain, times), seconds(redacted, times)) for _ in range(ROUNDS)]
    base, ours = (statistics.median(side) for side in zip(*rounds, strict=True))
    low, _, high = statistics.quantiles(both[1] / both[0] for both in rounds)
    print(  # noqa: T201 - a benchmark prints
        f"{operation:36} plain {base * 1e6:9.2f} µs   redacted {ours * 1e6:9.2f} µs"
        f"   adds {(ours - base) * 1e6:9.2f} µs   ratio {ours / base:6.2f} ({low:.2f} to {high:.2f})"
    )


def seconds(function: Callable[[], object], times: int) -> float:
    """CPU time of this thread for one call."""
    begun = time.thread_time()
    for _ in range(times):
        function()
    return (time.thread_time() - begun) / times


if __name__ == "__main__":
    main()
