"""What a provider's answer, or one chunk of it, says of the call: read by name, whatever class it has.

Known are the chat completions, completions, responses and embeddings of OpenAI, whose form many servers speak, the
messages of Anthropic and the answers of Ollama; as objects of the clients or as JSON that was read.
"""

from typing import Any, Final

from otel_ia.genai.messages import read
from otel_ia.guard import guarded

_PLAIN: Final = frozenset({str, bytes, int, float, type(None)})
_CHOICE_LIMIT: Final = 128


@guarded(ours=False)  # reads objects of the provider's client
def read_answer(answer: object, reasons: dict[int, str], *, with_content: bool) -> dict[str, Any] | None:
    """The facts of the answer or chunk that there are; `reasons` keeps why each choice ended, from chunk to chunk."""
    if type(answer) in _PLAIN:
        return None
    # some events of streams have the answer, or what there is of it, inside
    whole = read(answer, "response", "message") if read(answer, "type") is not None else None
    if whole is None or isinstance(whole, str):
        whole = answer
    facts: dict[str, Any] = {"response_id": read(whole, "id"), "response_model": read(whole, "model")}
    choices = read(whole, "choices")
    _read_reasons(answer, whole, choices, reasons)
    if reasons:
        facts["finish_reasons"] = [reasons[index] for index in sorted(reasons)]
    usage = read(answer, "usage") or read(whole, "usage")
    facts |= _read_usage(usage) if usage is not None else _read_counts(whole)
    if with_content:
        facts["output_messages"] = _read_messages(whole, choices)
    return {name: fact for name, fact in facts.items() if fact is not None}


def _read_reasons(answer: object, whole: object, choices: Any, reasons: dict[int, str]) -> None:
    if isinstance(choices, list | tuple):
        for position, choice in enumerate(choices[:_CHOICE_LIMIT]):
            reason, index = read(choice, "finish_reason"), read(choice, "index")
            if isinstance(reason, str) and len(reasons) < _CHOICE_LIMIT:
                reasons[index if isinstance(index, int) else position] = reason
        return
    reason = read(whole, "stop_reason", "done_reason") or read(read(answer, "delta"), "stop_reason")
    if isinstance(reason, str):
        reasons[0] = reason


def _read_usage(usage: object) -> dict[str, Any]:
    given = read(usage, "prompt_tokens", "input_tokens")
    read_cache, written = read(usage, "cache_read_input_tokens"), read(usage, "cache_creation_input_tokens")
    if isinstance(given, int):
        # Anthropic counts them beside the others, the conventions among them
        # (https://opentelemetry.io/docs/specs/semconv/gen-ai/anthropic/)
        given += sum(count for count in (read_cache, written) if isinstance(count, int))
    inputs = read(usage, "prompt_tokens_details", "input_tokens_details")
    outputs = read(usage, "completion_tokens_details", "output_tokens_details")
    return {
        "input_tokens": given,
        "output_tokens": read(usage, "completion_tokens", "output_tokens"),
        "cache_read_input_tokens": read(inputs, "cached_tokens") if read_cache is None else read_cache,
        "cache_write_input_tokens": written,
        "reasoning_output_tokens": read(outputs, "reasoning_tokens"),
    }


def _read_counts(whole: object) -> dict[str, Any]:
    return {"input_tokens": read(whole, "prompt_eval_count"), "output_tokens": read(whole, "eval_count")}


def _read_messages(whole: object, choices: Any) -> Any:
    if isinstance(choices, list | tuple):
        found = [read(choice, "message", "text") for choice in choices[:_CHOICE_LIMIT]]
        return [one for one in found if one is not None] or None
    if read(whole, "role") is not None and read(whole, "content") is not None:
        return whole
    return read(whole, "output_text")
