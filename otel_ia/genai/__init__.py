"""Calls of language models, tools and agents in OpenTelemetry's GenAI conventions: spans, metrics, events.

    with otel_ia.genai.inference("chat", model="gpt-4o-mini", provider="openai", temperature=0.2) as call:
        call.record(client.chat.completions.create(…))

Span names, attributes and the `gen_ai.*` metrics are those of `opentelemetry-util-genai`, on whatever providers are
installed. Where the library is missing, each of these raises `MissingLibraryError` with the command that installs it.

What was asked and answered is recorded only where `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` is `span_only`,
`event_only` or `span_and_event`, and redacted like everything else.
"""

from typing import Unpack

from otel_ia.genai.call import Call
from otel_ia.genai.facts import EmbeddingFacts, Facts, ToolFacts, legal_name, name_said, port_said
from otel_ia.genai.library import require_library

__all__ = ["Call", "agent", "embeddings", "inference", "tool", "workflow"]


def inference(  # noqa: PLR0913 - what the conventions want at the span's start
    operation: str = "chat",
    /,
    *,
    provider: str,
    model: str | None = None,
    server_address: str | None = None,
    server_port: int | None = None,
    conversation_id: str | None = None,
    **request: Unpack[Facts],
) -> Call:
    """One call of a model, from here to the end of the `with`: a client span, its duration and its tokens.

    Inside it no second one is made: what an official instrumentation, or another `inference`, says there is added to
    this span, and nothing is counted twice.

    Args:
        operation: `chat`, `text_completion`, `generate_content` or a word of your own.
        provider: `openai`, `anthropic`, `aws.bedrock`, … (https://opentelemetry.io/docs/specs/semconv/gen-ai/), or a
            word of your own for a model that runs here.
        model: the one asked for.
        server_address: where it is asked, where that says anything.
        server_port: its port.
        conversation_id: the conversation or session it belongs to; calls inside have it too.
        request: what else is known of the request, such as `temperature` and `max_tokens`; see `Call.record`.
    """
    name, host, port = (
        name_said("provider", provider),
        name_said("server_address", server_address),
        port_said(server_port),
    )
    asked, conversation = name_said("model", model), legal_name(conversation_id)
    word = name_said("operation", operation)
    require_library()
    return Call(
        lambda handler: handler.inference(
            name or "",
            request_model=asked,
            server_address=host,
            server_port=port,
            operation_name=word,
            conversation_id=conversation,
        ),
        request,
    )


def embeddings(
    *,
    provider: str,
    model: str | None = None,
    server_address: str | None = None,
    server_port: int | None = None,
    **request: Unpack[EmbeddingFacts],
) -> Call:
    """One call that makes embeddings, like `inference`."""
    name, host, port = (
        name_said("provider", provider),
        name_said("server_address", server_address),
        port_said(server_port),
    )
    asked = name_said("model", model)
    require_library()
    return Call(
        lambda handler: handler.embedding(name or "", request_model=asked, server_address=host, server_port=port),
        request,
    )


def tool(name: str, /, *, kind: str | None = None, agent_name: str | None = None, **facts: Unpack[ToolFacts]) -> Call:
    """One execution of a tool that a model asked for; `kind` is `function`, `extension` or `datastore`."""
    known, type_, by = name_said("name", name), name_said("kind", kind), name_said("agent_name", agent_name)
    require_library()
    return Call(lambda handler: handler.tool(known or "", tool_type=type_, agent_name=by), facts)


def agent(
    name: str,
    /,
    *,
    model: str | None = None,
    provider: str | None = None,
    conversation_id: str | None = None,
    **facts: Unpack[Facts],
) -> Call:
    """One run of an agent in this process, or with a `provider` of one that is called there.

    The model calls and tools inside are its children, with its `conversation_id`.
    """
    known, asked = name_said("name", name), name_said("model", model)
    where, conversation = name_said("provider", provider), legal_name(conversation_id)
    require_library()
    if where is None:
        return Call(
            lambda handler: handler.invoke_local_agent(
                agent_name=known, request_model=asked, conversation_id=conversation
            ),
            facts,
        )
    return Call(
        lambda handler: handler.invoke_remote_agent(
            where, agent_name=known, request_model=asked, conversation_id=conversation
        ),
        facts,
    )


def workflow(name: str | None = None, /, *, conversation_id: str | None = None) -> Call:
    """One run of a fixed sequence of model calls, tools and agents, which are its children."""
    known, conversation = name_said("name", name), legal_name(conversation_id)
    require_library()
    return Call(lambda handler: handler.workflow(known, conversation_id=conversation), {})
