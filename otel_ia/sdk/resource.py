"""Who this process is, in a child that was forked too."""

import functools
import os
import uuid
from typing import Any

from opentelemetry.sdk.resources import Resource

from otel_ia import semconv


def resource_in_child(resource: Resource) -> Resource:
    """The same service, as this process; the same answer for traces and metrics."""
    own: dict[str, Any] = {
        semconv.PROCESS_PID: os.getpid(),
        semconv.PROCESS_PARENT_PID: os.getppid(),
        semconv.SERVICE_INSTANCE_ID: _instance_of(os.getpid()),
    }
    return resource.merge(Resource({key: value for key, value in own.items() if key in resource.attributes}))


@functools.cache
def _instance_of(_process: int) -> str:
    return str(uuid.uuid4())
