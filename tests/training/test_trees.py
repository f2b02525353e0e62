"""The law of training loops: however they are nested and left, the spans' parents are those of the loops."""

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
    """Adds to the tree what the program gives; whether it was left by an exception.

    `progress`: None outside of a run, False in one, True in a loop of one.
    """
    for kind, *said in program:
        if kind == "call":
            tree.append(("call", []))
        elif kind == "run":
            below = []
            tree.append(("training", below))
            if expected(said[0], False, below):
                return True
        elif kind == "caught":
            expected(said[0], progress, tree)
        else:
            turns, way, body, *every = said
            around = tree
            if progress is None or (progress and kind == "epochs"):
                around = []
                tree.append(("training", around))
            for turn in range(turns):
                below = around
                if kind == "epochs" or (every[0] and turn % every[0] == 0):
                    below = []
                    around.append(("epoch" if kind == "epochs" else "step", below))
                if expected(body, True, below) or (turn == turns - 1 and way == "raise"):
                    return True
    return False


def as_seen(tree):
    names = []
    for name, below in tree:
        names.append(name)
        if below:
            names.append(as_seen(below))
    return names


@given(PROGRAMS)
def test_parents_are_those_of_the_loops(program):
    outside = get_current()
    with record() as seen:
        with contextlib.suppress(Left):
            play(program)
        assert get_current() == outside
    tree = []
    expected(program, None, tree)
    assert seen.tree == as_seen(tree)
    allowed = {"ok", "closed_early", "error"}
    assert {span.outcome for span in seen.spans} <= allowed
