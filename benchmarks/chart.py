"""The results as a drawing, for a light page and for a dark one, and as bars on the terminal.

Above, one monitored call with us, with the plain SDK and with the other libraries; below, each operation beside the
plain SDK, with its goal. SVG by hand: a few rectangles and texts, crisp at any size, and no dependency.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from benchmarks.results import FOLDER, Results
from benchmarks.rows import Peer, Row, Spread
from benchmarks.table import quantity, ratio_alone

_WIDTH: Final = 870
_LABELS: Final = 270
_BARS: Final = 370
_STEP: Final = 28
_THICK: Final = 14
_COLUMNS: Final = 50
_FONT: Final = "-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"
_NAMES: Final = {
    "langfuse": "Langfuse",
    "logfire": "Logfire",
    "mlflow": "MLflow",
    "openinference": "OpenInference",
    "openlit": "OpenLIT",
    "openllmetry": "OpenLLMetry",
}


@dataclass(frozen=True, slots=True)
class Colours:
    """Of texts, of our bars and of all others, of what marks a goal and of lines."""

    text: str
    quiet: str
    ours: str
    others: str
    goal: str
    line: str


THEMES: Final = {
    "light": Colours("#1f2328", "#59636e", "#0b7a75", "#afb8c1", "#bc4c00", "#d1d9e0"),
    "dark": Colours("#f0f6fc", "#9198a1", "#1fa898", "#59636e", "#f0883e", "#3d444d"),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of a drawing: its name, its ratio with quartiles, what it took, whether it is ours, and its goal."""

    name: str
    ratio: Spread
    took: str
    is_ours: bool
    goal: float | None = None


def draw(results: Results, folder: Path = FOLDER) -> None:
    """Writes `cost-light.svg` and `cost-dark.svg`."""
    for theme, colours in THEMES.items():
        (folder / f"cost-{theme}.svg").write_text(render(results, colours))


def render(results: Results, colours: Colours) -> str:
    """The drawing as SVG."""
    calls = bars_of_calls(results.row("monitored call, root"), results.peers)
    operations = bars_of_operations(results.rows)
    middle = 64 + _STEP * len(calls) + 30
    height = middle + 64 + _STEP * len(operations) + 14
    box, style = f"0 0 {_WIDTH} {height}", f'role="img" font-family="{_FONT}" font-size="13"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="{box}" {style}>',
        "<title>What a monitored call costs beside the plain OpenTelemetry SDK</title>",
        *_panel(
            "One monitored call", "CPU of the calling thread, plain OpenTelemetry SDK = 1 × (dashed)", calls, colours, 0
        ),
        *_panel(
            "Each operation",
            "CPU or memory, plain OpenTelemetry SDK = 1 × (dashed); the marks are goals",
            operations,
            colours,
            middle,
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def render_bars(results: Results) -> str:
    """One monitored call with each library as bars of text."""
    bars = bars_of_calls(results.row("monitored call, root"), results.peers)
    longest = max(bar.ratio.middle for bar in bars)
    lines = [
        f"{bar.name:24s} {'█' * round(_COLUMNS * bar.ratio.middle / longest) or '▏'} "
        f"{ratio_alone(bar.ratio.middle)}  {bar.took}"
        for bar in bars
    ]
    return "\n".join(lines)


def bars_of_calls(ours: Row, peers: Sequence[Peer]) -> list[Bar]:
    """One monitored call with each library, the cheapest first."""
    assert ours.ratio is not None
    assert ours.sdk is not None
    found = [
        Bar("otel_ia", ours.ratio, quantity(ours.ours.middle, "s"), is_ours=True),
        Bar("plain SDK", Spread(1, 1, 1), quantity(ours.sdk.middle, "s"), is_ours=False),
        *(
            Bar(
                f"{_NAMES.get(peer.name, peer.name)} {peer.version}",
                peer.ratio,
                quantity(peer.peer.middle, "s"),
                is_ours=False,
            )
            for peer in peers
        ),
    ]
    return sorted(found, key=lambda bar: bar.ratio.middle)


def bars_of_operations(rows: Sequence[Row]) -> list[Bar]:
    """The rows that compare with the SDK and where less is better."""
    return [
        Bar(
            row.operation,
            row.ratio,
            f"{quantity(row.ours.middle, row.unit)} of {quantity(row.sdk.middle, row.unit)}",
            True,
            row.goal.required,
        )
        for row in rows
        if row.ratio and row.sdk and row.goal and row.goal.of == "ratio" and not row.goal.is_least
    ]


def _panel(title: str, subtitle: str, bars: Sequence[Bar], colours: Colours, top: float) -> Iterator[str]:
    """A title and its bars, as long as their ratios: whatever reaches farthest fills the room."""
    yield f'<text x="0" y="{top + 20}" font-size="16" font-weight="600" fill="{colours.text}">{escape(title)}</text>'
    yield f'<text x="0" y="{top + 40}" fill="{colours.quiet}">{escape(subtitle)}</text>'
    first = top + 62
    unit = _BARS / max(max(1.0, bar.ratio.high, bar.goal or 0) for bar in bars)
    for at, dashes in ((_LABELS + unit, ' stroke-dasharray="3 3"'), (_LABELS, "")):
        yield _line((at, first - 8), (at, first + _STEP * len(bars) - 6), colours.line, 1, dashes)
    for number, bar in enumerate(bars):
        yield from _bar(bar, colours, first + number * _STEP, unit)


def _bar(bar: Bar, colours: Colours, top: float, unit: float) -> Iterator[str]:
    """The name, the bar, a line between the quartiles, the goal, and the figures."""
    middle = top + _THICK / 2
    text = f'y="{middle + 4.5:.1f}" fill="{colours.text}"'
    weight = ' font-weight="600"' if bar.is_ours and bar.goal is None else ""
    fill = colours.ours if bar.is_ours else colours.others
    low, end, high = (_LABELS + value * unit for value in (bar.ratio.low, bar.ratio.middle, bar.ratio.high))
    yield f'<text x="{_LABELS - 12}" {text} text-anchor="end"{weight}>{escape(bar.name)}</text>'
    yield f'<rect x="{_LABELS}" y="{top:.1f}" width="{end - _LABELS:.1f}" height="{_THICK}" rx="2" fill="{fill}"/>'
    if high - low > 1:
        yield _line((low, middle), (high, middle), colours.text, 1.2)
    if bar.goal is not None:
        at = _LABELS + bar.goal * unit
        yield _line((at, top - 3), (at, top + _THICK + 3), colours.goal, 2.5)
    figures = _LABELS + _BARS + 64
    yield f'<text x="{figures}" {text} text-anchor="end" font-weight="600">{ratio_alone(bar.ratio.middle)}</text>'
    yield f'<text x="{figures + 14}" {text.replace(colours.text, colours.quiet)}>{escape(bar.took)}</text>'


def _line(begin: tuple[float, float], end: tuple[float, float], colour: str, width: float, more: str = "") -> str:
    ends = f'x1="{begin[0]:.1f}" y1="{begin[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"{more}/>'
