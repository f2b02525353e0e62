"""The pipelines of transformers: each call a span, with preprocessing, model and postprocessing inside it."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, Final

from otel_ia import semconv
from otel_ia.integrations.parts import Part, describe_values
from otel_ia.values import Value, text

_STAGES: Final = {"__call__": None, "preprocess": "preprocess", "forward": "inference", "postprocess": "postprocess"}


def find_parts(target: Any, name: str) -> Iterator[Part]:
    """The pipeline; its model is instrumented by itself, where that is wanted."""
    model = target.model
    known = getattr(model, "name_or_path", "")
    shown = PurePath(known).name if PurePath(known).is_absolute() else known  # of this machine's folders no path
    yield Part(target=target, name=name, model=text(shown) or type(model).__name__, stages=_STAGES, describe=_describe)


def _describe(pipeline: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Value]:
    given = args[0] if args else next(iter(kwargs.values()), None)
    told = describe_values(given.values() if isinstance(given, Mapping) else (given,))
    told[semconv.DEVICE] = text(str(pipeline.device))
    return told
