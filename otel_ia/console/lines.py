"""The log lines of a span, bounded: the first and the last few, quiet ones and warnings each on their own."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from otel_ia.console.reading import WARNING, Line

FIRST: Final = 4
LAST: Final = 4


@dataclass(slots=True, eq=False)
class _Kept:
    first: list[Line] = field(default_factory=list)
    last: list[Line] = field(default_factory=list)
    count: int = 0

    def add(self, line: Line) -> None:
        self.count += 1
        if len(self.first) < FIRST:
            self.first.append(line)
            return
        self.last.append(line)
        if len(self.last) > LAST:
            del self.last[0]

    def absorb(self, other: "_Kept") -> None:
        kept = [*other.first, *other.last]
        for line in kept:
            self.add(line)
        self.count += other.count - len(kept)

    @property
    def missing(self) -> int:
        return self.count - len(self.first) - len(self.last)


@dataclass(slots=True, eq=False)
class Lines:
    """Log lines in the order in which they came; warnings and worse are not crowded out by the rest."""

    quiet: _Kept = field(default_factory=_Kept)
    loud: _Kept = field(default_factory=_Kept)

    def add(self, line: Line) -> None:
        (self.loud if line.severity >= WARNING else self.quiet).add(line)

    def absorb(self, other: "Lines") -> None:
        self.quiet.absorb(other.quiet)
        self.loud.absorb(other.loud)

    def __iter__(self) -> Iterator[Line]:
        """The kept lines; among them, one without a level that says how many more there were."""
        for kept, noun in ((self.quiet, "log lines"), (self.loud, "warnings and errors")):
            yield from kept.first
            if kept.missing:
                after = kept.first[-1].time
                yield Line(after, "", 0, f"… {kept.missing:,} more {noun}")
            yield from kept.last
