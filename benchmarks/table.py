"""The rows as a person reads them: on the terminal, and as the table of the README."""

import sys
from collections.abc import Iterable, Sequence
from typing import Final

from benchmarks.rows import Goal, Peer, Row, Spread, Unit

_SCALES: Final[dict[Unit, tuple[tuple[float, str], ...]]] = {
    "s": ((1, "s"), (1e-3, "ms"), (1e-6, "µs")),
    "B": ((1e6, "MB"),),
    "1/s": ((1, "/s"),),
}


def print_rows(rows: Iterable[Row]) -> list[Row]:
    """Prints each row as soon as it is there, and gives them back."""
    found = []
    for row in rows:
        found.append(row)
        sys.stdout.write(f"{_line(row)}\n")
        sys.stdout.flush()
    return found


def print_peers(peers: Iterable[Peer]) -> list[Peer]:
    """Prints each library as soon as it is measured, and gives them back."""
    found = []
    for peer in peers:
        found.append(peer)
        cost = f"{quantity(peer.peer.middle, 's')} of {quantity(peer.sdk.middle, 's')}"
        name = f"{peer.name} {peer.version}"
        sys.stdout.write(f"{name:38s} {ratio(peer.ratio):>26s}  {cost:>22s}  {peer.decorator}: {peer.note}\n")
        sys.stdout.flush()
    return found


def _line(row: Row) -> str:
    mark = {None: "", True: "reached", False: "missed"}[row.is_reached]
    cost = quantity(row.ours.middle, row.unit)
    cost += f" of {quantity(row.sdk.middle, row.unit)}" if row.sdk is not None else f" ({spread(row.ours, row.unit)})"
    shown = ratio(row.ratio) if row.ratio is not None else ""
    return f"{row.operation:38s} {shown:>26s}  {cost:>22s}  {goal_of(row):22s} {mark}".rstrip()


def render_table(rows: Sequence[Row]) -> str:
    """The table of the README, in Markdown."""
    lines = ["| Operation | otel_ia | plain SDK | ratio (quartiles) | goal |", "|---|--:|--:|--:|--:|"]
    for row in rows:
        if row.goal is None:
            continue
        theirs = quantity(row.sdk.middle, row.unit) if row.sdk is not None else "–"
        shown = ratio(row.ratio) if row.ratio is not None else "–"
        ours = quantity(row.ours.middle, row.unit)
        lines.append(f"| {row.operation} | {ours} | {theirs} | {shown} | {_goal_and_mark(row)} |")
    return "\n".join(lines)


def render_parts(rows: Sequence[Row]) -> str:
    """Rows that stand beside other work of ours and not beside the SDK, for the README, in Markdown."""
    lines = [
        "| Operation | otel_ia | beside it | ratio (quartiles) | goal | compared |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for row in rows:
        if row.sdk is None or row.ratio is None:
            continue
        took, other = quantity(row.ours.middle, row.unit), quantity(row.sdk.middle, row.unit)
        lines.append(
            f"| {row.operation} | {took} | {other} | {ratio(row.ratio)} | {_goal_and_mark(row)} | {row.note} |"
        )
    return "\n".join(lines)


def render_peers(peers: Sequence[Peer]) -> str:
    """The other libraries for the README, in Markdown, the cheapest first."""
    lines = [
        "| Library | a call that does nothing | plain SDK | ratio (quartiles) | compared |",
        "|---|--:|--:|--:|---|",
    ]
    for peer in sorted(peers, key=lambda peer: peer.ratio.middle):
        took, theirs = quantity(peer.peer.middle, "s"), quantity(peer.sdk.middle, "s")
        name = f"{peer.name} {peer.version} `{peer.decorator}`"
        lines.append(f"| {name} | {took} | {theirs} | {ratio(peer.ratio)} | {peer.note} |")
    return "\n".join(lines)


def _goal_and_mark(row: Row) -> str:
    if row.goal is None:
        return "–"
    return goal_of(row) if row.is_reached else f"{goal_of(row)}, missed"


def goal_of(row: Row) -> str:
    """What was required of the row."""
    return _goal(row.goal, row.unit) if row.goal is not None else ""


def _goal(goal: Goal, unit: Unit) -> str:
    value = f"{goal.required:g} ×" if goal.of == "ratio" else quantity(goal.required, unit)
    return f"{'≥' if goal.is_least else '≤'} {value}"


def quantity(value: float, unit: Unit) -> str:
    """Three digits and a unit that suits."""
    scale, name = next(((scale, name) for scale, name in _SCALES[unit] if abs(value) >= scale), _SCALES[unit][-1])
    return f"{_digits(value / scale)}{'' if name.startswith('/') else ' '}{name}"


def ratio(found: Spread) -> str:
    """A ratio with its quartiles."""
    return f"{ratio_alone(found.middle)} ({_digits(found.low)}–{_digits(found.high)})"


def ratio_alone(middle: float) -> str:
    """A ratio without them."""
    return f"{_digits(middle)} ×"


def spread(found: Spread, unit: Unit) -> str:
    """The quartiles of a quantity."""
    return f"{quantity(found.low, unit)}–{quantity(found.high, unit)}"


def _digits(value: float) -> str:
    if abs(value) >= 1_000:  # noqa: PLR2004 - four digits and more are grouped
        return f"{value:,.0f}"
    if abs(value) >= 100:  # noqa: PLR2004
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"  # noqa: PLR2004
