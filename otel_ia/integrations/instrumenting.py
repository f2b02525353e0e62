"""`instrument`: monitor an object that exists, in place."""

import importlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final, TypedDict, Unpack, cast

from otel_ia import semconv
from otel_ia.capture.choice import Wish
from otel_ia.capture.plan import Plan
from otel_ia.errors import SettingError
from otel_ia.guard import guarded
from otel_ia.integrations.methods import is_method, monitored_method
from otel_ia.integrations.own_class import Users, give_own_class, users_of
from otel_ia.integrations.parts import Part
from otel_ia.integrations.plans import CallPlan
from otel_ia.recording.capturing import add_to_plan
from otel_ia.recording.decorator import monitor
from otel_ia.recording.summaries import Reduce
from otel_ia.undo import Undo
from otel_ia.values import qualified_name, text
from otel_ia.values.origin import library_of, line_of

_LIBRARIES: Final = {
    ("sklearn", "BaseEstimator"): "sklearn",
    ("onnxruntime", "InferenceSession"): "onnxruntime",
    ("torch", "Module"): "torch",
    ("transformers", "Pipeline"): "transformers",
}
"""By library and class, which of the files here knows such objects. Where it has objects, a library is loaded."""
_STAGES: Final = {"predict": "inference", "transform": "preprocess", "__call__": "inference"}
"""What is monitored of any other object."""
_MONITORED: Final = (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType, partial)


class Options(TypedDict, total=False):
    """What may be said of an instrumented object, as of a call site: see `monitor`."""

    attributes: Mapping[str, object] | None
    log: str | int | None
    slow_after: float | None
    metrics: bool
    sample: float | None
    stage: str | None
    model: str | None
    model_version: str | None
    reduce: Reduce | None
    capture: Wish | None
    stats: bool


def instrument(target: Any, name: str | None = None, /, **options: Unpack[Options]) -> Undo:
    """Makes a span of each call of this object's methods, in place, until the undo that it returns.

        undo = otel_ia.instrument(model, stage="inference", model="digits")

    Estimators of scikit-learn: whatever they have of `fit`, `transform`, `predict`, `score` and the like; of pipelines
    each step too, under its own name. Sessions of ONNX Runtime: each run. Modules of PyTorch: each call. Pipelines of
    transformers: each call, with its three stages inside. Any other object: `predict`, `transform` and `__call__`,
    which of them it has. Spans have `ia.batch.size`, `ia.device`, `ia.execution.provider` where these are known,
    `ia.model.name` and `ia.stage`. Nothing waits for a device.

    The object stays the one that it is; copies, clones and pickles of it are not instrumented. Instrumented twice it is
    once, as the first one said, until all who asked have undone it.

    Args:
        target: the object.
        name: what the spans' names begin with. Default: the name of its class.
        options: those of `monitor`, for all its spans; `stage` and `model` take the place of what is known.

    Raises:
        TypeError: it has no such method, or is a class or function, or one that cannot be changed in place.
        SettingError: the name is no text, or an option not what it should be.
    """
    kind = type(target)
    if issubclass(kind, _MONITORED):
        raise TypeError(f"what is instrumented is an object, no {kind.__name__}: put `otel_ia.monitor` on it")
    if name is not None and not isinstance(name, str):
        raise SettingError(source="instrument", key="name", value=name, expected="text")
    parts = _find_parts(target, text(name) if name is not None else kind.__name__)
    if parts is None:
        raise TypeError(f"{qualified_name(kind)} cannot be instrumented: reading what it consists of raises an error")
    with ExitStack() as done:
        for part in parts:
            done.callback(_instrument_part(part, options))
        return Undo(done.pop_all().close)


@guarded(ours=False)  # of a property of the user's
def _find_parts(target: Any, name: str) -> list[Part]:
    for kind in line_of(type(target)):
        known = _LIBRARIES.get((library_of(kind) or "", kind.__name__))
        if known is not None:
            return list(importlib.import_module(f"otel_ia.integrations.{known}").find_parts(target, name))
    return [Part(target=target, name=name, model=type(target).__name__, stages=_STAGES)]


def _instrument_part(part: Part, options: Options) -> Callable[[], None]:
    users = users_of(part.target) or _change(part, options)
    user = object()
    users.asking.append(user)

    def undo() -> None:
        users.asking.remove(user)
        if not users.asking:
            users.take_back()

    return undo


def _change(part: Part, options: Options) -> Users:
    methods = [method for method in part.stages if is_method(part.target, method)]
    if not methods:
        names = ", ".join(part.stages)
        raise TypeError(f"{qualified_name(type(part.target))} has nothing to be instrumented: none of {names}")

    members = {
        method: monitored_method(
            part.target, method, part.stands_for.get(method, method), _decorator(part, method, options)
        )
        for method in methods
    }
    return give_own_class(part.target, members)


def _decorator(part: Part, method: str, options: Options) -> Callable[[Any], Any]:
    shown = part.stands_for.get(method, method)
    name = part.name if shown == "__call__" else f"{part.name}.{shown}"
    known = {semconv.MODEL_NAME: part.model, semconv.STAGE: part.stages[method]}
    attributes: Any = options.get("attributes")
    if attributes is None or isinstance(attributes, Mapping):
        attributes = {key: value for key, value in known.items() if value is not None} | dict(attributes or {})
        said = frozenset([*known, *attributes]) if options.get("stage") is not None else frozenset(attributes)
    else:  # `monitor` refuses it
        said = frozenset()

    describe, choose = part.describe, part.choose  # alone, for `part` has the object, which is to be free to go

    def decorate(function: Any) -> Any:
        given: dict[str, Any] = {**options, "attributes": attributes}
        monitored = monitor(name, **given)(function)
        if monitored is not function:  # it is where OTEL_SDK_DISABLED says so
            add_to_plan(monitored, lambda captured: cast("Plan", CallPlan(describe, said, captured)))
            return choose(function, monitored) if choose is not None else monitored
        return function

    return decorate
