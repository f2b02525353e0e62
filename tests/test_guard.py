"""Our own failures are swallowed, told once for each place, and raised under test."""

import logging

import pytest

from otel_ia.guard import guarded, raise_failures


@guarded
def halve(number, /, *, by=2):
    """Halves."""
    return number / by


def test_it_returns_what_the_function_returns():
    assert halve(4) == 2
    assert halve(9, by=3) == 3
    assert (halve.__name__, halve.__doc__) == ("halve", "Halves.")


def test_it_passes_on_all_arguments():
    assert guarded(lambda number, /, *more: (number, *more))(1, 2) == (1, 2)
    assert guarded(lambda number, /, **more: (number, more))(1, by=2) == (1, {"by": 2})
    assert guarded(lambda number: number)(number=1) == 1
    assert guarded(int)("3") == 3


def test_a_failure_becomes_none_and_is_told_once_for_its_place(caplog):
    @guarded
    def fails():
        raise OSError("gone")

    @guarded
    def fails_elsewhere():
        raise OSError("gone")

    assert [fails(), fails(), fails_elsewhere()] == [None] * 3
    assert [(record.name, record.levelname) for record in caplog.records] == [("otel_ia", "WARNING")] * 2
    assert caplog.records[0].exc_info[0] is OSError
    assert f"{__file__}:" in caplog.records[0].getMessage()
    for record in caplog.records:
        record.exc_info = None


def test_what_is_the_users_fails_in_silence(caplog):
    @guarded(ours=False)
    def text():
        raise OSError("gone")

    assert text() is None
    assert caplog.records == []


@pytest.mark.parametrize("error", [RecursionError, MemoryError])
def test_the_limits_of_the_program_are_silent(caplog, error):
    @guarded
    def limited():
        raise error

    undo = raise_failures()
    try:
        assert limited() is None
    finally:
        undo()
    assert caplog.records == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_to_end_the_program_passes(error):
    @guarded
    def interrupted():
        raise error

    with pytest.raises(error):
        interrupted()


def test_under_test_failures_are_raised_until_the_last_undo():
    first, second = raise_failures(), raise_failures()
    first()
    first()
    with pytest.raises(ZeroDivisionError):
        halve(1, by=0)
    second()


def test_a_handler_that_raises_does_not_bring_it_back():
    class Raising(logging.Handler):
        def emit(self, record):
            raise OSError("disk full")

    @guarded
    def fails():
        raise ValueError("once")

    handler = Raising()
    logging.getLogger("otel_ia").addHandler(handler)
    try:
        assert fails() is None
    finally:
        logging.getLogger("otel_ia").removeHandler(handler)
