"""The iterators of training loops kept, handed on and collected: nothing stays current, and nothing alive."""

import asyncio
import contextvars
import gc
import threading
import weakref

import pytest
from opentelemetry import trace
from opentelemetry.context import get_current

from otel_ia import monitor, training

from .training_loops import Broken, forward, outcomes


def test_an_iterator_that_is_kept_is_closed_out_of_order(telemetry):
    outside = get_current()
    kept = iter(training.steps(range(3), every=1))
    next(kept)
    with monitor("other"):
        kept.close()
        forward()
    assert get_current() == outside
    forward()
    assert [span.parent_id for span in telemetry.spans if span.name == "forward"][1] is None
    assert {span.name: span.outcome for span in telemetry.spans}["step"] == "closed_early"


@pytest.mark.parametrize("with_copy", [True, False], ids=["in a copy of the context", "in an empty one"])
def test_an_iterator_may_be_closed_in_another_thread(telemetry, caplog, with_copy):
    outside = get_current()
    kept = iter(training.steps(range(3), every=1))
    next(kept)
    context = contextvars.copy_context() if with_copy else contextvars.Context()
    left = []

    def close():
        kept.close()
        left.append(trace.get_current_span().get_span_context().is_valid)

    thread = threading.Thread(target=context.run, args=[close])
    thread.start()
    thread.join()
    assert left == [False]
    assert get_current() == outside
    assert caplog.records == []
    assert telemetry.tree == ["training", ["step"]]


def test_an_iterator_may_go_on_in_another_task(telemetry, caplog):
    async def main():
        kept = iter(training.steps(range(4), every=1))
        next(kept)

        async def one():
            next(kept)
            await asyncio.sleep(0)
            forward()

        await asyncio.create_task(one())
        assert not trace.get_current_span().get_span_context().is_valid
        kept.close()

    asyncio.run(main())
    assert caplog.records == []
    assert telemetry.tree == ["training", ["step", "step", ["forward"]]]


def test_tasks_of_a_step_stay_below_it_after_its_end(telemetry):
    async def main():
        release = asyncio.Event()

        async def later():
            await release.wait()
            forward()

        tasks = []
        for _ in training.steps(range(2), every=1):
            tasks.append(asyncio.create_task(later()))
            await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert telemetry.tree == ["training", ["step", ["forward"], "step", ["forward"]]]


def test_an_iterator_may_be_ended_by_the_garbage_collector(telemetry, caplog):
    outside = get_current()

    class Cycle:
        pass

    cycle = Cycle()
    cycle.itself, cycle.kept = cycle, iter(training.epochs(3))
    next(cycle.kept)
    del cycle
    gc.collect()
    assert get_current() == outside
    assert caplog.records == []
    assert [outcome for _, outcome in outcomes(telemetry)] == ["closed_early", "closed_early"]


def test_no_batch_is_kept_alive_while_the_next_one_is_made(telemetry):
    class Batch:
        pass

    alive = []

    def loader():
        for _ in range(2):
            batch = Batch()
            reference = weakref.ref(batch)
            yield batch
            del batch
            alive.append(reference() is not None)

    for batch in training.steps(loader(), every=1):
        del batch
    assert alive == [False, False]


def test_an_exception_that_left_a_loop_keeps_no_frame_alive(telemetry):
    class Model:
        pass

    def train():
        model = Model()
        reference = weakref.ref(model)
        for _ in training.steps([model]):
            try:
                raise Broken
            except Broken:
                break
        return reference

    gc.disable()
    try:
        assert train()() is None
    finally:
        gc.enable()
