"""What stands in our place while `torch.compile` goes through the user's code, which could not follow us.

PyTorch's compiler takes in the place of a function that has an attribute `_torchdynamo_inline` what that attribute is
(torch/_dynamo/variables/functions.py, from 2.0 on), and calls a function with `_dynamo_marked_constant` once, while it
compiles (torch/_dynamo/decorators.py, `assume_constant_result`). Nothing reads them where nothing is compiled.

They stand on functions of our own alone, never on those that a decorator gives back: `functools.wraps` copies
attributes, so that a decorator of the user's above ours would be left out of what is compiled.
"""

import functools
import logging
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, Span

from otel_ia.recording import switch

_logger: Final = logging.getLogger("otel_ia")


def replace_when_compiled(function: Callable[..., Any], replacement: Callable[..., Any]) -> None:
    """Lets a compiler take the replacement, which it can follow, where it meets a call of the function or method."""
    plain = getattr(function, "__func__", function)
    if isinstance(plain, FunctionType):
        plain._torchdynamo_inline = replacement  # type: ignore[attr-defined]  # noqa: SLF001 - PyTorch's


def open_nothing(_site: object, _own: object = None, /) -> None:
    """Stands for a call site's `open`: the function is called as if it were not monitored."""
    tell()


def enter_nothing(_block: object) -> Span:
    """Stands for a block's `__enter__`: its span takes everything and keeps nothing."""
    tell()
    return INVALID_SPAN


def exit_nothing(_block: object, *_: object) -> None:
    """Stands for a block's `__exit__`."""


class Nothing:
    """Stands for a block, or a decorator, that is made inside compiled code."""

    __slots__ = ()

    def __call__(self, target: Any, /) -> Any:
        return target

    __enter__ = enter_nothing
    __exit__ = exit_nothing


def make_nothing(target: Any = None, *_: object, **__: object) -> Any:
    """Stands for what makes them; a function that is given is its own decorated form."""
    return Nothing() if target is None or isinstance(target, str) else target


def tell() -> bool:
    """Says once that there are no spans, where there would be some."""
    if not (switch.is_off or isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)):
        _tell_once()
    return True


tell._dynamo_marked_constant = True  # type: ignore[attr-defined]  # noqa: SLF001 - PyTorch's


@functools.cache
def _tell_once() -> None:
    _logger.warning(
        "what is monitored inside compiled code gives no spans: put `monitor` on what torch.compile returns; said once"
    )
