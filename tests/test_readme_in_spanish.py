"""README.es.md has the sections, examples, tables and links of README.md, in the same order.

Who adds a section to one adds it to the other: what is missing is named by its heading and its first line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGLISH = (ROOT / "README.md").read_text()
SPANISH = (ROOT / "README.es.md").read_text()
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
NAMES = re.compile(r"`[^`\n]+`")
SAME_IN_SPANISH = {"only as argument": "solo como argumento"}
ONLY_IN_SPANISH = {"`logging`"}
"""Where English names a thing by a word of its own."""
MISSING = "(no section)"


@dataclass(frozen=True, slots=True)
class Section:
    heading: str
    level: int
    text: str

    @property
    def blocks(self) -> list[str]:
        return BLOCK.findall(self.text)

    @property
    def rows(self) -> list[list[str]]:
        """The cells of all rows of its tables, without heads and rules; what the benchmarks write is not looked at."""
        prose = re.sub(r"<!-- written by.*?until here -->", "", BLOCK.sub("", self.text), flags=re.DOTALL)
        tables = re.findall(r"^\|.*\n\|[-:| ]+\|\n((?:^\|.*\n)*)", prose, re.MULTILINE)
        return [[cell.strip() for cell in row.split(" | ")] for table in tables for row in table.splitlines()]


def sections(text: str) -> Iterator[Section]:
    """What stands before the first heading of the second level belongs to the title."""
    hidden = BLOCK.sub(lambda block: re.sub(r"^#", "\0", block[0], flags=re.MULTILINE), text)  # comments of examples
    parts = re.split(r"^(#+) (.*)$", hidden, flags=re.MULTILINE)
    for marks, heading, content in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        yield Section(heading, len(marks), content.replace("\0", "#"))


def pairs() -> list[tuple[Section, Section]]:
    return list(zip_longest(sections(ENGLISH), sections(SPANISH), fillvalue=Section(MISSING, 0, "")))


def difference(one: str | None, two: str | None) -> str:
    """The first line that only one of them has, or a block that only one of them has."""
    if one is None or two is None:
        return f"only {'README.es.md' if one is None else 'README.md'} has it:\n{one or two}"
    lines = zip_longest(one.splitlines(), two.splitlines(), fillvalue="(end)")
    return next((f"{mine!r} there, {theirs!r} here" for mine, theirs in lines if mine != theirs), "")


def test_the_sections_are_the_same_in_number_and_level() -> None:
    outline = [f"{'#' * one.level} {one.heading}   =   {'#' * two.level} {two.heading}" for one, two in pairs()]
    assert all(one.level == two.level for one, two in pairs()), "README.md = README.es.md:\n" + "\n".join(outline)


@pytest.mark.parametrize("number", range(len(pairs())), ids=lambda number: pairs()[number][0].heading)
def test_each_section_has_the_same_examples(number: int) -> None:
    english, spanish = pairs()[number]
    for count, (one, two) in enumerate(zip_longest(english.blocks, spanish.blocks), 1):
        where = f"block {count} of {english.heading!r} in README.md and of {spanish.heading!r} in README.es.md"
        assert one == two, f"{where}: {difference(one, two)}"


@pytest.mark.parametrize("number", range(len(pairs())), ids=lambda number: pairs()[number][0].heading)
def test_each_section_has_tables_of_the_same_rows(number: int) -> None:
    """Each row has the same code; in the table of options the first three cells are the same."""
    english, spanish = pairs()[number]
    for one, two in zip_longest(english.rows, spanish.rows, fillvalue=[]):
        where = f"{english.heading!r} of README.md has {' | '.join(one)!r}, README.es.md has {' | '.join(two)!r}"
        assert len(one) == len(two), where
        is_option = len(one) == 4
        for cell, translated in zip(one[: 3 if is_option else None], two[: 3 if is_option else None], strict=True):
            if is_option:
                assert translated == SAME_IN_SPANISH.get(cell, cell), where
            else:
                assert set(NAMES.findall(translated)) == set(NAMES.findall(cell)), where


@pytest.mark.parametrize("number", range(len(pairs())), ids=lambda number: pairs()[number][0].heading)
def test_each_section_speaks_of_the_same_names(number: int) -> None:
    """Of options, functions and commands, which are code in both; a language may say one of them more or less often."""
    english, spanish = ({*NAMES.findall(BLOCK.sub("", one.text))} for one in pairs()[number])
    heading = pairs()[number][0].heading
    assert english - spanish == set(), f"README.es.md does not speak of these in {heading!r}"
    assert spanish - english <= ONLY_IN_SPANISH, f"README.md does not speak of these in {heading!r}"


def test_each_links_to_the_other_at_its_top() -> None:
    assert "[Español](README.es.md)" in ENGLISH.splitlines()[2]
    assert "[English](README.md)" in SPANISH.splitlines()[2]


def test_the_links_and_pictures_are_the_same() -> None:
    link = re.compile(r"\]\(([^)]+)\)|(?:src|srcset)=\"([^\"]+)\"")
    own = {("README.md", ""), ("README.es.md", "")}
    assert {*link.findall(SPANISH)} - own == {*link.findall(ENGLISH)} - own
