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

# https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/
ERROR_TYPE: Final = "error.type"
"""Fully qualified class of the exception; a built-in one goes by its bare name."""

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
SERVICE_INSTANCE_ID: Final = "service.instance.id"
PROCESS_PID: Final = "process.pid"
PROCESS_PARENT_PID: Final = "process.parent_pid"

# Ours.
OUTCOME: Final = "ia.outcome"
"""How a call ended: `error`, `cancelled`, `closed_early` or `abandoned`; absent on a span that ended well."""
MODEL_NAME: Final = "ia.model.name"
MODEL_VERSION: Final = "ia.model.version"
BATCH_SIZE: Final = "ia.batch.size"
STAGE: Final = "ia.stage"
EPOCH: Final = "ia.epoch"
STEP: Final = "ia.step"
STREAM_ITEMS: Final = "ia.stream.items"
"""How many items a generator yielded."""
STREAM_TIME_TO_FIRST_ITEM: Final = "ia.stream.time_to_first_item"
"""Seconds from a generator's first step to its first item."""
SLOW: Final = "ia.slow"
"""True on a span that took longer than its call site's `slow_after`."""
SLOW_EVENT: Final = "ia.slow"
SLOW_AFTER: Final = "ia.slow.after"
"""On the `ia.slow` event: the call site's `slow_after`, in seconds."""
