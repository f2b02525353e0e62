"""The row of language models: calls in the GenAI conventions, whoever made their metrics."""

from __future__ import annotations

from parts import Panel, Query, variable

DURATION = "gen_ai_client_operation_duration_seconds"
TOKENS = "gen_ai_client_token_usage"
FIRST_CHUNK = "gen_ai_client_operation_time_to_first_chunk_seconds"
EACH_CHUNK = "gen_ai_client_operation_time_per_output_chunk_seconds"

LANGUAGE_MODEL = variable(
    "language_model",
    "Language model",
    f'label_values({DURATION}_count{{job=~"$job", gen_ai_request_model!=""}}, gen_ai_request_model)',
    many=True,
    description="gen_ai.request.model of the calls.",
)
_MINE = 'job=~"$job", gen_ai_request_model=~"$language_model"'
_CALL = "job, gen_ai_operation_name, gen_ai_request_model"
_OF_CALL = "{{job}} {{gen_ai_operation_name}} {{gen_ai_request_model}}"


def of_model_calls() -> list[Panel]:
    """How many, how long, how many tokens, and how soon an answer begins."""
    tokens, of_tokens = f"{_CALL}, gen_ai_token_type", f"{_OF_CALL} {{{{gen_ai_token_type}}}}"
    calls, failed = _rate(f"{DURATION}_count"), _rate(f"{DURATION}_count", more=', error_type!=""')
    return [
        Panel(
            "Calls of language models",
            "Calls that ended, a second, by operation and by the model that was asked for.",
            (Query(calls, _OF_CALL),),
            "cps",
        ),
        Panel(
            "Failed calls of language models",
            "Share of the calls that ended in an error.",
            (Query(f"({failed} or 0 * {calls}) / ({calls} > 0)", _OF_CALL),),
            "percentunit",
        ),
        Panel(
            "Duration of a call",
            "From the request to the end of the answer. Dots are calls that open in Jaeger.",
            _p50_and_p95(DURATION),
            "s",
        ),
        Panel(
            "Time to the first chunk",
            "From the request to the first chunk of a streamed answer: what a user waits before anything appears. Dots "
            "are calls that open in Jaeger.",
            _p50_and_p95(FIRST_CHUNK),
            "s",
        ),
        Panel(
            "Tokens",
            "Tokens that were sent (input) and generated (output), a second: what providers bill.",
            (Query(_rate(f"{TOKENS}_sum", tokens), of_tokens),),
            "cps",
        ),
        Panel(
            "Tokens of one call",
            "How long prompts (input) and answers (output) are.",
            (
                Query(_quantile(0.95, TOKENS, tokens), f"p95 {of_tokens}", dots=True),
                Query(
                    f"{_rate(f'{TOKENS}_sum', tokens)} / ({_rate(f'{TOKENS}_count', tokens)} > 0)", f"mean {of_tokens}"
                ),
            ),
            "short",
        ),
        Panel(
            "Time between chunks",
            "From one chunk of a streamed answer to the next: how fluently it comes.",
            _p50_and_p95(EACH_CHUNK),
            "s",
            width=24,
        ),
    ]


def _rate(metric: str, by: str = _CALL, *, more: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{{{_MINE}{more}}}[5m]))"


def _quantile(share: float, metric: str, by: str = _CALL) -> str:
    return f"histogram_quantile({share}, {_rate(f'{metric}_bucket', f'le, {by}')})"


def _p50_and_p95(metric: str) -> tuple[Query, ...]:
    return (
        Query(_quantile(0.5, metric), f"p50 {_OF_CALL}", dots=True),
        Query(_quantile(0.95, metric), f"p95 {_OF_CALL}"),
    )
