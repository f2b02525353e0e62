"""Measures one library's decorator beside the plain SDK, in an environment that has this library.

`python -m benchmarks.peers.measure NAME ENDPOINT CALLS ROUNDS` prints what it found as JSON. It runs without otel_ia.
"""

import importlib
import json
import sys
from importlib.metadata import version
from typing import Any

from opentelemetry.sdk.trace import TracerProvider

from benchmarks.peers.side import Side
from benchmarks.rounds import interleave
from benchmarks.work import nothing, with_the_sdk


def main(name: str, endpoint: str, calls: int, rounds: int) -> dict[str, Any]:
    """The rounds of both sides, the library's first, and what was compared."""
    library = importlib.import_module(f"benchmarks.peers.{name}")
    side: Side = library.prepare(endpoint)
    answers: list[bool] = []
    side.decorate(lambda: answers.append(side.is_recording()))()
    if answers != [True]:
        raise RuntimeError(f"{side.decorator} records nothing")
    provider = TracerProvider(shutdown_on_exit=False)
    if side.sdk_processor is not None:
        provider.add_span_processor(side.sdk_processor())
    plain = with_the_sdk(provider.get_tracer("benchmark"))
    return {
        "version": version(library.REQUIRES[0]),
        "decorator": side.decorator,
        "note": side.note,
        "rounds": interleave(side.decorate(nothing), plain, calls=calls, rounds=rounds),
    }


if __name__ == "__main__":
    found = main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    sys.stdout.write(f"\n{json.dumps(found)}\n")
