"""What the recorded spans say of each stage: count, errors, percentiles, share of time; as a table of 80 columns."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import StatusCode

from otel_ia import semconv
from otel_ia.console.words import clip, duration

Path = tuple[str, ...]
"""The names from a root down to a span."""
_LONGEST_NAME = 36


class SpanMemory(SpanProcessor):
    """Keeps the spans that end, for as long as a program of known size runs."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


@dataclass(frozen=True, slots=True)
class Stage:
    """The spans of one name at one place in the tree; durations in nanoseconds (nearest rank).

    `share` is the part of the time of its roots in which at least one of its spans ran, from 0 to 1.
    """

    path: Path
    count: int
    errors: int
    p50: int
    p95: int
    share: float


def stages(spans: Sequence[ReadableSpan]) -> list[Stage]:
    """The stages in the order of the tree, each below the one it is part of."""
    by_path: dict[Path, list[ReadableSpan]] = {}
    by_id = {_span_id(span): span for span in spans}
    for span in sorted(spans, key=_start):
        path = tuple(reversed([ancestor.name for ancestor in _with_ancestors(span, by_id)]))
        by_path.setdefault(path, []).append(span)
    appearance = {path: index for index, path in enumerate(by_path)}
    in_order = sorted(by_path, key=lambda path: [appearance.get(path[: depth + 1], -1) for depth in range(len(path))])
    return [_stage(path, by_path[path], by_path.get(path[:1], [])) for path in in_order]


def table(found: Sequence[Stage]) -> str:
    """The stages as aligned lines, indented by their depth."""
    names = [clip("  " * (len(stage.path) - 1) + stage.path[-1], _LONGEST_NAME) for stage in found]
    width = max(map(len, ("stage", *names)))
    lines = [f"{'stage':<{width}}{'count':>8}{'errors':>8}{'p50':>10}{'p95':>10}{'share':>8}"]
    for name, stage in zip(names, found, strict=True):
        lines.append(
            f"{name:<{width}}{stage.count:>8,}{stage.errors:>8,}"
            f"{duration(stage.p50):>10}{duration(stage.p95):>10}{stage.share:>8.1%}"
        )
    return "\n".join(lines)


def find_failed(spans: Sequence[ReadableSpan]) -> ReadableSpan | None:
    """The first trace's root that ended in an error."""
    return next((span for span in _roots(spans) if span.status.status_code is StatusCode.ERROR), None)


def find_slowest(spans: Sequence[ReadableSpan]) -> ReadableSpan | None:
    """Of the roots that took longer than their `slow_after`, the longest."""
    slow = [span for span in _roots(spans) if (span.attributes or {}).get(semconv.SLOW)]
    return max(slow, key=_elapsed, default=None)


def find_named(spans: Sequence[ReadableSpan], *, name: str) -> ReadableSpan | None:
    """The first root of this name."""
    return next((span for span in _roots(spans) if span.name == name), None)


def _stage(path: Path, spans: Sequence[ReadableSpan], roots: Sequence[ReadableSpan]) -> Stage:
    durations = sorted(_elapsed(span) for span in spans)
    whole = _covered(roots)
    return Stage(
        path=path,
        count=len(spans),
        errors=sum(span.status.status_code is StatusCode.ERROR for span in spans),
        p50=durations[math.ceil(0.5 * len(durations)) - 1],
        p95=durations[math.ceil(0.95 * len(durations)) - 1],
        share=_covered(spans) / whole if whole else 0.0,
    )


def _covered(spans: Sequence[ReadableSpan]) -> int:
    """Nanoseconds in which at least one of the spans ran; they are in the order of their starts."""
    covered = reached = 0
    for span in spans:
        start, end = _start(span), _start(span) + _elapsed(span)
        covered += max(0, end - max(start, reached))
        reached = max(reached, end)
    return covered


def _with_ancestors(span: ReadableSpan, by_id: dict[int, ReadableSpan]) -> Iterator[ReadableSpan]:
    current: ReadableSpan | None = span
    while current is not None:
        yield current
        current = by_id.get(current.parent.span_id) if current.parent is not None else None


def _roots(spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
    return [span for span in spans if span.parent is None]


def _span_id(span: ReadableSpan) -> int:
    context = span.get_span_context()
    return context.span_id if context is not None else 0


def _start(span: ReadableSpan) -> int:
    return span.start_time or 0


def _elapsed(span: ReadableSpan) -> int:
    return (span.end_time or 0) - _start(span)
