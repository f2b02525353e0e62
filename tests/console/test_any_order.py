"""Spans that start and end in any order, under any parent: each is told once, and nothing is kept afterwards."""

import gc
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.trace import set_span_in_context

from otel_ia.console.tree import Fold, Node

STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 99), st.sampled_from("abc")), max_size=120)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_every_span_is_told_exactly_once(start_program, steps):
    program = start_program(delay=float("inf"))
    spans, running = [], []
    for time, (starts, choice, name) in enumerate(steps):
        if starts or not running:
            # One past the last span means: no parent. An ended parent is as good as an open one.
            parent = choice % (len(spans) + 1)
            context = set_span_in_context(spans[parent]) if parent < len(spans) else Context()
            spans.append(program.start(name, time, context=context))
            running.append(spans[-1])
        else:
            program.end(running.pop(choice % len(running)), time)
    for time, span in enumerate(running):
        program.end(span, len(steps) + time)
    program.shutdown()
    assert count_ended(program.tree) == len(spans)


def count_ended(lines):
    """Spans in printed trees, without those below a running one: that one is told again, with them, when it ends."""
    count, running_at = 0, 999
    for line in lines:
        row = re.match(r"([│├└─ ]*)[abc](?: ×(\d+))?  ( *running)?", line)
        if row is None or len(row[1]) > running_at:
            continue
        running_at = len(row[1]) if row[3] else 999
        count += 0 if row[3] else int(row[2] or 1)
    return count


def test_nothing_is_kept_of_traces_that_ended(program):
    for number in range(200):
        with program.span(f"request {number % 3}", number, number + 1) as root:
            late = program.start("late", number, context=set_span_in_context(root))
            for _ in range(9):
                with program.span("stage", number), program.span("inner", number):
                    program.log("line", number)
        program.end(late, number + 2)
    program.shutdown()
    gc.collect()
    assert [one for one in gc.get_objects() if type(one) in (Node, Fold)] == []
