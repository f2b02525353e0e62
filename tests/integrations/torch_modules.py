"""What `instrument` promises of PyTorch's modules, one function each; run by test_instrument_torch.py."""

import copy
import inspect
import io
import logging
import pickle
import sys
import warnings

FOLDER = sys.argv[2] if len(sys.argv) > 2 else ""
if FOLDER:
    sys.path.append(FOLDER)
    sys.modules["numpy"] = None  # that of the environment is of another time than the one which PyTorch was built with
import torch  # noqa: E402

if FOLDER:
    sys.path.remove(FOLDER)
from torch.nn.utils import parametrize  # noqa: E402

from otel_ia import instrument  # noqa: E402
from otel_ia.testing import record  # noqa: E402


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(4, 3)
        self.outer = torch.nn.Linear(3, 2)

    def forward(self, rows, refuse: bool = False):
        if refuse:
            raise LookupError("refused")
        return torch.nn.functional.relu(self.outer(self.inner(rows)))


torch.manual_seed(0)
ROWS = torch.ones(5, 4)


def a_call_is_a_span_of_forward_with_batch_device_and_stage():
    net = Net()
    expected = net(ROWS)
    with record() as seen, instrument(net):
        assert torch.equal(net(ROWS), expected)
        net.eval()
        assert torch.equal(net(rows=ROWS.repeat(2, 1)), expected.repeat(2, 1))
    first, second = seen.spans
    assert seen.tree == ["Net.forward", "Net.forward"]
    assert {name: value for name, value in first.attributes.items() if name != "code.file.path"} == {
        "code.function.name": "__main__.Net.forward",
        "code.line.number": inspect.getsourcelines(Net.forward)[1],
        "ia.model.name": "Net",
        "ia.batch.size": 5,
        "ia.device": "cpu",
        "ia.stage": "training",
    }
    assert (second.attributes["ia.batch.size"], second.attributes["ia.stage"]) == (10, "inference")
    with record() as seen:
        net(ROWS)
    assert not seen.spans
    assert type(net) is Net


def modules_inside_are_instrumented_by_themselves():
    net = Net()
    with record() as seen, instrument(net, model="net"), instrument(net.inner, "encoder", stage="encode"):
        net(ROWS).sum().backward()
    assert seen.tree == ["Net.forward", ["encoder.forward"]]
    assert seen.span("encoder.forward").attributes["ia.stage"] == "encode"
    assert net.inner.weight.grad is not None


def an_error_in_forward_ends_the_span_and_passes():
    net = Net()
    with record() as seen, instrument(net):
        try:
            net(ROWS, refuse=True)
        except LookupError as error:
            assert error.args == ("refused",)
        net(ROWS)
    assert [(span.outcome, span.parent_id) for span in seen.spans] == [("error", None), ("ok", None)]


def hooks_state_and_signature_are_as_before():
    net, called = Net(), []
    state, shown = {name: value.clone() for name, value in net.state_dict().items()}, repr(net)
    signature = inspect.signature(net.forward)
    with instrument(net):
        handle = net.register_forward_hook(lambda module, given, result: called.append(module))
        net.register_forward_pre_hook(lambda module, given: None)
        net(ROWS)
        handle.remove()
        assert called == [net]
        assert repr(net) == shown
        assert net.state_dict().keys() == state.keys()
        assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
        assert inspect.signature(net.forward) == signature == inspect.signature(net.__call__)
        assert len(list(net.modules())) == 3
        assert net.double().float().train() is net
        net.load_state_dict(state)


def copies_and_files_hold_nothing_of_ours():
    net = Net()
    with instrument(net):
        held = io.BytesIO()
        torch.save(net, held)
        assert b"otel_ia" not in held.getvalue()
        held.seek(0)
        for twin in (torch.load(held, weights_only=False), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
            assert type(twin) is Net
            assert torch.equal(twin(ROWS), net(ROWS))
        assert torch.equal(torch.nn.DataParallel(net)(ROWS), net(ROWS))
        assert "quantized" in repr(torch.quantization.quantize_dynamic(net, {torch.nn.Linear})).lower()


def scripts_and_traces_are_those_of_the_module():
    net = Net()

    def kinds(traced):
        return [node.kind() for node in traced.inlined_graph.nodes()]

    script, traced = torch.jit.script(net).code, kinds(torch.jit.trace(net, (ROWS,)))
    graph = torch.fx.symbolic_trace(net, concrete_args={"refuse": False}).code
    with instrument(net):
        scripted = torch.jit.script(net)
        assert scripted.code == script
        with record(), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            warnings.filterwarnings("ignore", "`torch.jit", FutureWarning)  # it is deprecated, and said to be to all
            assert kinds(torch.jit.trace(net, (ROWS,))) == traced
        assert not warned
        assert torch.fx.symbolic_trace(net, concrete_args={"refuse": False}).code == graph
    with record() as seen, instrument(scripted):
        assert torch.equal(scripted(ROWS), net(ROWS))
    told = seen.span("RecursiveScriptModule.forward").attributes
    assert told["ia.batch.size"] == 5
    assert "otel_ia" not in told["code.function.name"]


def what_is_compiled_is_the_module_as_it_is_without_us():
    if not hasattr(torch, "compiler"):  # before 2.1
        return
    logging.getLogger("torch.utils.flop_counter").setLevel(logging.ERROR)  # which misses Triton
    net, told = Net(), io.StringIO()
    expected = net(ROWS)
    log = logging.StreamHandler(told)
    logging.getLogger("otel_ia").addHandler(log)
    with record() as seen, warnings.catch_warnings(), instrument(net), instrument(net.inner):
        warnings.simplefilter("error")
        compiled = torch.compile(net, backend="eager", fullgraph=True)
        assert torch.equal(compiled(ROWS), expected)
        assert torch.equal(compiled(ROWS), expected)
        assert torch.equal(torch.export.export(net, (ROWS,)).module()(ROWS), expected)
        assert not seen.spans
        with instrument(compiled, "compiled"):
            assert torch.equal(compiled(ROWS), expected)
        assert torch.equal(net(ROWS), expected)
    assert seen.tree == ["compiled.forward", "Net.forward", ["Linear.forward"]]
    assert seen.span("compiled.forward").attributes["ia.batch.size"] == 5
    logging.getLogger("otel_ia").removeHandler(log)
    assert [line.partition(" are no")[0] for line in told.getvalue().splitlines()] == [
        "calls of Net inside compiled code",
        "calls of Linear inside compiled code",
    ]


def a_module_that_compiles_itself_keeps_its_spans():
    if not hasattr(torch, "compiler"):
        return
    logging.getLogger("torch.utils.flop_counter").setLevel(logging.ERROR)
    net = Net()
    expected = net(ROWS)
    with record() as seen, instrument(net):
        net.compile(backend="eager", fullgraph=True)
        assert torch.equal(net(ROWS), expected)
    assert seen.tree == ["Net.forward"]


def a_class_that_torch_gives_it_later_stays():
    net = Net()
    undo = instrument(net.inner)
    parametrize.register_parametrization(net.inner, "weight", torch.nn.Identity())
    net(ROWS)
    undo()
    assert type(net.inner).__name__ == "ParametrizedLinear"
    parametrize.remove_parametrizations(net.inner, "weight")
    assert type(net.inner) is torch.nn.Linear


def nothing_waits_for_a_device():
    class Waiting(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            if function.__name__ in {"item", "cpu", "tolist", "numpy", "__repr__", "sum", "isnan"}:
                raise AssertionError(function.__name__)
            return super().__torch_function__(function, types, args, kwargs or {})

    net = Net()
    with record() as seen, instrument(net):
        net(ROWS.as_subclass(Waiting))
        assert net.to("meta")(torch.ones(6, 4, device="meta")).device.type == "meta"
    assert [span.outcome for span in seen.spans] == ["ok", "ok"]
    assert (seen.spans[1].attributes["ia.batch.size"], seen.spans[1].attributes["ia.device"]) == (6, "meta")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
