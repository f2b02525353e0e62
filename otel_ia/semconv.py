"""Every attribute, event and metric name that `otel_ia` writes, with its source.

OpenTelemetry's semantic conventions come first (https://opentelemetry.io/docs/specs/semconv/, version 1.44); what they
have no word for stands under one prefix of ours, `ia.`.
"""

from typing import Final

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"

# https://opentelemetry.io/docs/specs/semconv/registry/attributes/code/
CODE_FUNCTION_NAME: Final = "code.function.name"
"""Fully qualified name of the function: module, then qualified name."""
CODE_FILE_PATH: Final = "code.file.path"
CODE_LINE_NUMBER: Final = "code.line.number"
CODE_STACKTRACE: Final = "code.stacktrace"
"""How the code came to the place of a log record, where `stack_info` asked for it."""

# https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/
ERROR_TYPE: Final = "error.type"
"""Fully qualified class of the exception; a built-in one goes by its bare name, one of unknown class by `_OTHER`."""

# https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/
EXCEPTION_EVENT: Final = "exception"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"

# https://opentelemetry.io/docs/specs/semconv/registry/attributes/thread/
THREAD_ID: Final = "thread.id"
THREAD_NAME: Final = "thread.name"

# https://opentelemetry.io/docs/specs/semconv/resource/
SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
DEPLOYMENT_ENVIRONMENT_NAME: Final = "deployment.environment.name"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
PROCESS_PID: Final = "process.pid"
PROCESS_PARENT_PID: Final = "process.parent_pid"

# https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/
PROCESSED_SPANS: Final = "otel.sdk.processor.span.processed"
PROCESSED_LOGS: Final = "otel.sdk.processor.log.processed"
QUEUED_SPANS: Final = "otel.sdk.processor.span.queue.size"
QUEUED_LOGS: Final = "otel.sdk.processor.log.queue.size"
EXPORTED_SPANS: Final = "otel.sdk.exporter.span.exported"
EXPORTED_LOGS: Final = "otel.sdk.exporter.log.exported"
CREATED_LOGS: Final = "otel.sdk.log.created"
COMPONENT_TYPE: Final = "otel.component.type"
COMPONENT_NAME: Final = "otel.component.name"
REJECTED: Final = "rejected"
"""`error.type` of what a server that took the request did not take."""

# https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/registry/attributes/gen-ai.md
# Written by `opentelemetry-util-genai`, but for what it cannot count; shown by the console.
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_REQUEST_STREAM: Final = "gen_ai.request.stream"
GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
GEN_AI_RESPONSE_ID: Final = "gen_ai.response.id"
GEN_AI_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
GEN_AI_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
"""Seconds from the request to the first chunk of the answer."""
GEN_AI_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
"""Tokens of the request, those that came from a cache among them."""
GEN_AI_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
GEN_AI_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
GEN_AI_CACHE_WRITE_INPUT_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
GEN_AI_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
GEN_AI_INPUT_MESSAGES: Final = "gen_ai.input.messages"
GEN_AI_OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
GEN_AI_SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
GEN_AI_TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"

# Ours.
OUTCOME: Final = "ia.outcome"
"""How a call ended: `error`, `cancelled`, `closed_early` or `abandoned`; absent on a span that ended well."""
MODEL_NAME: Final = "ia.model.name"
MODEL_VERSION: Final = "ia.model.version"
BATCH_SIZE: Final = "ia.batch.size"
STAGE: Final = "ia.stage"
DEVICE: Final = "ia.device"
"""Where a model's call had its first tensor, as its library writes it: `cpu`, `cuda:0`. The conventions have none:
`hw.*` (https://opentelemetry.io/docs/specs/semconv/registry/attributes/hardware/) is of the machine's parts by id."""
EXECUTION_PROVIDER: Final = "ia.execution.provider"
"""The first of a session's execution providers, by ONNX Runtime's name for it
(https://onnxruntime.ai/docs/execution-providers/): `CPUExecutionProvider`."""
EPOCH: Final = "ia.epoch"
"""Of a training run the epoch as its loop numbers it, else how many came before; on the run the last one."""
STEP: Final = "ia.step"
"""How many steps of its loop came before; on the run the last one."""
TRAINING: Final = "ia.training."
"""Before the name of what is recorded of a training run, as in `ia.training.loss`: attribute of spans, and gauge."""
TRAINING_LOSS: Final = "ia.training.loss"
TRAINING_LEARNING_RATE: Final = "ia.training.learning_rate"
TRAINING_DATA_WAIT: Final = "ia.training.data_wait"
"""Seconds that were waited for a step's batch, of an epoch all together; histogram, in seconds: for each batch."""
TRAINING_STEP_DURATION: Final = "ia.training.step.duration"
"""Histogram, in seconds: from asking for a batch to the end of its step, so waiting and computing."""
TRAINING_RATE: Final = "ia.training.rate"
"""Samples a second: of an epoch, and as a histogram of each step."""
TRAINING_STEPS: Final = "ia.training.steps"
"""How many steps an epoch had."""
TRAINING_SAMPLES: Final = "ia.training.samples"
"""How many samples the batches of an epoch had."""
TRAINING_UNREAD: Final = "ia.training.unread"
"""How many recorded values were on another device, and not read."""
TRAINING_RANK: Final = "ia.training.rank"
"""Number of this process among all that train together, from 0."""
TRAINING_LOCAL_RANK: Final = "ia.training.local_rank"
"""The same among those of this machine."""
TRAINING_NODE_RANK: Final = "ia.training.node_rank"
"""Number of this machine, from 0."""
TRAINING_WORLD_SIZE: Final = "ia.training.world_size"
"""How many processes train together."""
TRAINING_JOB: Final = "ia.training.job"
"""What the launcher calls the job that they belong to."""
STREAM_ITEMS: Final = "ia.stream.items"
"""How many items a generator yielded."""
STREAM_TIME_TO_FIRST_ITEM: Final = "ia.stream.time_to_first_item"
"""Seconds from a generator's first step to its first item."""
STREAM_FIRST_ITEM: Final = "ia.stream.first_item"
"""Event, when the first item came; the GenAI conventions have an attribute and a metric for it, and no event."""
STREAM_SUMMARY: Final = "ia.stream.summary"
"""What `reduce` made of a generator's items, where it is no mapping of attributes."""
ARGUMENT: Final = "ia.argument"
"""Followed by the name of an argument and a part: `ia.argument.images.shape`.

An attribute for each part and no text of all, because backends compare whole values: Jaeger finds the calls that were
given `float64`. The part comes last and stands on its own level, for no name may be the beginning of another
(https://opentelemetry.io/docs/specs/semconv/general/naming/): Elasticsearch cannot keep both `x` and `x.shape`. All
parts are texts or numbers. `type`: the qualified class; `shape`: as Python writes it; `dtype`, of images the mode;
`device`, where there can be several; `bytes`; `length` of texts and containers; `columns` and `fields`: their names;
`value`; and with `stats=True` `nan` and `inf`, which are counts, `min`, `mean`, `max`.
"""
RESULT: Final = "ia.result"
"""The same of what a call returned: `ia.result.shape`."""
CAPTURE_OMITTED: Final = "ia.capture.omitted"
"""How many attributes of arguments were left out, because there were too many; of arguments not looked at one each."""
SLOW: Final = "ia.slow"
"""True on a span that took longer than its call site's `slow_after`."""
SLOW_EVENT: Final = "ia.slow"
SLOW_AFTER: Final = "ia.slow.after"
"""On the `ia.slow` event: the call site's `slow_after`, in seconds."""
METRIC_OVERFLOW: Final = "otel.metric.overflow"
"""True on the series that stands for all beyond the cardinality limit
(https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute)."""
OPERATION: Final = "ia.operation"
"""On metrics: the name of the call's span."""
CALL_DURATION: Final = "ia.call.duration"
"""Histogram, in seconds: how long calls took, by outcome."""
CALL_ACTIVE: Final = "ia.call.active"
"""How many calls have begun and not ended."""
STREAM_RATE: Final = "ia.stream.rate"
"""Items a second of a generator, from its first step to its end; attribute and histogram."""
TELEMETRY_SIGNAL: Final = "ia.telemetry.signal"
"""On metrics of the telemetry itself: `traces`, `logs` or `metrics`."""
TELEMETRY_REASON: Final = "ia.telemetry.reason"
"""Why something was dropped, or by which rule a secret was taken out."""
TELEMETRY_DROPPED: Final = "ia.telemetry.dropped"
TELEMETRY_REDACTED: Final = "ia.telemetry.redacted"
TELEMETRY_WAITING: Final = "ia.telemetry.waiting"
"""Bytes in the spool that are not acknowledged."""
TELEMETRY_LAG: Final = "ia.telemetry.lag"
"""Seconds from the end of the oldest span or log record of the last batch to its delivery."""
TELEMETRY_REQUESTS: Final = "ia.telemetry.requests"
TELEMETRY_RETRIED: Final = "ia.telemetry.retried"
"""Requests that came to nothing and were sent again."""
TELEMETRY_ABANDONED: Final = "ia.telemetry.abandoned"
"""Spans that were open in a process that died."""
CHECK_METRIC: Final = "ia.check"
"""Gauge: when the chain was last checked, in seconds since the epoch."""
