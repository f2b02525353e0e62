"""Whether a loop that nobody stands around was left by an exception: its iterator finds that out by itself."""

import asyncio
import contextlib
import gc
import sys
import weakref
from pathlib import Path

import pytest
from opentelemetry.context import get_current
from receiver import Receiver, plain

import otel_ia
from otel_ia import monitor, training

from . import ending_loops, raising_loops
from .training_loops import Broken, batches, fail, outcomes


def play(program):
    with contextlib.suppress(Broken, ArithmeticError, TypeError, KeyError, RecursionError):
        if asyncio.iscoroutinefunction(program):
            asyncio.run(program())
        else:
            program()


@pytest.mark.parametrize("program", raising_loops.PROGRAMS, ids=lambda program: program.__name__)
def test_a_loop_that_an_exception_leaves_is_an_error(telemetry, program):
    outside = get_current()
    play(program)
    assert get_current() == outside
    last = outcomes(telemetry)[-1]
    assert last == ("step", "error")
    assert {outcome for name, outcome in outcomes(telemetry) if name == "training"} == {"error"}
    left = [span for span in telemetry.spans if span.outcome == "error"]
    assert {(span.status, span.message, span.attributes["error.type"]) for span in left} == {
        ("ERROR", "left by an exception", "_OTHER")
    }
    assert [span.exceptions for span in left] == [[]] * len(left)


@pytest.mark.parametrize("program", ending_loops.PROGRAMS, ids=lambda program: program.__name__)
def test_a_loop_that_is_left_otherwise_is_closed_early(telemetry, program):
    play(program)
    found = outcomes(telemetry)
    assert found[0] == ("training", "closed_early")
    assert {outcome for name, outcome in found} <= {"closed_early", "ok"}
    assert {span.status for span in telemetry.spans} == {"UNSET"}


def test_epochs_and_steps_that_one_exception_leaves_are_errors_alike(telemetry):
    with pytest.raises(Broken):
        for _ in training.epochs(2):
            for batch in training.steps(range(3), every=1):
                if batch:
                    raise Broken
    assert outcomes(telemetry) == [("training", "error"), ("epoch", "error"), ("step", "ok"), ("step", "error")]
    assert {span.status for span in telemetry.spans if span.outcome == "error"} == {"ERROR"}


def test_what_an_epoch_catches_is_an_error_of_its_step_only(telemetry):
    for _ in training.epochs(2):
        with contextlib.suppress(Broken):
            for _ in batches():
                fail()
    assert outcomes(telemetry) == [("training", "ok"), *[("epoch", "ok"), ("step", "error")] * 2]


def test_an_exception_outside_of_the_steps_is_one_of_epoch_and_run(telemetry):
    with pytest.raises(Broken):
        for _ in training.epochs(2):
            for _ in batches(1):
                pass
            fail()
    assert outcomes(telemetry) == [("training", "error"), ("epoch", "error"), ("step", "ok")]


def test_an_exception_of_the_loader_is_told_once_and_leaves_the_epochs_too(telemetry):
    def loader():
        yield 1
        raise Broken("no more data")

    with pytest.raises(Broken):
        for _ in training.epochs(2):
            for _ in training.steps(loader(), every=1):
                pass
    assert outcomes(telemetry) == [("training", "error"), ("epoch", "error"), ("step", "ok")]


def test_steps_that_an_exception_leaves_are_counted_as_errors_with_spans_and_without(telemetry):
    for every in (0, 1):
        with contextlib.suppress(Broken):
            for _ in training.steps(range(3), every=every):
                fail()
    failed = {"ia.outcome": "error", "error.type": "_OTHER"}
    for operation in ("step", "training"):
        assert telemetry.metric("ia.call.duration", {"ia.operation": operation, **failed}).count == 2


def test_what_is_known_of_the_exception_stands_where_somebody_sees_it(telemetry):
    @monitor
    def train():
        for _ in batches():
            fail()

    with pytest.raises(Broken), monitor("job"):
        train()
    found = [(span.name, span.attributes["error.type"], len(span.exceptions)) for span in telemetry.spans]
    known = f"{Broken.__module__}.Broken"
    assert sorted(found) == [("job", known, 0), ("step", "_OTHER", 0), ("train", known, 1), ("training", "_OTHER", 0)]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_cannot_be_told_from_an_error(telemetry, interrupt):
    with pytest.raises(interrupt):
        for _ in batches():
            raise interrupt
    assert outcomes(telemetry) == [("training", "error"), ("step", "error")]


def is_cancelled():
    async def rests():
        for _ in batches():
            try:
                await asyncio.sleep(60)
            finally:
                str(1)

    async def main():
        resting = asyncio.create_task(rests())
        await asyncio.sleep(0)
        resting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await resting

    asyncio.run(main())


def is_cancelled_deeper():
    async def rests():
        for _ in batches():
            await asyncio.sleep(60)

    async def around():
        await rests()

    async def main():
        async with asyncio.timeout(0.01):
            await around()

    with contextlib.suppress(TimeoutError):
        asyncio.run(main())


def is_cancelled_with_its_event_loop():
    async def rests():
        for _ in batches():
            await asyncio.sleep(60)

    async def main():
        main.resting = asyncio.create_task(rests())
        await asyncio.sleep(0)

    asyncio.run(main())


async def raises_after_its_cancellation():
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        for _ in batches():
            fail()


async def calls_what_raises_after_its_cancellation():
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        raising_loops.raises_through_finally()


@pytest.mark.parametrize("program", [raises_after_its_cancellation, calls_what_raises_after_its_cancellation])
def test_an_error_in_a_task_that_was_cancelled_before_is_one(telemetry, program):
    async def main():
        cancelled = asyncio.create_task(program())
        await asyncio.sleep(0)
        cancelled.cancel()
        await cancelled

    with pytest.raises(Broken):
        asyncio.run(main())
    assert outcomes(telemetry) == [("training", "error"), ("step", "error")]


@pytest.mark.parametrize("program", [is_cancelled, is_cancelled_deeper, is_cancelled_with_its_event_loop])
def test_a_loop_whose_task_is_cancelled_is_cancelled(telemetry, program):
    program()
    assert outcomes(telemetry) == [("training", "cancelled"), ("step", "cancelled")]
    assert {span.status for span in telemetry.spans} == {"UNSET"}


def test_a_task_that_is_collected_while_another_one_runs_has_raised_nothing(telemetry):
    async def rests():
        for _ in batches():
            await asyncio.Future()

    async def main():
        resting = asyncio.create_task(rests())
        await asyncio.sleep(0)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        del resting
        gc.collect()

    asyncio.run(main())
    assert outcomes(telemetry) == [("training", "closed_early"), ("step", "closed_early")]


def test_a_loop_knows_its_frame_without_keeping_anything_in_it_alive(telemetry):
    class Model:
        pass

    kept, alive = [], []

    def train():
        model = Model()
        alive.append(weakref.ref(model))
        kept.append(iter(batches()))
        for _ in kept[0]:
            return

    gc.disable()
    try:
        train()
        assert alive[0]() is None
    finally:
        gc.enable()
        kept.clear()


def test_a_run_that_an_exception_leaves_is_kept_though_it_was_not_sampled(receiver: Receiver, tmp_path: Path):
    settings = {"sampler": "parentbased_always_off", "keep_errors": True, "spool_directory": tmp_path}
    with otel_ia.configure(endpoint=receiver.endpoint, console=False, **settings):
        for model in ("whole", "stopped", "broken"):
            with contextlib.suppress(Broken):
                for _ in training.epochs(2, model=model):
                    for _ in batches():
                        if model == "stopped":
                            break
                        if model == "broken":
                            fail()
    assert {plain(span.attributes)["ia.model.name"] for span in receiver.spans} == {"broken"}
    assert sorted(span.name for span in receiver.spans) == ["epoch", "step", "training"]


def test_on_another_interpreter_nothing_is_claimed(telemetry, monkeypatch):
    monkeypatch.setattr(sys.implementation, "name", "another")
    play(raising_loops.raises)
    assert outcomes(telemetry) == [("training", "closed_early"), ("step", "closed_early")]
