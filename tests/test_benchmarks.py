"""Each benchmark runs, with tiny counts, and finds plausible rows. No figure is a test: it depends on the machine."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import (
    calls,
    capture,
    delivery,
    disabled,
    encoding,
    imports,
    instructions,
    keeping,
    latency,
    log_lines,
    memory,
    metrics,
    redaction,
    throughput,
    training,
)
from benchmarks.chart import THEMES, render, render_bars
from benchmarks.collector import collecting
from benchmarks.effort import Effort
from benchmarks.readme import render as render_readme
from benchmarks.readme import rewrite
from benchmarks.results import FOLDER, Results, describe_machine, load, store
from benchmarks.rows import Goal, Row, Spread, row_of, spread_of
from benchmarks.table import quantity, render_table
from benchmarks.work import nothing, typical

ROOT = Path(__file__).parents[1]
SMALLEST = Effort(
    rounds=5,
    calls=4,
    deliveries=1,
    spans=20,
    trials=1,
    trial_time=0.1,
    latency_time=0.3,
    patience=0.2,
    processes=2,
    configured=1,
    outages=1,
    outage_spans=50,
)


@pytest.mark.parametrize(
    ("benchmark", "operations"),
    [
        (calls, 7),
        (capture, 6),
        (keeping, 3),
        (metrics, 4),
        (training, 3),
        (log_lines, 2),
        (disabled, 4),
        (delivery, 2),
        (throughput, 1),
        (latency, 1),
        (imports, 1),
        (memory, 2),
        (encoding, 8),
        (redaction, 6),
    ],
    ids=lambda value: getattr(value, "__name__", "").removeprefix("benchmarks."),
)
def test_each_benchmark_finds_its_rows(benchmark, operations):
    rows = list(benchmark.measure(SMALLEST))
    assert len({row.operation for row in rows}) == operations
    for row in rows:
        assert row.ours.low <= row.ours.middle <= row.ours.high
        assert row.sdk is None or 0 < row.sdk.low <= row.sdk.middle <= row.sdk.high
        is_of_differences = benchmark is log_lines  # which so few lines do not tell from nothing
        assert row.ratio is None or is_of_differences or row.ratio.middle > 0
        assert row.is_reached is None or row.goal is not None


def test_the_collector_counts_what_arrives_and_forgets_it_when_told():
    with collecting() as collector:
        delivery.expect(collector, 0)
        assert delivery.with_otel_ia is not delivery.with_sdk
        with pytest.raises(Exception, match="0 spans have arrived of 3"):
            delivery.expect(collector, 3)


def test_the_work_of_a_call_needs_no_provider():
    nothing()
    typical()


def test_quartiles_and_ratios_are_of_rounds():
    row = row_of("x", [(1, 4), (2, 4), (3, 4)], goal=Goal(of="ratio", required=0.5))
    assert row.ours == Spread(1.5, 2, 2.5)
    assert row.ratio == Spread(0.375, 0.5, 0.625)
    assert row.is_reached
    assert spread_of([7]) == Spread(7, 7, 7)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (5.49e-6, "s", "5.49 µs"),
        (0.0761, "s", "76.1 ms"),
        (13.04, "s", "13.0 s"),
        (31.1e6, "B", "31.1 MB"),
        (20_000, "1/s", "20,000/s"),
    ],
)
def test_quantities_have_three_digits_and_a_unit(value, unit, shown):
    assert quantity(value, unit) == shown


def test_a_missed_goal_is_said_in_the_table():
    missed = Row(operation="x", unit="s", ours=Spread(1, 1, 1), goal=Goal(of="ours", required=0.3))
    assert "≤ 300 ms, missed" in render_table([missed])


def test_what_capturing_and_holding_cost_is_shown_beside_what_it_was_compared_with():
    shown = render_readme(load())
    for row in load().parts:
        is_chosen = row.note in (capture.NOTE, keeping.NOTE)
        assert (f"| {row.operation} |" in shown) == is_chosen, row.operation
    assert all(f"| summary of {number} argument" in shown for number in capture.COUNTS)
    missed = Row(
        operation="x",
        unit="s",
        ours=Spread(2e-3, 2e-3, 2e-3),
        sdk=Spread(1e-3, 1e-3, 1e-3),
        ratio=Spread(2, 2, 2),
        goal=Goal(of="ours", required=1e-3),
        note=capture.NOTE,
    )
    told = render_readme(Results(machine=load().machine, parts=[missed]))
    assert f"| x | 2.00 ms | 1.00 ms | 2.00 × (2.00–2.00) | ≤ 1.00 ms, missed | {capture.NOTE} |" in told


def test_what_is_stored_is_what_is_loaded(tmp_path):
    stored = load()
    store(stored, tmp_path / "again.json")
    assert load(tmp_path / "again.json") == stored
    assert (tmp_path / "again.json").read_text() == (FOLDER / "stored.json").read_text()


@pytest.mark.parametrize("readme", ["README.md", "README.es.md"])
def test_the_readme_shows_the_stored_results(readme):
    assert render_readme(load()) in (ROOT / readme).read_text()


def test_the_stored_drawings_are_those_of_the_stored_results():
    for theme, colours in THEMES.items():
        assert (FOLDER / f"cost-{theme}.svg").read_text() == render(load(), colours)


def test_a_drawing_is_xml_and_its_bars_stay_inside():
    for colours in THEMES.values():
        svg = ET.fromstring(render(load(), colours))
        width = float(svg.attrib["width"])
        bars = svg.findall("{http://www.w3.org/2000/svg}rect")
        assert bars
        assert all(0 < float(bar.attrib["width"]) < width - float(bar.attrib["x"]) for bar in bars)


def test_the_bars_of_the_terminal_begin_with_the_cheapest():
    ratios = [float(found) for found in re.findall(r"([\d.]+) ×", render_bars(load()))]
    assert ratios == sorted(ratios)


def test_the_stored_results_name_no_machine_and_no_path():
    text = (FOLDER / "stored.json").read_text()
    assert "/home" not in text
    assert "/tmp" not in text
    assert set(load().machine) <= {*describe_machine(), "seconds"}


def test_results_are_put_between_the_marks_and_nowhere_else(tmp_path):
    readme = tmp_path / "README.md"
    stored = load()
    readme.write_text(f"before\n{render_readme(Results(machine=stored.machine))}\nafter\n")
    rewrite(stored, [readme])
    assert readme.read_text() == f"before\n{render_readme(stored)}\nafter\n"
    readme.write_text("no marks")
    with pytest.raises(LookupError, match="no part between"):
        rewrite(stored, [readme])


def test_the_instructions_of_each_operation_are_counted_alike_each_time():
    first, second = instructions.measure(), instructions.measure()
    assert list(first) == list(second)
    for name, counts in first.items():
        assert counts["TracerCallSite.open"] == second[name]["TracerCallSite.open"] > 0
