"""The setting that captures at all call sites, those decorated before it is known too."""

import asyncio

import pytest

import otel_ia
from otel_ia import monitor


@pytest.mark.parametrize("mode", ["summary", "values"])
def test_the_settings_give_all_call_sites_a_default(mode, receiver, tmp_path):  # noqa: C901 - one of each kind
    @monitor
    def function(x):
        return x

    @monitor
    async def coroutine(x):
        return x

    @monitor
    def generator(x):
        yield x

    @monitor
    async def async_generator(x):
        yield x

    @monitor(capture="none")
    def silent(x):
        return x

    @monitor(capture=("return",))
    def own(x):
        return x

    bound = monitor({1: 2}.get)

    async def run():
        await coroutine(1)
        assert [item async for item in async_generator(1)] == [1]

    def call():
        function(1)
        bound(1)
        assert list(generator(1)) == [1]
        asyncio.run(run())
        silent(1)
        own(1)

    with otel_ia.configure(endpoint=receiver.endpoint, spool_directory=tmp_path, capture=mode, console=False):

        @monitor
        def later(x):
            return x

        call()
        later(1)
    with otel_ia.configure(endpoint=receiver.endpoint, spool_directory=tmp_path, console=False):
        call()
        later(1)
    receiver.wait_for(spans=15)
    found = {}
    for span in receiver.spans:
        names = {attribute.key for attribute in span.attributes if attribute.key.startswith(("ia.argument", "ia.res"))}
        found.setdefault(span.name.rpartition(".")[2], []).append(names)
    part = "type" if mode == "summary" else "value"
    both, argument, result = (
        {f"ia.argument.x.{part}", f"ia.result.{part}"},
        {f"ia.argument.x.{part}"},
        {"ia.result.type"},
    )
    assert found.pop("get") == [{f"ia.argument.key.{part}", f"ia.result.{part}"}, set()]
    assert found == {
        "function": [both, set()],
        "coroutine": [both, set()],
        "generator": [argument, set()],
        "async_generator": [argument, set()],
        "silent": [set(), set()],
        "own": [result, result],
        "later": [both, set()],
    }


def test_the_default_is_that_of_the_latest_configuration(receiver, tmp_path):
    @monitor
    def f(x):
        pass

    where = {"endpoint": receiver.endpoint, "spool_directory": tmp_path, "console": False}
    with otel_ia.configure(capture="summary", **where), otel_ia.configure(**where):
        f(1)
    receiver.wait_for(spans=1)
    assert not [a.key for span in receiver.spans for a in span.attributes if a.key.startswith("ia.argument")]


def test_without_capture_the_code_of_the_call_is_what_it_was(receiver, tmp_path):
    @monitor
    def f(x):
        return x

    code = f.__code__
    with otel_ia.configure(endpoint=receiver.endpoint, spool_directory=tmp_path, capture="summary", console=False):
        assert f.__code__ is not code
        assert f(3) == 3
    assert f.__code__ is code
