"""What a benchmark finds: one row for each operation, ours beside the plain SDK's, with its spread."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Unit = Literal["s", "B", "1/s"]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several rounds between their quartiles."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a row has to reach, and aims at: its ratio to the SDK, or our own figure in the row's unit."""

    of: Literal["ratio", "ours"]
    required: float
    aim: float | None = None
    is_least: bool = False
    """More is better."""

    def is_reached_by(self, value: float) -> bool:
        return value >= self.required if self.is_least else value <= self.required


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One operation; without `sdk` and `ratio` where the SDK has nothing to compare. `note` says what was counted."""

    operation: str
    unit: Unit
    ours: Spread
    sdk: Spread | None = None
    ratio: Spread | None = None
    goal: Goal | None = None
    note: str = ""

    @property
    def is_reached(self) -> bool | None:
        """Whether the goal is reached, by the median; None where there is none."""
        found = self.ratio if self.goal is not None and self.goal.of == "ratio" else self.ours
        return self.goal.is_reached_by(found.middle) if self.goal is not None and found is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What another library's decorator costs, as a multiple of the plain SDK in the same process."""

    name: str
    version: str
    decorator: str
    peer: Spread
    sdk: Spread
    ratio: Spread
    note: str = ""


def spread_of(values: Sequence[float]) -> Spread:
    """The quartiles; of a single value, that value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    return Spread(*statistics.quantiles(values, n=4, method="inclusive"))


def row_of(  # noqa: PLR0913 - what a row consists of
    operation: str,
    rounds: Sequence[tuple[float, float]],
    *,
    unit: Unit = "s",
    per: float = 1,
    goal: Goal | None = None,
    note: str = "",
) -> Row:
    """The row of rounds of both sides, ours first; each ratio is of one round. `per` is how many a round has."""
    ours, sdk = (spread_of([value / per for value in side]) for side in zip(*rounds, strict=True))
    ratio = spread_of([mine / theirs for mine, theirs in rounds])
    return Row(operation=operation, unit=unit, ours=ours, sdk=sdk, ratio=ratio, goal=goal, note=note)


def as_json(found: Row | Peer) -> dict[str, Any]:
    """The row as plain JSON, figures to five digits."""
    return {key: _rounded(value) for key, value in asdict(found).items() if value not in (None, "")}


def row_from_json(stored: dict[str, Any]) -> Row:
    spreads: dict[str, Any] = {key: Spread(**stored[key]) for key in ("ours", "sdk", "ratio") if key in stored}
    goal: dict[str, Any] = {"goal": Goal(**stored["goal"])} if "goal" in stored else {}
    return Row(**(stored | spreads | goal))


def peer_from_json(stored: dict[str, Any]) -> Peer:
    return Peer(**(stored | {key: Spread(**stored[key]) for key in ("peer", "sdk", "ratio")}))


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return float(f"{value:.5g}") if isinstance(value, float) else value
