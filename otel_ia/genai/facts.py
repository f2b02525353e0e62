"""What may be said of a call: our keywords, and the field of the library's that carries each, made legal."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypedDict

from otel_ia import semconv, values
from otel_ia.genai import messages
from otel_ia.guard import guarded
from otel_ia.once import warn_once
from otel_ia.recording import switch

_NAME_LIMIT: Final = 1_024


class EmbeddingFacts(TypedDict, total=False):
    """Of a call that makes embeddings."""

    dimension_count: int
    encoding_formats: Sequence[str]
    input_tokens: int
    response_model: str


class ToolFacts(TypedDict, total=False):
    """Of the execution of a tool; arguments and result are content."""

    tool_call_id: str
    tool_description: str
    tool_arguments: object
    tool_result: object


class Facts(TypedDict, total=False):
    """Of a call of a model or a run of an agent; messages, instructions and tools are content.

    Messages are a text, one message or a sequence of them, as the providers' clients take and give them: mappings or
    objects with `role` and `content`.
    """

    temperature: float
    top_p: float
    top_k: float
    max_tokens: int
    frequency_penalty: float
    presence_penalty: float
    stop_sequences: Sequence[str]
    seed: int
    choice_count: int
    stream: bool
    output_type: str
    reasoning_level: str
    previous_response_id: str
    response_id: str
    response_model: str
    finish_reasons: Sequence[str]
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int
    cache_write_input_tokens: int
    reasoning_output_tokens: int
    input_messages: object
    output_messages: object
    system_instructions: object
    tool_definitions: object


class AllFacts(Facts, ToolFacts, total=False):
    """Of any call."""

    dimension_count: int
    encoding_formats: Sequence[str]


def legal_name(given: object) -> str | None:
    """A name of a model, a provider, an operation: text, whatever was given."""
    rendered = values.legal(given)
    return None if rendered is None else values.text(str(rendered), _NAME_LIMIT)


def name_said(key: str, given: object) -> str | None:
    """The same of a name that was given under this keyword; of one that is no text this is told."""
    if given is not None:
        _tell_unless(_is_text(given), key, given, "text")
    return legal_name(given)


def port_said(given: object) -> values.Value | None:
    tell_of_wrong({"server_port": given})
    return values.legal(given)


def legal_names(given: object) -> list[str] | None:
    """Names, where one alone is one and no sequence of letters."""
    rendered = values.legal(given)
    if rendered is None:
        return None
    return [str(one) for one in rendered] if type(rendered) is tuple else [str(rendered)]


def put(invocation: Any, facts: Mapping[str, object]) -> None:
    """Gives the invocation what is known; what its kind of operation has no field for is left out."""
    fields = type(invocation)
    captures = invocation.should_capture_content
    for name, given in facts.items():
        if name in _TOKENS:
            _put_tokens(invocation, name, given)
            continue
        is_content = name in _CONTENT
        field, render = (_CONTENT if is_content else _FIELDS)[name]
        if hasattr(fields, field) and (captures or not is_content):
            rendered = render(given)
            if rendered is not None:
                setattr(invocation, field, rendered)


def check(facts: Mapping[str, object]) -> None:
    """Raises TypeError for a keyword that says nothing of any call."""
    for name in facts:
        if name not in _KNOWN:
            raise TypeError(f"{name!r} is nothing that is known of a call; there are {', '.join(sorted(_KNOWN))}")


@guarded
def tell_of_wrong(facts: Mapping[str, object]) -> None:
    """Says, once for each place, what is no number or no text and was to be."""
    for name, given in facts.items():
        if given is None:
            continue
        if name in _NUMBERS:
            _tell_unless(_is_number(given), name, given, "a number")
        elif name in _TEXTS:
            _tell_unless(_is_text(given), name, given, "text")


def _is_number(given: object) -> bool:
    kind = type(given)
    if kind is int or kind is float:
        return True
    # NumPy's are numbers too, and integers of more than 64 bits come as text
    return kind is not bool and (issubclass(kind, int) or type(values.legal(given)) in (int, float))


def _is_text(given: object) -> bool:
    return issubclass(type(given), str | Enum)


def _tell_unless(is_right: bool, key: str, given: object, expected: str) -> None:
    """Without the value, which may be a secret."""
    if not is_right and not switch.is_off:
        warn_once(f"{key} was given as {values.qualified_name(type(given))}", f"and is not {expected}: shown as it is")


def _put_tokens(invocation: Any, name: str, given: object) -> None:
    """Only a number is counted in metrics; anything else is shown on the span."""
    field, attribute = _TOKENS[name]
    count = values.legal(given)
    if type(count) is float and count.is_integer():
        count = values.legal(int(count))  # which may be over 64 bits
    if type(count) is int and count >= 0:
        invocation.attributes.pop(attribute, None)
        if hasattr(type(invocation), field):
            setattr(invocation, field, count)
    elif count is not None:
        invocation.attributes[attribute] = count


_TOKENS: Final[Mapping[str, tuple[str, str]]] = {
    "input_tokens": ("input_tokens", semconv.GEN_AI_INPUT_TOKENS),
    "output_tokens": ("output_tokens", semconv.GEN_AI_OUTPUT_TOKENS),
    "cache_read_input_tokens": ("cache_read_input_tokens", semconv.GEN_AI_CACHE_READ_INPUT_TOKENS),
    "cache_write_input_tokens": ("cache_write_input_tokens", semconv.GEN_AI_CACHE_WRITE_INPUT_TOKENS),
    "reasoning_output_tokens": ("thinking_tokens", semconv.GEN_AI_REASONING_OUTPUT_TOKENS),
}
_FIELDS: Final[Mapping[str, tuple[str, Callable[[object], object]]]] = {
    **{
        name: (name, values.legal)
        for name in (
            *("temperature", "top_p", "top_k", "max_tokens", "frequency_penalty", "presence_penalty", "seed"),
            *("output_type", "reasoning_level", "previous_response_id", "dimension_count"),
            *("tool_call_id", "tool_description"),
        )
    },
    "choice_count": ("request_choice_count", values.legal),
    "stream": ("request_stream", values.legal),
    "stop_sequences": ("stop_sequences", legal_names),
    "encoding_formats": ("encoding_formats", legal_names),
    "finish_reasons": ("finish_reasons", legal_names),
    "response_id": ("response_id", legal_name),
    "response_model": ("response_model_name", legal_name),
}
_NUMBERS: Final = frozenset(
    {*_TOKENS, "temperature", "top_p", "top_k", "max_tokens", "frequency_penalty", "presence_penalty", "seed"}
    | {"choice_count", "dimension_count", "server_port"}
)
_TEXTS: Final = frozenset({"output_type", "reasoning_level", "response_model", "tool_description"})
_CONTENT: Final[Mapping[str, tuple[str, Callable[[object], object]]]] = {
    "input_messages": ("input_messages", messages.asked),
    "output_messages": ("output_messages", messages.answered),
    "system_instructions": ("system_instruction", messages.instructions),
    "tool_definitions": ("tool_definitions", messages.tools),
    "tool_arguments": ("arguments", messages.content),
    "tool_result": ("tool_result", messages.content),
}
_KNOWN: Final = frozenset({*_TOKENS, *_FIELDS, *_CONTENT})
