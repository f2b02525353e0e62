"""PyTorch's modules: each call a span named after `forward`, with batch and device as the tensors have them at hand.

The call is monitored, not `forward` by hooks: a module calls no hook when `forward` raises, so that a span would stay
open. Nothing waits for a device: on a GPU the span ends when the work is queued. Of a module `torch.compile` and
`torch.export` make what they would make of it without us: no span inside, and no break in its graph.
"""

import functools
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from otel_ia import semconv
from otel_ia.integrations.parts import Part, describe_values
from otel_ia.values import Value

_logger: Final = logging.getLogger("otel_ia")
_compiled: Final[set[str]] = set()


def find_parts(target: Any, name: str) -> Iterator[Part]:
    """The module itself; those inside it are instrumented by themselves, where that is wanted."""
    yield Part(
        target=target,
        name=name,
        model=type(target).__name__,
        stages={"__call__": None},
        describe=_describe,
        stands_for={"__call__": "forward"},
        choose=functools.partial(_choose, plain=type(target).__call__, name=name),
    )


def _choose(_function: Any, monitored: Any, *, plain: Any, name: str) -> Any:
    """The monitored form, and the module's own while a compiler goes through it, which can follow nothing of ours."""
    compiler: Any = getattr(sys.modules["torch"], "compiler", None)
    if compiler is None:  # before 2.1
        return monitored
    is_compiling = compiler.is_compiling
    tell = compiler.assume_constant_result(_telling(name))  # is called once, while it compiles

    @functools.wraps(monitored)
    def choose(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        if is_compiling():
            tell()
            return plain(self, *args, **kwargs)
        return monitored(self, *args, **kwargs)

    return choose


def _telling(name: str) -> Callable[[], bool]:
    def tell() -> bool:
        if name not in _compiled:
            _compiled.add(name)
            _logger.warning(
                "calls of %s inside compiled code are no spans: instrument what torch.compile returns; said once", name
            )
        return True

    return tell


def _describe(module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Value]:
    if sys.modules["torch"].jit.is_tracing():  # to read a shape warns then: it is no number
        return {}
    told = describe_values((*args, *kwargs.values()))
    told[semconv.STAGE] = "training" if module.training else "inference"
    return told
