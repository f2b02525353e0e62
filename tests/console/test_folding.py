"""Traces of many spans: told in a few lines, held in bounded memory."""

import re
import tracemalloc

import pytest
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import Status, StatusCode

TRAINING = """\
─ digits ─ 00:00:00 ─────────────────── trace 4bf92f3577b34da6a3ce929d0e0e0001 ─
train  model=digits                                      1.30 s ━━━━━━━━━━━━━━━━
├─ epoch  epoch=0                                        430 ms ━━━━━╸
│  ├─ step ×200  p50 1.50  p95 1.50  max 1.90 ms         300 ms ╍╍╍╍╍
│  │  │ batch=64
│  │  ├─ forward ×200  p50 400  p95 400  max 400 µs     80.0 ms ╍╍╍╍╍
│  │  └─ backward ×200  ◆ self 15%                       200 ms ╍╍╍╍╍
│  │       p50 1.00  p95 1.00  max 1.40 ms
│  └─ evaluate                                          20.0 ms     ╺╸
│       INFO  epoch 0: accuracy 0.90
├─ epoch  epoch=1                                        430 ms      ━━━━━━
│  ├─ step ×200  p50 1.50  p95 1.50  max 1.90 ms         300 ms      ╍╍╍╍╍╸
│  │  │ batch=64
│  │  ├─ forward ×200  p50 400  p95 400  max 400 µs     80.0 ms      ╍╍╍╍╍╸
│  │  └─ backward ×200  ◆ self 15%                       200 ms      ╍╍╍╍╍╸
│  │       p50 1.00  p95 1.00  max 1.40 ms
│  └─ evaluate                                          20.0 ms           ━
│       INFO  epoch 1: accuracy 0.91
└─ epoch  epoch=2                                        430 ms           ╺━━━━━
   ├─ step ×200  p50 1.50  p95 1.50  max 1.90 ms         300 ms           ╺╍╍╍╍╍
   │  │ batch=64
   │  ├─ forward ×200  p50 400  p95 400  max 400 µs     80.0 ms           ╺╍╍╍╍╸
   │  └─ backward ×200  ◆ self 15%                       200 ms           ╺╍╍╍╍╍
   │       p50 1.00  p95 1.00  max 1.40 ms
   └─ evaluate                                          20.0 ms                ╺
        INFO  epoch 2: accuracy 0.92
"""


def run_training(program):
    with program.span("train", 0, 1300, **{"ia.model.name": "digits"}):
        for epoch in range(3):
            begin = 430 * epoch
            with program.span("epoch", begin, begin + 430, **{"ia.epoch": epoch}):
                for step in range(200):
                    at = begin + 2 * step
                    until = at + (1.9 if step == 77 else 1.5)
                    with program.span("step", at, until, **{"ia.step": step, "ia.batch.size": 64}):
                        with program.span("forward", at, at + 0.4):
                            pass
                        with program.span("backward", at + 0.4, until - 0.1):
                            pass
                with program.span("evaluate", begin + 405, begin + 425):
                    program.log(f"epoch {epoch}: accuracy 0.9{epoch}", begin + 424)


def test_a_training_run_is_told_in_its_epochs(program):
    run_training(program)
    assert program.text == TRAINING


def test_up_to_five_siblings_of_one_name_stand_each_on_its_line_and_six_are_folded(program):
    for count in (5, 6):
        with program.span("request", 0, 10):
            for number in range(count):
                with program.span("embed", number, number + 1):
                    pass
    assert program.names == ["request", *["├─ embed"] * 4, "└─ embed", "request", "└─ embed ×6", *program.names[8:]]
    assert "p50 1.00  p95 1.00  max 1.00 ms" in program.text


def test_ten_thousand_spans_are_summarised_with_count_percentiles_and_errors(program):
    with program.span("batch", 0, 20_000):
        for number in range(10_000):
            with program.span("predict", 2 * number, 2 * number + 1 + number / 10_000, index=number) as span:
                if number in {3000, 4000}:
                    span.set_status(Status(StatusCode.ERROR, f"row {number} is malformed"))
    assert program.names[:2] == ["batch", "└─ ✗ predict ×10,000"]
    text = program.text
    assert len(text.splitlines()) < 8
    assert "2 errors" in text
    assert "✗ row 3000 is malformed" in text
    assert "row 4000" not in text
    p50, p95, longest = re.search(r"p50 ([\d.]+)  p95 ([\d.]+)  max ([\d.]+) ms", text).groups()
    assert float(p50) == pytest.approx(1.5, rel=0.02)
    assert float(p95) == pytest.approx(1.95, rel=0.02)
    assert longest == "2.00"


def test_folded_spans_keep_their_outcomes_and_the_attributes_that_all_share(program):
    with program.span("root", 0, 100):
        for number in range(8):
            attributes = {"ia.outcome": "cancelled"} if number % 2 else {"ia.slow": True}
            with program.span("call", number, number + 1, model="mini", index=number, **attributes):
                pass
    flat = " ".join(program.text.split())
    assert "4 cancelled 4 slow" in flat
    assert "model=mini" in flat
    assert "index" not in flat


def test_the_attributes_of_the_longest_call_are_told_where_it_stands_out(program):
    with program.span("root", 0, 100):
        for number in range(8):
            with program.span("call", number, number + (50 if number == 3 else 1), index=number):
                pass
    assert "slowest index=3" in program.text


def test_names_with_numbers_are_told_apart_up_to_a_limit_then_folded(program):
    with program.span("root", 0, 5000):
        for number in range(3000):
            with program.span(f"item {number}", number, number + 1):
                pass
    assert "item # ×2,960" in program.text
    assert len(program.tree) < 50


def test_names_without_end_are_folded_as_other_names(program):
    with program.span("root", 0, 5000):
        for number in range(3000):
            with program.span("x" * 20 + chr(0x4E00 + number), number, number + 1):
                pass
    assert "other names" in program.text
    assert len(program.tree) < 90


def test_log_lines_are_bounded_and_warnings_are_not_crowded_out(program):
    with program.span("root", 0, 5000):
        for number in range(1000):
            program.log(f"line {number}", number, SeverityNumber.WARN if number == 500 else SeverityNumber.INFO)
    lines = [line.strip() for line in program.tree[1:]]
    assert lines == [
        *(f"INFO  line {number}" for number in range(4)),
        "… 991 more log lines",
        "▲ WARNING  line 500",
        *(f"INFO  line {number}" for number in range(996, 1000)),
    ]


def test_log_lines_of_folded_spans_are_bounded_together(program):
    with program.span("root", 0, 5000):
        for number in range(500):
            with program.span("step", number, number + 1):
                program.log(f"loss {number}", number)
    assert "… 492 more log lines" in program.text
    assert "loss 499" in program.text
    assert len(program.tree) < 15


def test_memory_does_not_grow_with_the_steps_of_an_open_trace(program):
    def steps(count):
        for number in range(count):
            with program.span("step", number, number + 1, **{"ia.step": number}), program.span("forward"):
                program.log("x" * 100, number)

    with program.span("train", 0, 10**6):
        steps(2000)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        steps(4000)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert after - before < 100_000
    assert "step ×6,000" in program.text


def test_a_trace_of_endless_variety_is_bounded_too_and_says_what_it_left_out(program):
    def grow(depth, prefix):
        if depth:
            for number in range(12):
                with program.span(f"{prefix}{chr(97 + number)}", 0, 1):
                    grow(depth - 1, prefix + chr(97 + number))

    with program.span("root", 0, 1):
        grow(4, "")
    assert len(program.tree) < 1100
    assert program.tree[-1].startswith("… ")
    assert program.tree[-1].endswith(" spans beyond what is held of one trace")


def test_a_child_that_outlives_its_folded_parent_stays_in_the_tree(program):
    with program.span("root", 0, 100):
        late = []
        for number in range(10):
            with program.span("request", number, number + 1) as request:
                late.append(program.start("late", number, context=trace.set_span_in_context(request)))
        for number, span in enumerate(late):
            program.end(span, 50 + number)
    assert "request ×10" in program.text
    assert "late ×" in program.text


def test_many_alike_traces_are_printed_ten_times_then_folded(start_program):
    program = start_program(delay=60)
    for number in range(1000):
        with program.span(f"request {number}", 2 * number, 2 * number + 1), program.span("predict", 2 * number):
            pass
    assert program.text.count("─ trace ") == 10
    program.spans.force_flush()
    assert "─ 990 more ─" in program.text
    assert "slowest trace" in program.text
    assert "request # ×990" in program.text
    assert "└─ predict ×990" in program.text


def test_failed_and_slow_traces_are_printed_even_when_many_are_folded(start_program):
    program = start_program(delay=60)
    for number in range(100):
        with program.span("request", number, number + 1) as span:
            if number == 70:
                span.set_status(Status(StatusCode.ERROR, "malformed"))
    assert program.names == ["request"] * 10 + ["✗ request", "  ✗ malformed"]
