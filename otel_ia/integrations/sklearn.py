"""scikit-learn's estimators, and what is composed of them: each step of a pipeline is a span of its own name."""

from collections.abc import Iterator
from typing import Any, Final

from otel_ia.integrations.methods import outermost
from otel_ia.integrations.parts import Part

_STAGES: Final = {
    "fit": "training",
    "partial_fit": "training",
    "fit_transform": "training",
    "fit_predict": "training",
    "transform": "preprocess",
    "inverse_transform": "postprocess",
    "predict": "inference",
    "predict_proba": "inference",
    "predict_log_proba": "inference",
    "decision_function": "inference",
    "score_samples": "inference",
    "score": "evaluation",
}
_COMPOSED: Final = ("steps", "transformer_list", "transformers_")
"""Where pipelines, unions and fitted column transformers keep `(name, estimator, …)`."""


def find_parts(target: Any, name: str) -> Iterator[Part]:
    """The estimator, then what it is composed of, at any depth."""
    inner = list(_inner(target))
    last = inner[-1][1] if inner and hasattr(target, "steps") else target
    yield Part(target=target, name=name, model=type(last).__name__, stages=_STAGES, choose=outermost)
    for step, estimator in inner:
        yield from find_parts(estimator, step)


def _inner(target: Any) -> Iterator[tuple[str, Any]]:
    for attribute in _COMPOSED:
        entries = getattr(target, attribute, None)
        for entry in entries if isinstance(entries, list) else ():
            match entry:
                case (str() as name, estimator, *_) if hasattr(estimator, "fit"):  # not "passthrough", "drop" or None
                    yield name, estimator
