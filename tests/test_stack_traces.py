"""Stack traces are, to the letter, what the standard library writes."""

import itertools
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from otel_ia.stack_traces import CHAIN_LIMIT, format_exception


class OfOurs(Exception):
    """Its name is written with its module."""


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def raise_value_error() -> None:
    number = 1
    raise ValueError(f"wrong number {number}")


def raise_over_several_lines() -> None:
    int(
        "not a number",
    )


def raise_with_a_cause() -> None:
    try:
        raise_value_error()
    except ValueError as error:
        raise OfOurs("outer") from error


def raise_with_a_context() -> None:
    try:
        raise_with_a_cause()
    except OfOurs:
        {}["missing"]


def raise_without_its_context() -> None:
    try:
        raise_value_error()
    except ValueError:
        raise OfOurs from None


def raise_with_a_cause_that_was_never_raised() -> None:
    raise OfOurs("outer") from KeyError("inner")


def recurse(depth: int) -> None:
    if depth == 0:
        raise_value_error()
    recurse(depth - 1)


def recurse_in_turn(depth: int) -> None:
    if depth % 2 or depth:
        recurse_in_turn(depth - 1)
    else:
        raise_value_error()


def raise_a_group() -> None:
    try:
        raise_with_a_cause()
    except OfOurs as error:
        raise ExceptionGroup("two", [error, ValueError("second")]) from error


def raise_with_notes() -> None:
    error = ValueError("noted")
    error.add_note("a note")
    raise error


def raise_in_a_circle() -> None:
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__context__ = second, first
    raise first


def raise_from_compiled_text() -> None:
    exec(compile("def made():\n    raise ValueError('made')\nmade()", "<made>", "exec"), {})


def raise_a_syntax_error() -> None:
    compile("a b", "<typed>", "exec")


def raise_a_misspelt_name() -> None:
    raise_value_errr()  # type: ignore[name-defined]  # noqa: F821


RAISING: list[Callable[[], Any]] = [
    raise_value_error,
    raise_over_several_lines,
    raise_with_a_cause,
    raise_with_a_context,
    raise_without_its_context,
    raise_with_a_cause_that_was_never_raised,
    lambda: recurse(1),
    lambda: recurse(3),
    lambda: recurse(4),
    lambda: recurse(40),
    lambda: recurse(400),
    lambda: recurse_in_turn(40),
    raise_a_group,
    raise_with_notes,
    raise_in_a_circle,
    raise_from_compiled_text,
    raise_a_syntax_error,
    raise_a_misspelt_name,
    lambda: (_ for _ in ()).throw(Unprintable),
    lambda: (_ for _ in ()).throw(KeyboardInterrupt),
    lambda: (_ for _ in ()).throw(OfOurs("lone \ud800 surrogate\nand a second line")),
    lambda: "text".missing,  # type: ignore[attr-defined]
    lambda: __import__("otel_ia.nothing"),
    lambda: None.split("x"),  # type: ignore[attr-defined]
]


@pytest.mark.parametrize("raising", RAISING)
def test_it_is_the_standard_librarys_text_the_first_time_and_again(raising: Callable[[], Any]) -> None:
    for _ in range(2):
        try:
            raising()
        except BaseException as error:
            expected = "".join(traceback.format_exception(error, limit=-256))
            assert format_exception(error, 256) == expected
        else:
            pytest.fail("nothing was raised")


def test_an_exception_that_was_never_raised_has_no_frames() -> None:
    assert format_exception(ValueError("x"), 256) == "ValueError: x\n"
    assert format_exception(ValueError(), 256) == "ValueError\n"


def test_only_so_many_of_the_innermost_frames_are_written() -> None:
    try:
        recurse(10)
    except ValueError as error:
        assert format_exception(error, 3) == "".join(traceback.format_exception(error, limit=-3))


def seconds_for(error: BaseException) -> tuple[float, str]:
    began = time.perf_counter()
    text = format_exception(error, 256)
    return time.perf_counter() - began, text


def test_of_a_long_chain_the_last_are_written_and_soon() -> None:
    error: Exception | None = None
    for number in range(20_000):
        try:
            raise ValueError(f"try {number}") from error
        except ValueError as raised:
            error = raised
    assert error is not None
    took, text = seconds_for(error)
    assert took < 0.5
    assert text.startswith("  … earlier exceptions left out …\n\nThe above exception was the direct cause")
    assert text.endswith("ValueError: try 19999\n")
    assert text.count("ValueError: try") == CHAIN_LIMIT


def noted(notes: Any) -> Exception:
    error = ValueError("noted")
    error.__notes__ = notes
    return error


@pytest.mark.parametrize(
    "error",
    [
        noted("x" * 10_000_000),
        noted(["x\n" * 10_000_000]),
        noted(["x"] * 10_000_000),
        noted(itertools.count()),
        ExceptionGroup("group", [noted("x" * 10_000_000)]),
        ExceptionGroup("group", [ValueError(number) for number in range(100_000)]),
    ],
    ids=["text", "long note", "many notes", "endless", "in a group", "large group"],
)
def test_what_would_take_long_to_write_is_left_out(error: Exception) -> None:
    took, text = seconds_for(error)
    assert took < 0.5
    assert text.endswith(
        ("ValueError: noted\n", "ExceptionGroup: group (1 sub-exception)\n", "(100000 sub-exceptions)\n")
    )


def test_functions_made_again_and_again_do_not_pile_up_and_do_not_mix() -> None:
    for number in range(3_000):
        space: dict[str, Any] = {}
        exec(compile(f"def made():\n    raise ValueError({number})", f"<made {number}>", "exec"), space)
        try:
            space["made"]()
        except ValueError as error:
            assert f'"<made {number}>"' in format_exception(error, 256)
