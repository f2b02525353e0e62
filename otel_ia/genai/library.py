"""The one place that speaks to `opentelemetry-util-genai`."""

import functools
import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from otel_ia.errors import MissingLibraryError

_LIBRARY: Final = "opentelemetry.util.genai"
_CONTENT_VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_SCOPE: Final = "otel_ia.genai"


def require_library() -> None:
    """Loads the library, before anything is measured.

    Raises:
        MissingLibraryError: it is not installed.
    """
    _module("types")
    _module("handler")


def handler() -> Any:
    """What opens invocations, on the global providers, with content as the environment says at this moment."""
    return _handler_of(os.environ.get(_CONTENT_VARIABLE, ""))


def failure(message: str, error_type: str) -> Any:
    """What an invocation that failed is ended with."""
    return _module("types").Error(message=message, type=error_type)


def input_message(role: str, parts: Sequence[Any]) -> Any:
    return _module("types").InputMessage(role=role, parts=list(parts))


def output_message(role: str, parts: Sequence[Any]) -> Any:
    return _module("types").OutputMessage(role=role, parts=list(parts))


def text_part(content: str) -> Any:
    return _module("types").TextPart(content=content)


def tool_call_part(name: str, arguments: str, call_id: str | None) -> Any:
    return _module("types").ToolCallRequestPart(name=name, arguments=arguments, id=call_id)


def tool_response_part(response: str, call_id: str | None) -> Any:
    return _module("types").ToolCallResponsePart(response=response, id=call_id)


def tool_definition(name: str, description: str | None, parameters: Mapping[str, Any] | str | None) -> Any:
    return _module("types").FunctionToolDefinition(name=name, description=description, parameters=parameters)


@functools.lru_cache(8)
def _handler_of(_content: str) -> Any:
    """The library reads the variable when a handler is made."""
    made = _module("handler").TelemetryHandler
    return made(instrumentation_scope_name=_SCOPE)


@functools.cache
def _module(name: str) -> Any:
    try:
        return importlib.import_module(f"{_LIBRARY}.{name}")
    except ModuleNotFoundError as error:
        if error.name != _LIBRARY:
            raise
        command = 'python -m pip install "otel_ia[genai]"'
        raise MissingLibraryError(f"{_LIBRARY} is not installed: {command}", name=_LIBRARY) from None
