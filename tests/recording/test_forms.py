"""The ways to write `monitor`, and what each span says of the place."""

import asyncio
import contextlib
import functools
import os
from pathlib import Path

import pytest
from opentelemetry import trace

from otel_ia import SettingError, monitor


def test_it_decorates_without_parentheses(telemetry):
    @monitor
    def predict(x):
        return x + 1

    assert predict(1) == 2
    assert telemetry.tree == ["predict"]


def test_it_decorates_with_empty_parentheses(telemetry):
    @monitor()
    def predict(x):
        return x + 1

    assert predict(1) == 2
    assert telemetry.tree == ["predict"]


def test_it_decorates_with_a_name_and_options(telemetry):
    @monitor("answer", attributes={"ia.model.name": "m"}, slow_after=60)
    def predict():
        return 42

    assert predict() == 42
    span = telemetry.span("answer")
    assert span.attributes["ia.model.name"] == "m"
    assert span.attributes["code.function.name"].endswith("predict")
    assert span.status == "UNSET"
    assert "ia.outcome" not in span.attributes


def test_options_go_with_a_target_that_is_given_directly(telemetry):
    predict = monitor(len, attributes={"a": 1})
    assert predict("abc") == 3
    assert telemetry.span("len").attributes["a"] == 1


def test_a_block_gives_opentelemetrys_own_span(telemetry):
    with monitor("load", attributes={"rows": 3}) as span:
        assert isinstance(span, trace.Span)
        assert trace.get_current_span() is span
        span.set_attribute("more", 1)
    seen = telemetry.span("load")
    assert (seen.attributes["rows"], seen.attributes["more"]) == (3, 1)
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_block_works_inside_async_code(telemetry):
    async def work(name):
        with monitor(name):
            await asyncio.sleep(0)
            with monitor(f"{name}.inner"):
                await asyncio.sleep(0)

    async def main():
        with monitor("all"):
            await asyncio.gather(work("a"), work("b"))

    asyncio.run(main())
    assert telemetry.tree == ["all", ["a", ["a.inner"], "b", ["b.inner"]]]


def test_a_block_without_a_name_bears_its_functions(telemetry):
    def load():
        with monitor():
            pass

    load()
    assert telemetry.names == ["load"]


def test_a_block_knows_its_place(telemetry):
    with monitor("here"):
        pass
    attributes = telemetry.span("here").attributes
    assert attributes["code.function.name"] == f"{__name__}.test_a_block_knows_its_place"
    assert attributes["code.file.path"] == str(Path(__file__).absolute())
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    assert lines[attributes["code.line.number"] - 1].strip() == 'with monitor("here"):'


def test_a_block_entered_through_an_exit_stack_knows_its_place(telemetry):
    with contextlib.ExitStack() as stack:
        stack.enter_context(monitor("stacked"))
    assert "exit_stack_knows" in telemetry.span("stacked").attributes["code.function.name"]


def test_blocks_in_an_exit_stack_end_in_reverse_order(telemetry):
    block = monitor("same")
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(block)
    assert telemetry.tree == ["same", ["same", ["same"]]]


def test_the_default_name_is_the_qualified_name_without_locals(telemetry):
    class Model:
        @monitor
        def predict(self):
            pass

    Model().predict()
    assert telemetry.names == ["Model.predict"]


def test_a_function_knows_its_place(telemetry):
    @monitor
    def predict():
        pass

    predict()
    attributes = telemetry.span("predict").attributes
    assert attributes["code.function.name"] == (f"{__name__}.test_a_function_knows_its_place.<locals>.predict")
    assert attributes["code.file.path"] == str(Path(__file__).absolute())
    assert attributes["code.line.number"] == predict.__wrapped__.__code__.co_firstlineno


def test_the_place_is_the_innermost_functions(telemetry):
    def other_decorator(function):
        @functools.wraps(function)
        def replaced(*args):
            return function(*args)

        return replaced

    def predict():
        pass

    monitor(other_decorator(predict))()
    attributes = telemetry.span("predict").attributes
    assert attributes["code.line.number"] == predict.__code__.co_firstlineno
    assert attributes["code.function.name"].endswith("<locals>.predict")


def test_what_is_not_written_in_python_has_no_file(telemetry):
    monitor(len)("abc")
    attributes = telemetry.span("len").attributes
    assert attributes["code.function.name"] == "builtins.len"
    assert not {"code.file.path", "code.line.number"} & set(attributes)


def test_the_users_attributes_win_over_ours(telemetry):
    with monitor("x", attributes={"code.function.name": "mine"}):
        pass
    assert telemetry.span("x").attributes["code.function.name"] == "mine"


def test_names_and_paths_become_encodable(telemetry):
    with monitor("a\ud800b"):
        pass
    scope = {}
    exec(compile("def f(): pass", "/tmp/a\udcffb.py", "exec"), scope)
    monitor(scope["f"])()
    assert telemetry.names == ["a\ufffdb", "f"]
    assert telemetry.span("f").attributes["code.file.path"] == "/tmp/a\ufffdb.py"


def test_it_works_where_the_working_directory_is_gone(telemetry, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    scope = {"monitor": monitor, "__name__": "m"}
    exec(compile("@monitor\ndef f():\n    with monitor('b'):\n        pass", "relative.py", "exec"), scope)
    scope["f"]()
    assert telemetry.tree == ["f", ["b"]]
    assert telemetry.span("f").attributes["code.file.path"] == "relative.py"
    os.chdir("/")


@pytest.mark.parametrize("wrong", [42, 1.5, [], {}, object(), b"name"])
def test_what_cannot_be_called_is_refused_when_it_is_decorated(wrong):
    with pytest.raises(TypeError, match="only what can be called can be decorated, not"):
        monitor(wrong)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"log": "LOUD"}, "log"),
        ({"log": True}, "log"),
        ({"log": 1.5}, "log"),
        ({"log": ["INFO"]}, "log"),
        ({"slow_after": "0.5"}, "slow_after"),
        ({"slow_after": -1}, "slow_after"),
        ({"slow_after": float("nan")}, "slow_after"),
        ({"slow_after": float("inf")}, "slow_after"),
        ({"slow_after": True}, "slow_after"),
        ({"attributes": ["a"]}, "attributes"),
        ({"attributes": "a"}, "attributes"),
    ],
)
def test_a_wrong_option_is_refused_when_it_is_decorated(options, named):
    with pytest.raises(SettingError, match=f"^monitor: {named} = "):
        monitor("x", **options)


def test_unknown_options_are_refused():
    with pytest.raises(TypeError):
        monitor("x", colour="red")
