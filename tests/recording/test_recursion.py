"""Near the recursion limit a monitored call ends as the plain one does."""

import inspect
import sys
import threading

import pytest

from otel_ia import monitor


@pytest.fixture(autouse=True)
def low_limit():
    """A limit that is reached soon, and from a known depth: in a thread of its own nothing else counts."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    yield
    sys.setrecursionlimit(before)


def in_thread(function):
    """What the function gives or raises in a thread of its own."""
    result = []

    def run():
        try:
            result.append(function())
        except BaseException as error:
            result.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return result[0]


def descend(levels, then):
    return descend(levels - 1, then) if levels else then()


def reach(depth=0):
    """How many more frames there are."""
    try:
        return reach(depth + 1)
    except RecursionError:
        return depth


def available(then=lambda: reach()):
    return in_thread(then)


@pytest.mark.parametrize("kind", ["function", "generator", "block", "with lines"])
def test_a_monitored_call_takes_few_frames(telemetry, kind):
    def block():
        with monitor("block"):
            return reach()

    def generator():
        yield reach()

    stream = monitor(generator)
    monitored = {
        "function": monitor(lambda: reach()),
        "generator": lambda: next(stream()),
        "block": block,
        "with lines": monitor(lambda: reach(), log="INFO", slow_after=1),
    }[kind]
    monitored()  # what is done at the first call only
    assert available(lambda: reach()) - available(lambda: monitored()) < 12


@pytest.mark.parametrize("kind", ["value", "error", "recursion"])
@pytest.mark.parametrize("form", ["function", "block", "generator", "lines"])
def test_at_every_distance_from_the_limit_the_result_is_the_plain_ones(telemetry, kind, form, capfd, caplog):
    kept = []  # what is freed down there may have no frame left for its own end, monitored or not

    def plain():
        if kind == "error":
            kept.append(ValueError("mine"))
            raise kept[-1]
        return reach() >= 0 if kind == "recursion" else 5

    def block():
        with monitor("block"):
            return plain()

    def generator():
        yield plain()

    stream = monitor(generator)
    monitored = {
        "function": monitor(plain),
        "block": block,
        "generator": lambda: kept.append(stream()) or next(kept[-1]),
        "lines": monitor(plain, log="DEBUG", slow_after=1),
    }[form]
    limit = available()
    differing = []
    for distance in range(1, 90):
        expected = in_thread(lambda levels=limit - distance: descend(levels, plain))
        got = in_thread(lambda levels=limit - distance: descend(levels, monitored))
        if got is not expected and got != expected and type(got) is not type(expected):
            differing.append(distance)
            assert isinstance(got, RecursionError)
    kept.clear()
    # where the plain call just fits, ours may be a few frames too long
    assert len(differing) < 12
    assert all(distance < 16 for distance in differing)
    monitor("last")(int)()  # ends what could not be ended down there
    known = {span.span_id for span in telemetry.spans}
    assert len(known) == len(telemetry.spans)
    assert all(span.parent_id is None for span in telemetry.spans)
    assert capfd.readouterr().err == ""
    assert [record for record in caplog.records if record.name.startswith(("otel_ia", "opentelemetry"))] == []


def test_endless_recursion_of_a_monitored_function_ends_all_its_spans(telemetry, capfd):
    opened = []

    @monitor
    def endless():
        opened.append(1)
        endless()

    error = in_thread(endless)
    assert isinstance(error, RecursionError)
    monitor(int)()
    assert len(opened) > 100
    recursions = [span for span in telemetry.spans if span.name == "endless"]
    assert len(opened) - len(recursions) < 12
    assert {span.status for span in recursions} == {"ERROR"}
    assert {span.attributes["error.type"] for span in recursions} == {"RecursionError"}
    known = {span.span_id for span in recursions}
    assert sum(span.parent_id not in known for span in recursions) == 1, "no span of the chain is missing"
    assert sum(len(span.exceptions) for span in recursions) == 1
    assert capfd.readouterr().err == ""


def test_a_span_too_near_the_limit_to_be_ended_is_ended_by_the_next(telemetry):
    depths = range(1, 60)
    limit = available()
    marked = monitor("deep")(lambda: None)
    for distance in depths:
        in_thread(lambda levels=limit - distance: descend(levels, marked))
    monitor("next")(lambda: None)()
    assert telemetry.names[-1] == "next"
    # every call that began a span has ended it; those that could not begin one ran without
    assert 20 < len(telemetry.names) <= len(depths) + 1


def test_the_test_measures_frames():
    assert inspect.isfunction(reach)
    assert 300 < available() < 400
