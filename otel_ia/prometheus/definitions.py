"""What a series of calls is, as its counter file says it, and what its cells come to."""

import json
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Final

from otel_ia import semconv
from otel_ia.prometheus.naming import metric_name
from otel_ia.prometheus.pages import Buckets, Number, Page, add_series, to_bytes
from otel_ia.prometheus.translation import labels_of, scope_labels
from otel_ia.recording.measures import CALL_ACTIVE, CALL_DURATION, Measure
from otel_ia.redaction import Redactor
from otel_ia.sdk.reading import SCOPE
from otel_ia.sdk.tallies import BEGUN, ELSEWHERE, FIRST, SUM, Attributes

_ACTIVE_NAME: Final = metric_name(CALL_ACTIVE.name, CALL_ACTIVE.unit, "up_down")


def define(measure: Measure, attributes: Attributes, bounds: tuple[float, ...], redactor: Redactor | None) -> bytes:
    """The definition of a new series."""
    said: Any = dict(attributes)
    active = {name: value for name, value in said.items() if name != semconv.OUTCOME}
    if redactor is not None:
        said, active = redactor.redact_attributes(said), redactor.redact_attributes(active)
    scope = scope_labels(SCOPE, SCOPE.schema_url)
    return to_bytes(
        {
            "name": metric_name(measure.name, measure.unit, "histogram"),
            "help": measure.description,
            "labels": labels_of(said, scope, taken=("le",)),
            "bounds": bounds,
            "parts": measure.parts,
            "active": labels_of(active, scope) if measure is CALL_DURATION else None,
        }
    )


def count_page(records: Iterable[tuple[bytes, list[int]]]) -> Page:
    """What the cells of all series say at this moment, those with the same labels as one.

    Of calls under way are those that have begun in a series and ended neither there nor elsewhere.
    """
    page = Page()
    for definition, cells in records:
        said = json.loads(definition)
        labels = _labels(said["labels"])
        counts = cells[FIRST:]
        if sum(counts):
            family = page.family(said["name"], "histogram", said["help"])
            total = Fraction(cells[SUM], said["parts"])
            add_series(family, {labels: Buckets(tuple(said["bounds"]), counts, total, [None] * len(counts))})
        if said["active"] is not None and cells[BEGUN]:
            family = page.family(_ACTIVE_NAME, "up_down", CALL_ACTIVE.description)
            active = cells[BEGUN] - cells[ELSEWHERE] - sum(counts)
            add_series(family, {_labels(said["active"]): Number(max(0, active))})
    return page


def _labels(stored: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in stored)
