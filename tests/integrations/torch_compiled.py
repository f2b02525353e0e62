"""What `monitor` promises inside `torch.compile`, one function each; run by test_torch_compile.py."""

import functools
import inspect
import io
import logging
import sys
import warnings

import torch

from otel_ia import instrument, monitor
from otel_ia.testing import record

warnings.simplefilter("error")
logging.getLogger("otel_ia").addHandler(logging.NullHandler())
logging.getLogger("torch.utils.flop_counter").setLevel(logging.ERROR)  # which misses Triton
ROW = torch.tensor([1.0, 2.0, 3.0])


def compiled(function, *, fullgraph=True):
    """The function compiled, and a list with an item for each graph that is made of it."""
    torch._dynamo.reset()
    graphs = []

    def keep(module, _):
        graphs.append(module)
        return module.forward

    return torch.compile(function, backend=keep, fullgraph=fullgraph), graphs


def assert_passes_through(function, *, fullgraph=True):
    """It gives what it gives without a compiler, as one graph, and no span."""
    expected = function(ROW)
    fast, graphs = compiled(function, fullgraph=fullgraph)
    with record() as seen:
        assert torch.equal(fast(ROW), expected)
        assert torch.equal(fast(ROW), expected)
    assert len(graphs) == 1
    assert not seen.spans


@monitor
def double(row):
    return row * 2


@monitor(capture="summary", slow_after=10)
def captured(row, *, by=3):
    return row * by


class Model:
    by = 4

    @monitor
    def method(self, row):
        return row * self.by

    @staticmethod
    @monitor
    def static(row):
        return row * 5

    @monitor
    @classmethod
    def of_class(cls, row):
        return row * cls.by


@monitor
class Whole:
    def __init__(self):
        self.by = 7

    def outer(self, row):
        return self.inner(row) + 1

    def inner(self, row):
        return row * self.by


def functions_and_methods_are_in_the_graph_as_if_they_were_not_monitored():
    model, whole = Model(), Whole()

    def forward(row):
        row = double(row) + captured(row, by=2) + captured(row)
        row = model.method(row) + Model.static(row) + Model.of_class(row)
        return whole.outer(row)

    for fullgraph in (True, False):
        assert_passes_through(forward, fullgraph=fullgraph)
        assert_passes_through(double, fullgraph=fullgraph)
        assert_passes_through(captured, fullgraph=fullgraph)
    with record() as seen:
        forward(ROW)
    calls = ["double", "captured", "captured", "Model.method", "Model.static", "Model.of_class"]
    assert seen.tree == [*calls, "Whole.outer", ["Whole.inner"]]

    @monitor
    def loss(row):
        return (double(row) ** 2).sum()

    torch._dynamo.reset()
    row, twin = ROW.clone().requires_grad_(), ROW.clone().requires_grad_()
    loss(row).backward()
    with record() as seen:
        torch.compile(lambda row: loss(row), backend="aot_eager", fullgraph=True)(twin).backward()
    assert torch.equal(row.grad, twin.grad)
    assert not seen.spans


def blocks_are_too():
    def forward(row):
        with monitor("never seen before") as span:
            span.set_attribute("count", 3)
            span.add_event("begun")
            if span.is_recording():
                row = row * 100
        with monitor("outer"), monitor("with options", attributes={"count": 3}, stage="train"):
            with monitor("outer"):
                row = row + 1
            try:
                with monitor("raises"):
                    raise LookupError("refused")
            except LookupError:
                row = row * 2
        return row

    fast, graphs = compiled(forward)
    expected = (ROW + 1) * 2
    with record() as seen:
        assert torch.equal(fast(ROW), expected)
        with monitor("outer"):
            assert torch.equal(fast(ROW), expected)
            with monitor("outer"):
                assert torch.equal(fast(ROW), expected)
    assert seen.tree == ["outer", ["outer"]]
    assert len(graphs) == 1


def functions_may_be_decorated_there():
    def forward(row):
        @monitor
        def plain(value):
            return value * 2

        @monitor("named", stage="train")
        def named(value):
            return value * 3

        @monitor("only named")
        def only_named(value):
            return value * 5

        @monitor(capture="summary")
        def optional(value):
            return value * 7

        return optional(only_named(named(plain(row)))) + monitor(torch.neg)(row)

    fast, graphs = compiled(forward)
    with record() as seen:
        assert torch.equal(fast(ROW), ROW * 209)
    assert len(graphs) == 1
    assert not seen.spans


def errors_pass_as_they_are():
    @monitor
    def refuse(row):
        if row.sum() > 0:
            raise LookupError("refused")
        return row

    fast, _ = compiled(lambda row: refuse(row) * 2, fullgraph=False)
    with record():
        try:
            fast(ROW)
        except LookupError as error:
            assert error.args == ("refused",)
        else:
            raise AssertionError("nothing was raised")


def decorators_of_others_are_kept_on_either_side():
    def tenfold(function):
        @functools.wraps(function)
        def call(row):
            return function(row) * 10

        return call

    above = tenfold(double)
    below = monitor(tenfold(lambda row: row + 1))
    both = tenfold(monitor(tenfold(double)))
    for function in (above, below, both):
        assert_passes_through(function)
        assert_passes_through(lambda row, function=function: function(row) + 1)
    assert torch.equal(compiled(both)[0](ROW), ROW * 200)

    def function(row: int) -> int:
        return row

    monitored = monitor(function)
    assert vars(monitored) == {"__wrapped__": function}
    assert inspect.signature(monitored) == inspect.signature(function)


def graphs_that_break_are_as_they_were():
    shown = []

    @torch.compiler.disable
    def show(row):
        shown.append(row)

    @monitor
    def breaks(row):
        row = row + 1
        show(row)
        return double(row)

    def in_a_block(row):
        with monitor("block"):
            show(row)
            return double(row)

    for function in (breaks, lambda row: breaks(row) * 3, in_a_block):
        expected = function(ROW)
        fast, _ = compiled(function, fullgraph=False)
        with record():
            assert torch.equal(fast(ROW), expected)
    assert len(shown) == 6


def what_is_compiled_stays_when_telemetry_is_configured_and_shut_down():
    @monitor
    def late(row):
        return row * 2

    fast, graphs = compiled(lambda row: late(row) + 1)
    for _ in range(3):
        assert torch.equal(fast(ROW), ROW * 2 + 1)
        with record() as seen:
            assert torch.equal(fast(ROW), ROW * 2 + 1)
            late(ROW)
        assert seen.tree == ["late"]
    assert len(graphs) <= 2


def what_is_compiled_is_monitored_from_outside():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(3, 2)

        @monitor
        def forward(self, rows):
            with monitor("inside"):
                return self.activate(self.inner(rows))

        @monitor(capture="summary")
        def activate(self, rows):
            return torch.relu(rows)

    net = Net()
    expected = net(ROW)
    with record() as seen:
        assert torch.equal(monitor("net")(compiled(net)[0])(ROW), expected)
        assert torch.equal(monitor("double")(compiled(double)[0])(ROW), ROW * 2)
        fast, _ = compiled(net)
        with instrument(fast, "instrumented"):
            assert torch.equal(fast(ROW), expected)
        with instrument(net), instrument(net.inner):
            assert torch.equal(compiled(net)[0](ROW), expected)
    assert seen.tree == ["net", "double", "instrumented.forward"]


def it_is_said_once_and_where_nothing_is_configured_never():
    told = io.StringIO()
    log = logging.StreamHandler(told)
    logging.getLogger("otel_ia").addHandler(log)

    def block(row):
        with monitor("block"):
            return row * 2

    def forward(row):
        return double(block(row))

    compiled(forward)[0](ROW)
    assert not told.getvalue()
    with record():
        compiled(forward)[0](ROW)
        compiled(block)[0](ROW)
        compiled(double)[0](ROW)
    assert told.getvalue().count("said once") == 1
    assert "put `monitor` on what torch.compile returns" in told.getvalue()
    logging.getLogger("otel_ia").removeHandler(log)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
