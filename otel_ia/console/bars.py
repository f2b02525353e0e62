"""Where in the time of the root a span ran, as a bar of half cells."""


def bar(started: int, ended: int, *, whole: tuple[int, int], cells: int, solid: bool = True) -> str:
    """A bar of at least half a cell; dashed where it stands for several spans. Blanks before it, none behind."""
    first, last = whole
    length = max(1, last - first)
    halves = 2 * cells
    begin = min(halves - 1, max(0, (started - first) * halves // length))
    end = min(halves, max(begin + 1, -((first - ended) * halves // length)))
    drawn = "╺" if begin % 2 else ""
    inside = end // 2 - (begin + 1) // 2
    drawn += ("━" if solid else "╍") * max(0, inside)
    if end % 2 and end > begin + (begin % 2):
        drawn += "╸"
    return " " * (begin // 2) + drawn
