"""The dashboard of streams, batches, training, models, stages and language models."""

from __future__ import annotations

from calls import COUNT, SERVICE
from language_models import LANGUAGE_MODEL, of_model_calls
from parts import Json, Panel, Query, dashboard, number, variable

MODEL = variable(
    "model",
    "Model",
    f'label_values({COUNT}{{job=~"$job", ia_model_name!=""}}, ia_model_name)',
    many=True,
    description="ia.model.name of the calls.",
)
MINE = '{job=~"$job", ia_model_name=~"$model"}'
WITH_MODEL = '{job=~"$job", ia_model_name=~"$model", ia_model_name!=""}'
FAILED = '{job=~"$job", ia_model_name=~"$model", ia_model_name!="", ia_outcome="error"}'
EACH = "{{job}} {{ia_operation}}"
FIRST_ITEM = "ia_stream_time_to_first_item_seconds"


def streams() -> Json:
    """What generators yield and models do."""
    return dashboard(
        "otel-ia-models",
        "otel_ia: streams and models",
        "What generators yield, how large batches are, how training goes, how models and stages compare, and what "
        "calls of language models take.",
        [SERVICE, MODEL, LANGUAGE_MODEL],
        [
            ("Now", _now()),
            ("Streams", _streams()),
            ("Batches", _batches()),
            ("Training", _training()),
            ("Models and stages", _models_and_stages()),
            ("Language models", of_model_calls()),
        ],
    )


def _now() -> list[Panel]:
    """The numbers at the top."""
    return [
        number("Streams", "Generators that ended, a second.", f"sum(rate(ia_stream_items_count{MINE}[5m]))", "cps"),
        number(
            "Items", "Items they yielded, a second, all together.", f"sum(rate(ia_stream_items_sum{MINE}[5m]))", "cps"
        ),
        number(
            "First item",
            "Half of the streams give their first item within this time.",
            f"histogram_quantile(0.5, sum by (le) (rate({FIRST_ITEM}_bucket{MINE}[5m]))) >= 0",
            "s",
        ),
        number(
            "Items a second of a stream",
            "Half of the streams are faster than this.",
            f"histogram_quantile(0.5, sum by (le) (rate(ia_stream_rate_per_second_bucket{MINE}[5m]))) >= 0",
            "short",
        ),
        number(
            "Batch",
            "Average number of items that a call with `ia.batch.size` was given at once.",
            f"sum(rate(ia_batch_size_sum{MINE}[5m])) / (sum(rate(ia_batch_size_count{MINE}[5m])) > 0)",
            "short",
        ),
        number(
            "Models",
            "Names of models seen, in calls of the last five minutes.",
            f"count(count by (ia_model_name) (rate({COUNT}{WITH_MODEL}[5m]) > 0)) or vector(0)",
            "short",
        ),
    ]


def _streams() -> list[Panel]:
    """What generators yield."""
    return [
        Panel(
            "Time to the first item",
            "From the first step of a generator to its first item: what a user waits before anything appears. Dots are "
            "calls that open in Jaeger.",
            _p50_and_p95(FIRST_ITEM),
            "s",
        ),
        Panel(
            "Items a second of one stream",
            "How fast a stream flows, from its first step to its end. Of 100 streams 50 are slower than p50.",
            (
                Query(_quantile(0.5, "ia_stream_rate_per_second"), f"p50 {EACH}", dots=True),
                Query(_mean("ia_stream_rate_per_second"), f"mean {EACH}"),
            ),
            "short",
        ),
        Panel(
            "Items of one stream",
            "How many items a stream yields before it ends.",
            (
                *_p50_and_p95("ia_stream_items"),
                Query(_mean("ia_stream_items"), f"mean {EACH}"),
            ),
            "short",
        ),
        Panel(
            "Items of all streams",
            "Items that were yielded, a second: the throughput of the service. Counted when a stream ends.",
            (Query(_rate("ia_stream_items_sum"), EACH),),
            "cps",
        ),
    ]


def _batches() -> list[Panel]:
    """What calls are given at once."""
    return [
        Panel(
            "Batch size",
            "Items that a call was given at once. Small batches leave a GPU idle; batches at their limit mean a queue.",
            (
                *_p50_and_p95("ia_batch_size"),
                Query(_mean("ia_batch_size"), f"mean {EACH}"),
            ),
            "short",
        ),
        Panel(
            "Items in batches",
            "Items that were given in batches, a second: training examples, or inputs scored.",
            (Query(_rate("ia_batch_size_sum"), EACH),),
            "cps",
        ),
    ]


def _training() -> list[Panel]:
    """How training goes."""
    step, wait = "ia_training_step_duration_seconds", "ia_training_data_wait_seconds"
    return [
        Panel(
            "Step time",
            "From asking for a batch to the end of its step, by loop. Dots are steps that open in Jaeger.",
            _p50_and_p95(step),
            "s",
        ),
        Panel(
            "Waiting for data",
            "Share of the steps' time in which the loop waited for its batch. Much of it means that the loader is the "
            "bottleneck, not the model.",
            (Query(f"{_rate(f'{wait}_sum')} / ({_rate(f'{step}_sum')} > 0)", EACH),),
            "percentunit",
        ),
        Panel(
            "Samples a second",
            "How fast a step goes through its samples, on average.",
            (Query(_mean("ia_training_rate_per_second"), EACH),),
            "short",
        ),
        Panel(
            "Loss",
            "What `record(loss=…)` was given last, by model and loop.",
            (Query(f"ia_training_loss{MINE}", "{{ia_model_name}} " + EACH),),
            "short",
        ),
    ]


def _models_and_stages() -> list[Panel]:
    """How models and stages compare."""
    model = "ia_model_name, ia_model_version"
    of_model = "{{ia_model_name}} {{ia_model_version}}"
    return [
        Panel(
            "Calls by model",
            "Calls that ended, a second, by name and version of the model.",
            (Query(f"sum by ({model}) (rate({COUNT}{WITH_MODEL}[5m]))", of_model),),
            "cps",
        ),
        Panel(
            "Duration by model (p95)",
            "The time that 95 of 100 calls stay below, by operation, name and version of the model.",
            (
                Query(
                    f"histogram_quantile(0.95, sum by (le, ia_operation, {model}) "
                    f"(rate(ia_call_duration_seconds_bucket{WITH_MODEL}[5m])))",
                    "p95 {{ia_operation}} " + of_model,
                    dots=True,
                ),
            ),
            "s",
        ),
        Panel(
            "Failed calls by model",
            "Share of a model's calls that ended in an error.",
            (
                Query(
                    f"(sum by ({model}) (rate({COUNT}{FAILED}[5m])) "
                    f"or 0 * sum by ({model}) (rate({COUNT}{WITH_MODEL}[5m]))) "
                    f"/ (sum by ({model}) (rate({COUNT}{WITH_MODEL}[5m])) > 0)",
                    of_model,
                ),
            ),
            "percentunit",
        ),
        Panel(
            "Time by stage",
            "Seconds of work in each `ia.stage`, a second: 2 means that two calls are in it on average. Calls without "
            "a stage have an empty name.",
            (Query(_rate("ia_call_duration_seconds_sum", "job, ia_stage"), "{{job}} {{ia_stage}}"),),
            "short",
        ),
        Panel(
            "Duration by stage (p95)",
            "The time that 95 of 100 calls of a stage stay below.",
            (
                Query(
                    "histogram_quantile(0.95, sum by (le, job, ia_stage) (rate(ia_call_duration_seconds_bucket"
                    '{job=~"$job", ia_model_name=~"$model", ia_stage!=""}[5m])))',
                    "p95 {{job}} {{ia_stage}}",
                    dots=True,
                ),
            ),
            "s",
            width=24,
        ),
    ]


def _rate(metric: str, by: str = "job, ia_operation") -> str:
    return f"sum by ({by}) (rate({metric}{MINE}[5m]))"


def _quantile(share: float, metric: str) -> str:
    return f"histogram_quantile({share}, {_rate(f'{metric}_bucket', 'le, job, ia_operation')})"


def _mean(metric: str) -> str:
    return f"{_rate(f'{metric}_sum')} / ({_rate(f'{metric}_count')} > 0)"


def _p50_and_p95(metric: str) -> tuple[Query, ...]:
    return (
        Query(_quantile(0.5, metric), f"p50 {EACH}", dots=True),
        Query(_quantile(0.95, metric), f"p95 {EACH}"),
    )
