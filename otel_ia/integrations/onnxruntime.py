"""ONNX Runtime's sessions: each run a span, with the execution provider that comes first."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, Final

from otel_ia import semconv
from otel_ia.integrations.parts import Part, describe_values
from otel_ia.values import Value, text

_FEEDS: Final = ("input_feed", "input_dict_ort_values")


def find_parts(target: Any, name: str) -> Iterator[Part]:
    """The session alone."""
    path = getattr(target, "_model_path", None)  # the name in the file is mostly a tool's: `main_graph`, or a UUID
    if isinstance(path, str):
        file = PurePath(path)
        model = text(file.parent.name if file.stem == "model" else file.stem)
    else:
        model = text(target.get_modelmeta().graph_name)
    stages = dict.fromkeys(("run", "run_with_ort_values", "run_with_iobinding"), "inference")
    yield Part(target=target, name=name, model=model or type(target).__name__, stages=stages, describe=_describe)


def _describe(session: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Value]:
    given = next((kwargs[name] for name in _FEEDS if name in kwargs), args[1] if len(args) > 1 else None)
    told = describe_values(given.values()) if type(given) is dict else {}
    providers = session.get_providers()  # asked each time, for a session falls back to another one when a run fails
    if providers:
        told[semconv.EXECUTION_PROVIDER] = text(providers[0])
        told[semconv.DEVICE] = _device_of(session, providers[0])
    return told


def _device_of(session: Any, provider: str) -> str:
    """`cpu`, `cuda:0`, from `CPUExecutionProvider` and so on."""
    kind = provider.removesuffix("ExecutionProvider").lower()
    number = (session.get_provider_options().get(provider) or {}).get("device_id")
    return text(f"{kind}:{number}" if number is not None else kind)
