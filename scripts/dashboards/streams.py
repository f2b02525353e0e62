"""The dashboard of streams, batches, training, models and stages."""

from __future__ import annotations

from calls import COUNT, SERVICE
from parts import Json, Panel, Query, dashboard, number, variable

MODEL = variable(
    "model",
    "Model",
    f'label_values({COUNT}{{job=~"$job", ia_model_name!=""}}, ia_model_name)',
    many=True,
    description="ia.model.name of the calls.",
)


def streams() -> Json:
    """What generators yield and models do."""
    mine = '{job=~"$job", ia_model_name=~"$model"}'
    with_model = '{job=~"$job", ia_model_name=~"$model", ia_model_name!=""}'
    failed = '{job=~"$job", ia_model_name=~"$model", ia_model_name!="", ia_outcome="error"}'
    each = "{{job}} {{ia_operation}}"

    def rate(metric: str, by: str = "job, ia_operation") -> str:
        return f"sum by ({by}) (rate({metric}{mine}[5m]))"

    def quantile(share: float, metric: str, by: str = "job, ia_operation") -> str:
        return f"histogram_quantile({share}, {rate(f'{metric}_bucket', f'le, {by}')})"

    def mean(metric: str, by: str = "job, ia_operation") -> str:
        return f"{rate(f'{metric}_sum', by)} / ({rate(f'{metric}_count', by)} > 0)"

    first = "ia_stream_time_to_first_item_seconds"
    model = "ia_model_name, ia_model_version"
    of_model = "{{ia_model_name}} {{ia_model_version}}"
    now = [
        number("Streams", "Generators that ended, a second.", f"sum(rate(ia_stream_items_count{mine}[5m]))", "cps"),
        number(
            "Items", "Items they yielded, a second, all together.", f"sum(rate(ia_stream_items_sum{mine}[5m]))", "cps"
        ),
        number(
            "First item",
            "Half of the streams give their first item within this time.",
            f"histogram_quantile(0.5, sum by (le) (rate({first}_bucket{mine}[5m]))) >= 0",
            "s",
        ),
        number(
            "Items a second of a stream",
            "Half of the streams are faster than this.",
            f"histogram_quantile(0.5, sum by (le) (rate(ia_stream_rate_per_second_bucket{mine}[5m]))) >= 0",
            "short",
        ),
        number(
            "Batch",
            "Average number of items that a call with `ia.batch.size` was given at once.",
            f"sum(rate(ia_batch_size_sum{mine}[5m])) / (sum(rate(ia_batch_size_count{mine}[5m])) > 0)",
            "short",
        ),
        number(
            "Models",
            "Names of models seen, in calls of the last five minutes.",
            f"count(count by (ia_model_name) (rate({COUNT}{with_model}[5m]) > 0)) or vector(0)",
            "short",
        ),
    ]
    of_streams = [
        Panel(
            "Time to the first item",
            "From the first step of a generator to its first item: what a user waits before anything appears. Dots are "
            "calls that open in Jaeger.",
            (
                Query(quantile(0.5, first), f"p50 {each}", dots=True),
                Query(quantile(0.95, first), f"p95 {each}"),
            ),
            "s",
        ),
        Panel(
            "Items a second of one stream",
            "How fast a stream flows, from its first step to its end. Of 100 streams 50 are slower than p50.",
            (
                Query(quantile(0.5, "ia_stream_rate_per_second"), f"p50 {each}", dots=True),
                Query(mean("ia_stream_rate_per_second"), f"mean {each}"),
            ),
            "short",
        ),
        Panel(
            "Items of one stream",
            "How many items a stream yields before it ends.",
            (
                Query(quantile(0.5, "ia_stream_items"), f"p50 {each}", dots=True),
                Query(quantile(0.95, "ia_stream_items"), f"p95 {each}"),
                Query(mean("ia_stream_items"), f"mean {each}"),
            ),
            "short",
        ),
        Panel(
            "Items of all streams",
            "Items that were yielded, a second: the throughput of the service. Counted when a stream ends.",
            (Query(rate("ia_stream_items_sum"), each),),
            "cps",
        ),
    ]
    of_batches = [
        Panel(
            "Batch size",
            "Items that a call was given at once. Small batches leave a GPU idle; batches at their limit mean a queue.",
            (
                Query(quantile(0.5, "ia_batch_size"), f"p50 {each}", dots=True),
                Query(quantile(0.95, "ia_batch_size"), f"p95 {each}"),
                Query(mean("ia_batch_size"), f"mean {each}"),
            ),
            "short",
        ),
        Panel(
            "Items in batches",
            "Items that were given in batches, a second: training examples, or inputs scored.",
            (Query(rate("ia_batch_size_sum"), each),),
            "cps",
        ),
    ]
    step, wait = "ia_training_step_duration_seconds", "ia_training_data_wait_seconds"
    of_training = [
        Panel(
            "Step time",
            "From asking for a batch to the end of its step, by loop. Dots are steps that open in Jaeger.",
            (
                Query(quantile(0.5, step), f"p50 {each}", dots=True),
                Query(quantile(0.95, step), f"p95 {each}"),
            ),
            "s",
        ),
        Panel(
            "Waiting for data",
            "Share of the steps' time in which the loop waited for its batch. Much of it means that the loader is the "
            "bottleneck, not the model.",
            (Query(f"{rate(f'{wait}_sum')} / ({rate(f'{step}_sum')} > 0)", each),),
            "percentunit",
        ),
        Panel(
            "Samples a second",
            "How fast a step goes through its samples, on average.",
            (Query(mean("ia_training_rate_per_second"), each),),
            "short",
        ),
        Panel(
            "Loss",
            "What `record(loss=…)` was given last, by model and loop.",
            (Query(f"ia_training_loss{mine}", "{{ia_model_name}} " + each),),
            "short",
        ),
    ]
    of_models = [
        Panel(
            "Calls by model",
            "Calls that ended, a second, by name and version of the model.",
            (Query(f"sum by ({model}) (rate({COUNT}{with_model}[5m]))", of_model),),
            "cps",
        ),
        Panel(
            "Duration by model (p95)",
            "The time that 95 of 100 calls stay below, by operation, name and version of the model.",
            (
                Query(
                    f"histogram_quantile(0.95, sum by (le, ia_operation, {model}) "
                    f"(rate(ia_call_duration_seconds_bucket{with_model}[5m])))",
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
                    f"(sum by ({model}) (rate({COUNT}{failed}[5m])) "
                    f"or 0 * sum by ({model}) (rate({COUNT}{with_model}[5m]))) "
                    f"/ (sum by ({model}) (rate({COUNT}{with_model}[5m])) > 0)",
                    of_model,
                ),
            ),
            "percentunit",
        ),
        Panel(
            "Time by stage",
            "Seconds of work in each `ia.stage`, a second: 2 means that two calls are in it on average. Calls without "
            "a stage have an empty name.",
            (Query(rate("ia_call_duration_seconds_sum", "job, ia_stage"), "{{job}} {{ia_stage}}"),),
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
    return dashboard(
        "otel-ia-models",
        "otel_ia: streams and models",
        "What generators yield, how large batches are, how training goes, and how models and stages compare.",
        [SERVICE, MODEL],
        [
            ("Now", now),
            ("Streams", of_streams),
            ("Batches", of_batches),
            ("Training", of_training),
            ("Models and stages", of_models),
        ],
    )
