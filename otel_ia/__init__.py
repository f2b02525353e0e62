"""The OpenTelemetry layer for AI inference and training code.

Put `monitor` on a function or around a block, call `configure` once.
"""

from typing import TYPE_CHECKING, Any

from otel_ia.errors import MissingLibraryError, ProviderError, SettingError
from otel_ia.recording.decorator import monitor

if TYPE_CHECKING:
    from otel_ia import genai, training
    from otel_ia.configuration.configure import configure
    from otel_ia.configuration.telemetry import Telemetry
    from otel_ia.integrations.instrumenting import instrument
    from otel_ia.recording.context import bound
    from otel_ia.recording.recipes import log_execution, monitor_context, monitor_decorator

__all__ = [
    "MissingLibraryError",
    "ProviderError",
    "SettingError",
    "Telemetry",
    "bound",
    "configure",
    "genai",
    "instrument",
    "log_execution",
    "monitor",
    "monitor_context",
    "monitor_decorator",
    "training",
]
__version__ = "0.1.0"

_ON_FIRST_USE = {
    "Telemetry": "otel_ia.configuration.telemetry",
    "bound": "otel_ia.recording.context",
    "configure": "otel_ia.configuration.configure",
    "instrument": "otel_ia.integrations.instrumenting",
    "log_execution": "otel_ia.recording.recipes",
    "monitor_context": "otel_ia.recording.recipes",
    "monitor_decorator": "otel_ia.recording.recipes",
}
_ROOMS = {"genai", "training"}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        import importlib

        return importlib.import_module(f"otel_ia.{name}")
    if name in _ON_FIRST_USE:
        import importlib

        return getattr(importlib.import_module(_ON_FIRST_USE[name]), name)
    raise AttributeError(f"module 'otel_ia' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
