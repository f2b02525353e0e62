"""What a call with one argument tells of it, and how soon."""

import time

from otel_ia import monitor
from otel_ia.capture.choice import Choice
from otel_ia.capture.plan import make_plan

STATISTICS = make_plan(Choice("summary", stats=True), lambda x: x)
VALUES = make_plan(Choice("values"), lambda x: x)


def told_of(telemetry, value, **options):
    """What the span of a call with this argument says of it, and the size of the batch."""
    telemetry.clear()
    options = {"capture": "summary", **options}

    @monitor("f", **options)
    def f(x):
        pass

    f(value)
    attributes = telemetry.span("f").attributes
    parts = {key.removeprefix("ia.argument.x."): told for key, told in attributes.items() if ".x." in key}
    assert all(type(told) in (str, int, float, bool) for told in parts.values())
    return parts, attributes.get("ia.batch.size")


def least_seconds(value, times=50, *, plan=STATISTICS):
    """What it takes to describe the value, where nothing else gets in between."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        plan.describe((value,), {})
        found.append(time.perf_counter() - began)
    return min(found)
