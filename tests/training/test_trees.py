"""The law of training loops: however they are nested and left, the spans' parents are those of the loops.

So are their outcomes: what an exception leaves is an error, what a `break` leaves is closed early.
"""

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.context import get_current

from otel_ia import monitor, training
from otel_ia.testing import record


class Left(Exception):
    """What a loop is left by, all the way to its outermost one."""


WAYS = st.sampled_from(["end", "break", "raise"])
"""How a loop ends: by itself, or in its last turn."""


def loops(inner):
    bodies = st.lists(inner, max_size=3)
    turns = st.integers(0, 3)
    return st.one_of(
        st.tuples(st.just("run"), bodies),
        st.tuples(st.just("epochs"), turns, WAYS, bodies),
        st.tuples(st.just("steps"), turns, WAYS, bodies, st.integers(0, 2)),
        st.tuples(st.just("caught"), bodies),
    )


PROGRAMS = st.lists(st.recursive(st.just(("call",)), loops, max_leaves=8), max_size=3)


def play(program):
    for kind, *said in program:
        if kind == "call":
            with monitor("call"):
                pass
        elif kind == "run":
            with training.run():
                play(said[0])
        elif kind == "caught":
            with contextlib.suppress(Left):
                play(said[0])
        else:
            turns, way, body, *every = said
            given_turns = training.epochs(turns) if kind == "epochs" else training.steps(range(turns), every=every[0])
            for turn in given_turns:
                play(body)
                if turn == turns - 1 and way == "break":
                    break
                if turn == turns - 1 and way == "raise":
                    raise Left


def expected(program, progress, tree):
    """Adds to the tree what the program gives: names, what is below, and outcomes; whether an exception left it.

    `progress`: None outside of a run, False in one, True in a loop of one.
    """
    for kind, *said in program:
        if kind == "call":
            tree.append(["call", [], "ok"])
        elif kind == "run":
            run = ["training", [], "ok"]
            tree.append(run)
            if expected(said[0], False, run[1]):
                run[2] = "error"
                return True
        elif kind == "caught":
            expected(said[0], progress, tree)
        elif progress is None or (progress and kind == "epochs"):
            run = ["training", [], "ok"]
            tree.append(run)
            run[2] = expected_of_loop(kind, said, run[1])
            if run[2] == "error":
                return True
        elif expected_of_loop(kind, said, tree) == "error":
            return True
    return False


def expected_of_loop(kind, said, tree):
    """Adds what a loop gives; how it ends."""
    turns, way, body, *every = said
    name = "epoch" if kind == "epochs" else "step"
    for turn in range(turns):
        span = [name, [], "ok"]
        has_span = kind == "epochs" or (every[0] and turn % every[0] == 0)
        if has_span:
            tree.append(span)
        is_last = turn == turns - 1
        if expected(body, True, span[1] if has_span else tree) or (is_last and way == "raise"):
            span[2] = "error"
        elif is_last and way == "break":
            span[2] = "closed_early"
        if span[2] != "ok":
            return span[2]
    return "ok"


def as_seen(spans, parent=None):
    below = sorted((span for span in spans if span.parent_id == parent), key=lambda span: span.start)
    return [[span.name, as_seen(spans, span.span_id), span.outcome] for span in below]


@given(PROGRAMS)
def test_parents_and_outcomes_are_those_of_the_loops(program):
    outside = get_current()
    with record() as seen:
        with contextlib.suppress(Left):
            play(program)
        assert get_current() == outside
    tree = []
    expected(program, None, tree)
    assert as_seen(seen.spans) == tree
