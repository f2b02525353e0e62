"""PyTorch's modules: each call a span named after `forward`, with batch and device as the tensors have them at hand.

The call is monitored, not `forward` by hooks: a module calls no hook when `forward` raises, so that a span would stay
open. Nothing waits for a device: on a GPU the span ends when the work is queued.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from otel_ia import semconv
from otel_ia.integrations.parts import Part, describe_values
from otel_ia.values import Value


def find_parts(target: Any, name: str) -> Iterator[Part]:
    """The module itself; those inside it are instrumented by themselves, where that is wanted."""
    yield Part(
        target=target,
        name=name,
        model=type(target).__name__,
        stages={"__call__": None},
        describe=_describe,
        stands_for={"__call__": "forward"},
    )


def _describe(module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Value]:
    if sys.modules["torch"].jit.is_tracing():  # to read a shape warns then: it is no number
        return {}
    told = describe_values((*args, *kwargs.values()))
    told[semconv.STAGE] = "training" if module.training else "inference"
    return told
