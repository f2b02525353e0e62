"""`instrument` on ONNX Runtime's sessions, with the models that its package ships."""

import functools
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from otel_ia import instrument

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install onnxruntime")

get_example = pytest.importorskip("onnxruntime.datasets").get_example


@functools.cache
def session():
    return onnxruntime.InferenceSession(get_example("logreg_iris.onnx"), providers=["CPUExecutionProvider"])


ROWS = np.array([[5.1, 3.5], [6.7, 3.1], [5.9, 3.0]], np.float32)


def test_each_run_is_a_span_with_batch_device_and_provider(telemetry):
    expected = session().run(None, {"float_input": ROWS})
    with instrument(session()):
        assert session().__class__ is onnxruntime.InferenceSession
        found = session().run(["label", "probabilities"], {"float_input": ROWS})
        session().run(output_names=None, input_feed={"float_input": ROWS})
    assert np.array_equal(found[0], expected[0])
    assert found[1] == expected[1]
    assert telemetry.names == ["InferenceSession.run"] * 2
    for span in telemetry.spans:
        assert {name: value for name, value in span.attributes.items() if name.startswith("ia.")} == {
            "ia.model.name": "logreg_iris",
            "ia.stage": "inference",
            "ia.batch.size": 3,
            "ia.execution.provider": "CPUExecutionProvider",
            "ia.device": "cpu",
        }
    assert type(session()) is onnxruntime.InferenceSession
    assert telemetry.metric("ia.batch.size").value == 6


def test_errors_of_the_runtime_pass_as_they_are(telemetry):
    with instrument(session(), "iris", model="iris", stage="serve"):
        with pytest.raises(Exception, match="invalid dimensions") as raised:
            session().run(None, {"float_input": ROWS[:, :1]})
        with pytest.raises(ValueError, match="float_input"):
            session().run(None, {})
        with pytest.raises(TypeError):
            session().run()
    assert telemetry.names == ["iris.run"] * 3
    assert {span.outcome for span in telemetry.spans} == {"error"}
    assert telemetry.spans[0].attributes["error.type"].endswith(type(raised.value).__name__)
    assert telemetry.spans[0].attributes["ia.model.name"] == "iris"


def test_values_of_the_runtimes_own_are_taken(telemetry):
    value = onnxruntime.OrtValue.ortvalue_from_numpy(ROWS)
    binding = session().io_binding()
    binding.bind_cpu_input("float_input", ROWS)
    binding.bind_output("label")
    with instrument(session()):
        found = session().run_with_ort_values(["label"], {"float_input": value})
        session().run_with_iobinding(binding)
    assert telemetry.names == ["InferenceSession.run_with_ort_values", "InferenceSession.run_with_iobinding"]
    assert np.array_equal(found[0].numpy(), binding.copy_outputs_to_cpu()[0])
    assert telemetry.spans[0].attributes["ia.device"] == "cpu"


def test_a_session_made_of_bytes_goes_by_the_name_in_them(telemetry):
    model = Path(get_example("sigmoid.onnx")).read_bytes()
    made = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    with instrument(made):
        made.run(None, {"x": np.zeros((3, 4, 5), np.float32)})
    assert telemetry.span("InferenceSession.run").attributes["ia.model.name"] == made.get_modelmeta().graph_name


def test_its_pickling_is_the_runtimes_own():
    def refusal():
        with pytest.raises(TypeError) as refused:
            pickle.dumps(session())
        return str(refused.value)

    before = refusal()
    with instrument(session()):
        assert refusal() == before


def test_it_is_loaded_by_the_user_alone():
    program = (
        "import sys, otel_ia\n"
        "class M:\n    def predict(self, x): return x\n"
        "otel_ia.instrument(M())\n"
        "assert not {'sklearn', 'onnxruntime', 'torch', 'transformers', 'numpy'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60, env={**os.environ}
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
