"""What a call with one argument tells of it."""

from otel_ia import monitor


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
